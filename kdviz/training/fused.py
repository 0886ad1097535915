"""Networks of one architecture as one: each layer of all students is a single product or convolution."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdviz.networks import Network, Shortcut, Tap


class Stacked:
    """Students of one architecture, their parameters stacked: what every fused form shares.

    Inside, dense activations have shape (students, units, examples), images (examples, students·channels, height,
    width) and sequences (examples, students·channels, length): so the weights that meet one input, those of a stream's
    students in the first layer, lie one under the other and need no copy of it.

    Parameters
    ----------
    networks : list of nn.Module
        Alike but for their weights; neighbours share a stream of inputs. What they hold is copied.
    device : torch.device

    Attributes
    ----------
    parameters, buffers : dict of str to Tensor
        Shape (students, \\*shape), under the names the networks give them.
    """

    def __init__(self, networks: list[nn.Module], device: torch.device):
        states = [network.state_dict() for network in networks]
        held = {name: torch.stack([state[name] for state in states]).to(device) for name in states[0]}
        names = {name for name, _ in networks[0].named_parameters()}
        self.parameters = {name: kept.requires_grad_() for name, kept in held.items() if name in names}
        self.buffers = {name: kept for name, kept in held.items() if name not in names}
        self.students = len(networks)
        linear = [name for name, layer in networks[0].named_modules() if isinstance(layer, nn.Linear)]
        self._gradients = {name: torch.zeros_like(self.parameters[f"{name}.weight"]) for name in linear}

    def _convolution(self, name: str, layer: nn.Conv1d | nn.Conv2d, x: Tensor, weights: dict[str, Tensor]) -> Tensor:
        convolve = F.conv1d if isinstance(layer, nn.Conv1d) else F.conv2d
        weight = weights[f"{name}.weight"].flatten(0, 1)
        bias = None if layer.bias is None else weights[f"{name}.bias"].flatten()
        return convolve(x, weight, bias, layer.stride, layer.padding, groups=x.shape[1] // weight.shape[1])

    def _product(self, name: str, x: Tensor, weights: dict[str, Tensor]) -> Tensor:
        weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        streams, inputs, examples = x.shape
        shape = streams, -1, inputs
        rows = _Product.apply(weight.view(shape), bias.view(streams, -1, 1), x, self._gradients[name].view(shape))
        return rows.view(self.students, -1, examples)

    def stacked(self) -> dict[str, Tensor]:
        """Its parameters, each of shape (students, ...)."""
        return self.parameters

    def state_of(self, student: int) -> dict[str, Tensor]:
        """A copy of one student's weights and buffers, on the CPU, as its network names them."""
        return {name: kept[student].detach().cpu().clone() for name, kept in (self.parameters | self.buffers).items()}


class Fused(Stacked):
    """Multilayer perceptrons, deep ones of one width, and plain convolutional networks.

    Parameters
    ----------
    networks : list of Network
        As for :class:`Stacked`.
    device : torch.device
    """

    def __init__(self, networks: list[Network], device: torch.device):
        super().__init__(networks, device)
        self.layers = [(f"trunk.{i}", layer) for i, layer in enumerate(networks[0].trunk)]
        self.layers.append(("head", networks[0].head))

    def __call__(
        self, inputs: Tensor, training: bool = False, weights: dict[str, Tensor] | None = None
    ) -> dict[str, Tensor]:
        """Outputs of every student.

        Parameters
        ----------
        inputs : Tensor, shape (streams, N, ...)
            As many examples for each stream; ``students / streams`` neighbours see the same ones.
        training : bool
            Whether dropout drops, and norms take the batch's mean and variance and update their buffers.
        weights : dict of str to Tensor, optional
            Others than :attr:`parameters`, of the same names and shapes.

        Returns
        -------
        dict
            ``features`` of shape (students, N, D), ``logits`` of shape (students, N, classes) and each ``map i`` of
            shape (students, N, channels, height, width), of sequences (students, N, channels, length).
        """
        streams, examples = inputs.shape[:2]
        x, given, maps, weights = inputs, inputs, {}, weights or self.parameters
        beside = False  # whether the students' channels lie side by side, examples first
        for name, layer in self.layers:
            features = x
            if isinstance(layer, nn.Linear):
                x = self._product(name, x, weights)
            elif isinstance(layer, nn.BatchNorm1d):
                x = self._normalised(name, layer, x, weights, training)
            elif isinstance(layer, Shortcut):
                x = x + given
            elif isinstance(layer, Tap):
                maps[layer.name] = x.mT
            elif isinstance(layer, nn.Conv1d | nn.Conv2d):
                x = x if beside else x.transpose(0, 1).flatten(1, 2)
                x = self._convolution(name, layer, x, weights)
                streams, beside = self.students, True
            elif isinstance(layer, nn.Flatten):
                x = x.view(examples, streams, -1).transpose(0, 1) if beside else x
                x = x.flatten(2).mT.contiguous()
            elif isinstance(layer, nn.Dropout):
                if training and layer.p:
                    own = x if len(x) == self.students else x.repeat_interleave(self.students // len(x), 0)
                    x = F.dropout(own, layer.p)
            elif isinstance(layer, nn.ReLU):
                given, x = x, F.relu(x)
            elif isinstance(layer, nn.MaxPool1d | nn.MaxPool2d):
                x = layer(x)
                of_each = x.view(examples, self.students, -1, *x.shape[2:]).transpose(0, 1)
                maps[f"map {len(maps) + 1}"] = of_each
            else:
                raise TypeError(f"no fused form of the layer {type(layer).__name__}")
        return maps | {"features": features.mT, "logits": x.mT}

    def _normalised(
        self, name: str, layer: nn.BatchNorm1d, x: Tensor, weights: dict[str, Tensor], training: bool
    ) -> Tensor:
        """BatchNorm of (students, units, examples): every unit of every student is a channel of one image."""
        kept = [self.buffers[f"{name}.running_{what}"].view(-1) for what in ("mean", "var")]  # updated in place
        scale = [weights[f"{name}.{what}"].flatten() for what in ("weight", "bias")]
        if training:
            self.buffers[f"{name}.num_batches_tracked"].add_(1)
        return F.batch_norm(x.flatten(0, 1)[None], *kept, *scale, training, layer.momentum, layer.eps).view(x.shape)


class _Product(torch.autograd.Function):
    """``weight @ inputs + bias`` for each student, the gradient of the weights put where there is room for it."""

    @staticmethod
    def forward(ctx, weight: Tensor, bias: Tensor, inputs: Tensor, gradient: Tensor) -> Tensor:
        ctx.save_for_backward(weight, inputs)
        ctx.gradient = gradient
        return batched_product(weight, inputs).add_(bias)

    @staticmethod
    def backward(ctx, rows: Tensor) -> tuple[Tensor, Tensor, Tensor | None, None]:
        weight, inputs = ctx.saved_tensors
        of_inputs = batched_product(weight.mT, rows) if ctx.needs_input_grad[2] else None
        return batched_product(rows, inputs.mT, ctx.gradient), rows.sum(-1, keepdim=True), of_inputs, None


def batched_product(a: Tensor, b: Tensor, out: Tensor | None = None) -> Tensor:
    """``a @ b``, shapes (n, i, j) and (n, j, k).

    On a processor each thread takes whole products of a batch: those that do not divide among the threads are done
    one by one, by all threads together.
    """
    left = a.shape[0] % torch.get_num_threads() if a.device.type == "cpu" else 0
    if not left:
        return torch.bmm(a, b, out=out)
    out = a.new_empty(a.shape[0], a.shape[1], b.shape[2]) if out is None else out
    torch.bmm(a[:-left], b[:-left], out=out[:-left])
    for i in range(-left, 0):
        torch.mm(a[i], b[i], out=out[i])
    return out
