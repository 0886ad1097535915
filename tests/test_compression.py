"""Networks that grow smaller while they learn: against plain loops, in arrays, alone, interrupted, stored."""

import itertools
import multiprocessing
import signal
import time
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from interrupting import interrupted_as_undisturbed
from plain import rate_at
from torch import nn

import kdviz as kd
from kdviz.compression import quantised
from kdviz.networks import predict_logits
from kdviz.runs.files import read_file, write_file
from kdviz.training import starting, work
from kdviz.training.arrays import Array
from kdviz.training.checkpoints import state
from kdviz.training.schedule import Order, seed_of


@pytest.fixture
def learner(digits):
    return kd.Recipe(digits, kd.mlp(9, 7), kd.HardLabels(), epochs=2, learning_rate=1e-2)


def plainly(recipe, digits, backward):
    """A network that ``backward(network, batch, done)`` has given each step's gradients, ``done`` a share of steps."""
    torch.manual_seed(seed_of(recipe.seed, "initialisation"))
    network = recipe.model.build((1, 8, 8), 10).double()
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=recipe.weight_decay, foreach=False)
    order, steps = Order(digits.rows, recipe.seed), round(recipe.epochs * 1000 / recipe.batch_size)
    for step in range(1, steps + 1):
        optimizer.zero_grad()
        backward(network.train(), digits.full_train[order.take(recipe.batch_size)], step / steps)
        optimizer.param_groups[0]["lr"] = torch.tensor(rate_at(recipe, step, steps, 1000), dtype=torch.float32).item()
        optimizer.step()
    return network.eval()


class Neurons:
    """Pruning as one would write it by hand: answers of neurons that are gone are set to 0, one after another."""

    def __init__(self, recipe):
        self.asked, self.alive, self.smooth, self.unsure = recipe.compression, None, {}, {}
        self.seed, self.left = recipe.seed, []

    def begin(self, network):
        self.layers = [layer for layer in [*network.trunk, network.head] if isinstance(layer, nn.Linear | nn.Conv2d)]
        self.alive = [torch.ones(len(layer.bias)) for layer in self.layers[:-1]]
        torch.manual_seed(seed_of(self.seed, "compression"))
        self.drawn = [torch.rand(len(alive)) for alive in self.alive] if self.asked.score == "random" else None

    def answer(self, network, x):
        alive = iter(self.alive)
        for layer in network.trunk:
            x = layer(x)
            if isinstance(layer, nn.ReLU):
                x = x * next(alive).view(-1, *[1] * (x.ndim - 2))
        return network.head(x)

    def backward(self, network, batch, done):
        if self.alive is None:
            self.begin(network)
        F.cross_entropy(self.answer(network, batch.inputs.double()), batch.labels).backward()
        with torch.no_grad():
            worth = [self.worth(place) for place in range(len(self.layers))]
            scores = [[self.neuron(worth, place, j) for j in range(len(a))] for place, a in enumerate(self.alive)]
        kept = [self.kept(len(alive), done) for alive in self.alive]
        for alive, score, most in zip(self.alive, scores, kept, strict=True):
            living = sorted((j for j in range(len(alive)) if alive[j]), key=lambda j: -score[j])
            alive[living[most:]] = 0
        self.left.append([int(alive.sum()) for alive in self.alive])

    def kept(self, units, done):
        least, start, stop = max(1, round(self.asked.keep * units)), self.asked.begin, self.asked.end
        if start == stop:
            return least if done >= stop else units
        p = min(1, max(0, (done - start) / (stop - start)))
        return round(least + (units - least) * (1 - p) ** 3)

    def worth(self, place):
        """Of each weight and bias of a layer."""
        found = {}
        for name, weight in self.layers[place].named_parameters():
            found[name] = weight.abs() if self.asked.score == "magnitude" else (weight * weight.grad).abs()
            if place < len(self.alive):  # weights into neurons that are gone do nothing
                found[name] = found[name] * self.alive[place].view(-1, *[1] * (weight.ndim - 1))
            if self.asked.score == "platon":
                key = place, name
                smooth = self.smooth[key] = 0.85 * self.smooth.get(key, 0) + 0.15 * found[name]
                off = (found[name] - smooth).abs()
                self.unsure[key] = 0.95 * self.unsure.get(key, 0) + 0.05 * off
                found[name] = smooth * self.unsure[key]
        return found

    def neuron(self, worth, place, j):
        if self.drawn:
            return float(self.drawn[place][j])
        following, units = worth[place + 1]["weight"], len(self.alive[place])
        positions = following.shape[1] // units
        leaving = following[:, j * positions : (j + 1) * positions]
        return float(worth[place]["weight"][j].sum() + worth[place]["bias"][j] + leaving.sum())

    def weights(self):
        """What is left of each layer."""
        before = None
        for layer, alive in zip(self.layers, [*self.alive, torch.ones(10)], strict=True):
            weight, bias = layer.weight.detach()[alive > 0], layer.bias.detach()[alive > 0]
            if before is not None:
                weight = weight[:, before.repeat_interleave(weight.shape[1] // len(before)) > 0]
            before = alive
            yield from (weight, bias)


PRUNED = [kd.Prune(0.3, score, begin=0.1, end=0.8) for score in ("sensitivity", "platon", "magnitude", "random")]
PRUNED += [kd.Prune(0.3, "platon", begin=0.5, end=0.5), kd.Prune(0.5, "sensitivity", begin=0, end=1)]


@pytest.mark.parametrize("compression", PRUNED, ids=str)
@pytest.mark.usefixtures("double")
def test_neurons_go_as_in_a_plain_loop(digits, learner, one_array, compression):
    recipes = kd.grid(learner.replace(compression=compression), seed=range(2))
    for run in (*one_array(recipes), kd.train(recipes[0], store=None)):
        as_plain(run, digits)


@pytest.mark.usefixtures("double")
def test_channels_go_as_in_a_plain_loop(digits, learner, one_array):
    recipe = learner.replace(model=kd.cnn(5, 4, hidden=(6,)), compression=kd.Prune(0.5, "platon"), epochs=1)
    for run in (*one_array(kd.grid(recipe, seed=range(2))), kd.train(recipe, store=None)):
        as_plain(run, digits)
        assert run.model == kd.cnn(2, 2, hidden=(3,))


def as_plain(run, digits):
    neurons = Neurons(run.recipe)
    network = plainly(run.recipe, digits, neurons.backward)
    with torch.no_grad():
        logits = neurons.answer(network, digits.test.inputs.double())
    assert (run.logits() - logits).abs().max() < 1e-9
    for mine, plain in zip(run.network().state_dict().values(), neurons.weights(), strict=True):
        assert mine.shape == plain.shape and (mine - plain).abs().max() < 1e-9
    gone = [sum(left) for left in neurons.left]
    assert gone[0] > gone[-1] or run.recipe.compression.begin == 0
    assert gone == sorted(gone, reverse=True)


def test_what_is_gone_stays_gone():
    prune, half = kd.Prune(0.5, "magnitude", begin=0.5, end=0.5), torch.tensor(0.5)
    torch.manual_seed(0)
    weights = kd.mlp(6).build((4,), 3).state_dict()
    begun = {name: tensor[None] for name, tensor in prune.state(weights).items()}
    weights = {name: weight[None].clone() for name, weight in weights.items()}
    prune.advance(begun, weights, {}, half / 2)
    assert begun["alive/trunk.2"].sum() == 6
    prune.advance(begun, weights, {}, half)
    alive = begun["alive/trunk.2"].clone()
    weights["head.weight"][:, :, alive[0] == 0] = 100.0  # what leaves a neuron that is gone may still grow
    prune.advance(begun, weights, {}, 2 * half)
    assert alive.sum() == 3 and torch.equal(begun["alive/trunk.2"], alive)


def test_platon_keeps_those_that_matter_or_may_matter():
    prune = kd.Prune(0.5, "platon", begin=1, end=1)
    torch.manual_seed(0)
    weights = kd.mlp(60).build((4,), 3).state_dict()
    begun = {name: tensor[None] for name, tensor in prune.state(weights).items()}
    weights = {name: weight[None] for name, weight in weights.items()}
    smooth, unsure = (dict.fromkeys(weights, 0) for _ in range(2))
    for step in range(1, 6):
        gradients = {name: torch.randn_like(weight) for name, weight in weights.items()}
        prune.advance(begun, weights, gradients, torch.tensor(step / 5))
        for name, weight in weights.items():
            sensitivity = (weight * gradients[name]).abs()
            smooth[name] = 0.85 * smooth[name] + 0.15 * sensitivity
            unsure[name] = 0.95 * unsure[name] + 0.05 * (sensitivity - smooth[name]).abs()
    into, bias, leaving = (smooth[n][0] * unsure[n][0] for n in ("trunk.2.weight", "trunk.2.bias", "head.weight"))
    best = (into.sum(1) + bias + leaving.sum(0)).topk(30).indices
    assert begun["alive/trunk.2"].sum() == 30 and begun["alive/trunk.2"][0, best].all()
    assert all(torch.allclose(begun[f"uncertainty/{name}"], unsure[name]) for name in weights)


def test_what_is_cut_answers_as_what_was_masked(learner):
    recipes = kd.grid(learner.replace(compression=kd.Prune(0.3), model=kd.mlp(12, 12)), seed=range(2))
    with work.as_it_was("cpu"):
        array = Array(recipes, {}, "cpu")
        while not array.done:
            array.advance()
        with torch.no_grad():
            masked = array.network(array.test_inputs[None].expand(2, -1, -1, -1, -1), weights=array.used())["logits"]
        runs = array.runs()
    for run, logits in zip(runs, masked, strict=True):
        assert (run.logits() - logits).abs().max() < 1e-5
        assert run.model == kd.mlp(4, 4)


def test_a_run_remembers_the_network_it_ended_with(digits, learner, store):
    whole = learner.replace(epochs=1)
    smaller = whole.replace(init=whole, compression=kd.Prune(0.4))
    assert smaller.compression.__str__() in str(smaller)
    run = kd.train(smaller, store=store)
    found = store.find(smaller)
    assert run.model == found.model == kd.mlp(4, 3) and kd.train(whole, store=store).model == whole.model
    logits = predict_logits(found.network(), digits.test.inputs)
    assert torch.equal(logits, found.logits())
    assert found.history["test_accuracy"][-1] == (logits.argmax(-1) == digits.test.labels).double().mean()
    assert {recipe.key for recipe in store.recipes()} == {whole.key, smaller.key}
    with pytest.raises(ValueError, match="init ended with a network 4-3, this recipe starts with 9-7"):
        kd.train(whole.replace(init=smaller), store=store)
    further = kd.train(whole.replace(model=kd.mlp(4, 3), init=smaller), store=store)
    assert further.model == kd.mlp(4, 3)


def test_a_pruned_network_teaches_with_its_layers(digits, learner):
    teachers = [learner.replace(compression=kd.Prune(keep), epochs=1) for keep in (0.3, 0.6)]
    assert [run.model for run in kd.train(teachers, store=None)] == [kd.mlp(3, 2), kd.mlp(5, 4)]
    students = [learner.replace(objective=kd.Hints(teacher, "features"), epochs=1) for teacher in teachers]
    runs = kd.train(students, store=None)
    assert {run.facts["trained_together"] for run in runs} == {1}


def levels(compression):
    """Every number there is, from its bits."""
    bits, number = compression.bits, compression.number
    if number == "integer":
        return [float(whole) for whole in range(-(2 ** (bits - 1)) + 1, 2 ** (bits - 1))]
    exponents, fractions = int(number[1]), int(number[3])
    bias, found = 2 ** (exponents - 1) - 1, []
    for e, f in itertools.product(range(2**exponents), range(2**fractions)):
        if (number == "e5m2" and e == 31) or (number == "e4m3" and (e, f) == (15, 7)):
            continue  # infinite, or no number
        value = f / 2**fractions * 2.0 ** (1 - bias) if e == 0 else (1 + f / 2**fractions) * 2.0 ** (e - bias)
        found += [value, -value]
    return found


def nearest(weight, compression):
    """A tensor's weights as the nearest numbers, by looking at every one."""
    if weight.ndim < 2:
        return weight
    rows = weight.flatten(1) if compression.per == "row" else weight.flatten()[None]
    if compression.bits == 1:
        return torch.stack([row.sign() * row.abs().mean() for row in rows]).view_as(weight)
    table = torch.tensor(levels(compression)).to(weight)
    found = []
    for row in rows:
        scales = [row.abs().max() / table.max()]
        if compression.scale == "error":
            scales = [scales[0] * share / 40 for share in range(1, 41)]
        tried = [table[(row[:, None] / s - table).abs().argmin(-1)] * s for s in scales]
        found.append(min(tried, key=lambda rounded: float((rounded - row).square().sum())))
    return torch.stack(found).view_as(weight)


QUANTISED = [kd.Quantise(1), kd.Quantise(2), kd.Quantise(3, per="row"), kd.Quantise(2, scale="error", per="row")]
QUANTISED += [kd.Quantise(8), kd.Quantise(4, number="e2m1", scale="error"), kd.Quantise(8, number="e4m3")]


def rounding(compression):
    """Polino's loop: put the rounded weights in, take their gradients, and give them to the weights themselves."""

    def backward(network, batch, done):
        own = [weight.detach().clone() for weight in network.parameters()]
        put(network, [nearest(weight, compression) for weight in own])
        F.cross_entropy(network(batch.inputs.double())["logits"], batch.labels).backward()
        put(network, own)

    return backward


@torch.no_grad()
def put(network, weights):
    for weight, value in zip(network.parameters(), weights, strict=True):
        weight.copy_(value)


def as_rounded(run, digits):
    network = plainly(run.recipe, digits, rounding(run.recipe.compression))
    put(network, [nearest(weight.detach(), run.recipe.compression) for weight in network.parameters()])
    with torch.no_grad():
        assert (run.logits() - network(digits.test.inputs.double())["logits"]).abs().max() < 1e-9
    for name, value in network.state_dict().items():
        assert (run.arrays[f"weights/{name}"] - value).abs().max() < 1e-9
    assert run.model == run.recipe.model


@pytest.mark.parametrize("compression", QUANTISED, ids=str)
@pytest.mark.usefixtures("double")
def test_weights_are_rounded_as_in_a_plain_loop(digits, learner, one_array, compression):
    recipes = kd.grid(learner.replace(compression=compression, epochs=1), seed=range(2))
    for run in (*one_array(recipes), kd.train(recipes[0], store=None)):
        as_rounded(run, digits)


def convolutional():
    """No bias before BatchNorm, whose gradient is noise; no maximum, for digits and kernels of few levels are tied."""
    convolution, pooling = nn.Conv2d(1, 4, 3, bias=False), nn.AvgPool2d(2)
    return nn.Sequential(convolution, nn.BatchNorm2d(4), nn.ReLU(), pooling, nn.Flatten(), nn.Linear(36, 10))


@pytest.mark.parametrize("compression", [kd.Quantise(3, per="row"), kd.Quantise(1)], ids=str)
@pytest.mark.usefixtures("double")
def test_any_module_is_rounded_as_in_a_plain_loop(digits, learner, compression):
    run = kd.train(learner.replace(model=kd.network(convolutional), compression=compression), store=None)
    as_rounded(run, digits)
    assert run.network().module[1].running_mean.abs().max() > 0
    kernels = run.network().module[0].weight.flatten(1)
    assert max(len(kernel.unique()) for kernel in kernels) <= 2**compression.bits - (compression.bits > 1)


@pytest.mark.parametrize("compression", [kd.Quantise(2, member=2), kd.Quantise(3, per="row", member=1)], ids=str)
@pytest.mark.usefixtures("double")
def test_of_two_that_train_together_one_alone_is_rounded(digits, learner, compression):
    pair = kd.members((kd.mlp(9), kd.mlp(6, 5)))
    run = kd.train(learner.replace(model=pair, objective=beside(), compression=compression, epochs=1), store=None)
    mine = compression.member - 1

    def backward(network, batch, done):
        named = dict(network.named_parameters())
        own = {name: weight.detach().clone() for name, weight in named.items()}
        put(network, [nearest(w, compression) if f".{mine}." in name[:10] else w for name, w in own.items()])
        answers = network(batch.inputs.double())
        v, z = answers["logits 1"], answers["logits 2"]
        apart = (v.detach().softmax(-1) * (v.detach().log_softmax(-1) - z.log_softmax(-1))).sum(-1).mean()
        (F.cross_entropy(v, batch.labels) + 0.5 * F.cross_entropy(z, batch.labels) + 0.5 * apart).backward()
        put(network, [*own.values()])

    network = plainly(run.recipe, digits, backward)
    for name, weight in network.state_dict().items():
        rounds = f".{mine}." in name[:10] and weight.ndim > 1
        expected = nearest(weight, compression) if rounds else weight
        assert (run.arrays[f"weights/{name}"] - expected).abs().max() < 1e-9
    whole = [network.head[i].weight.detach() for i in (0, 1)]
    once = quantised(network, compression.bits, per=compression.per, member=compression.member)
    assert [torch.equal(once.head[i].weight, whole[i]) for i in (0, 1)] == [i != mine for i in (0, 1)]


@kd.objective
def beside(student, labels, teaches=1.0, hard=0.5, soft=0.5):
    """Apprentice's scheme A: the first member learns from labels, the second from labels and from the first."""
    v, z = student["logits 1"], student["logits 2"]
    apart = F.kl_div(z.log_softmax(-1), v.detach().softmax(-1), reduction="batchmean")
    return teaches * F.cross_entropy(v, labels) + hard * F.cross_entropy(z, labels) + soft * apart


@pytest.mark.parametrize("compression", [*QUANTISED, kd.Quantise(8, number="e5m2")], ids=str)
def test_a_network_is_rounded_after_training(digits, compression):
    torch.manual_seed(0)
    network = kd.mlp(6, 5).build((1, 8, 8), 10)
    before = {name: weight.clone() for name, weight in network.state_dict().items()}
    said = {name: getattr(compression, name) for name in ("bits", "number", "per", "scale")}
    after = quantised(network, **said)
    assert all(torch.equal(weight, before[name]) for name, weight in network.state_dict().items())
    for name, weight in after.state_dict().items():
        assert torch.allclose(weight, nearest(before[name], compression), rtol=1e-6, atol=1e-8)
        assert torch.equal(weight, quantised(before, **said)[name])
    nothing = quantised({"weight": torch.zeros(3, 4), "seen": torch.zeros(2, 2, dtype=torch.int64)}, **said)
    assert nothing["weight"].abs().sum() == 0 and nothing["seen"].dtype == torch.int64


def test_eight_bits_of_floating_point_are_torchs_own():
    weight = torch.randn(300, 100) * torch.randn(300, 100).exp2()
    for number, kind in (("e4m3", torch.float8_e4m3fn), ("e5m2", torch.float8_e5m2)):
        largest = torch.finfo(kind).max
        weight[0, 0] = largest  # a scale of 1
        weight.clamp_(-largest, largest)
        assert torch.equal(quantised({"w": weight}, 8, number=number)["w"], weight.to(kind).float())


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize(
    "compression", [kd.Prune(0.3, "platon"), kd.Prune(0.3, "random", 0.2, 0.9), kd.Quantise(2)], ids=str
)
def test_what_grows_smaller_survives_an_interruption(learner, compression):
    recipes = kd.grid(learner.replace(compression=compression, epochs=3), seed=range(2))
    interrupted_as_undisturbed(recipes, {})


KILLED = [kd.Prune(0.3, score) for score in ("sensitivity", "platon", "magnitude")]
KILLED += [kd.Prune(0.3, "random", 0.2, 0.9), kd.Quantise(1), kd.Quantise(2), kd.Quantise(3, per="row")]
KILLED = [(compression, kd.mlp(9, 7), 2) for compression in KILLED]  # an array of two students
KILLED += [(kd.Prune(0.5, "platon"), kd.cnn(5, 4, hidden=(6,)), 1), (kd.Quantise(2), kd.mlp(9, 7), 1)]  # and alone
KILLED += [(kd.Quantise(3, per="row"), kd.network(convolutional), 1)]


def an_array(compression, model, students):
    """300 steps long, 50 an epoch."""
    recipe = kd.Recipe(kd.load("digits"), model, kd.HardLabels(), epochs=6, batch_size=20, learning_rate=5e-3)
    return Array(kd.grid(recipe.replace(compression=compression), seed=range(students)), {}, "cpu")


def begin_in_double(checkpoint: Path, *said) -> None:
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    array = an_array(*said)
    while array.step < 100:
        array.advance()
    write_file(checkpoint, *state(array))
    time.sleep(600)  # to be killed


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("said", KILLED, ids=lambda said: f"{said[0]}, {said[2]} of {said[1]}")
def test_killed_and_resumed_it_ends_as_a_plain_loop(digits, tmp_path, said):
    context, checkpoint = multiprocessing.get_context("forkserver"), tmp_path / "checkpoint.safetensors"
    context.set_forkserver_preload(["kdviz", "sklearn.datasets"])
    process = context.Process(target=begin_in_double, args=(checkpoint, *said))
    process.start()
    while process.is_alive() and not checkpoint.exists():
        time.sleep(0.01)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    with work.as_it_was("cpu"):
        array = an_array(*said)
        assert starting.put_back(array, read_file(checkpoint)) == "" and array.step == 100
        while not array.done:
            array.advance()
        runs = array.runs()
    assert len(runs) == said[2]
    for run in runs:
        (as_plain if isinstance(said[0], kd.Prune) else as_rounded)(run, digits)


@pytest.mark.parametrize("compression", PRUNED + QUANTISED, ids=str)
def test_a_step_never_waits_for_the_device(compression):
    network = kd.cnn(3, 4, hidden=(5,)).build((1, 8, 8), 10)
    weights = {n: w.detach().to("meta") for n, w in network.state_dict().items()}  # no values: nothing to look at
    begun = {name: tensor[None] for name, tensor in compression.state(weights).items()}
    weights = {name: weight[None] for name, weight in weights.items()}
    shapes = {name: weight.shape for name, weight in compression.used(weights, begun).items()}
    assert shapes == {name: weight.shape for name, weight in weights.items()}
    compression.advance(begun, weights, weights, torch.empty((), device="meta"))


def test_a_grid_varies_what_a_compression_says(learner):
    kept = kd.grid(learner.replace(compression=kd.Prune(0.5)), keep=[0.2, 0.4], seed=range(2))
    assert [recipe.compression.keep for recipe in kept] == [0.2, 0.2, 0.4, 0.4]
    assert len({recipe.key for recipe in kept}) == 4
    assert learner.replace(compression=kd.Quantise(8), bits=3).compression == kd.Quantise(3)
    with pytest.raises(ValueError, match=r"neither Recipe nor HardLabels nor Prune has a field \['bits'\]"):
        kept[0].replace(bits=3)
    with pytest.raises(ValueError, match=r"neither Recipe nor HardLabels has a field \['keep'\]"):
        learner.replace(keep=0.2)
    both = kd.objective(lambda student, labels, bits=1.0: bits * F.cross_entropy(student["logits"], labels))()
    with pytest.raises(ValueError, match=r"objective and compression both have a field \['bits'\]"):
        learner.replace(objective=both, compression=kd.Quantise(8), bits=3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda r: kd.Prune(0), r"in \(0, 1\], not 0.0"),
        (lambda r: kd.Prune(1.1), r"in \(0, 1\], not 1.1"),
        (lambda r: kd.Prune(0.5, "size"), "score is one of sensitivity, platon, magnitude, random, not 'size'"),
        (lambda r: kd.Prune(0.5, begin=0.5, end=0.4), "0 ≤ begin ≤ end ≤ 1: 0.5, 0.4"),
        (lambda r: kd.Prune(0.5, end=float("nan")), "begin and end are shares"),
        (lambda r: kd.Quantise(0), "1 to 8 bits, not 0"),
        (lambda r: kd.Quantise(9), "1 to 8 bits, not 9"),
        (lambda r: kd.Quantise(2.5), "bits of a weight is a whole number, not 2.5"),
        (lambda r: kd.Quantise(4, number="e4m3"), "e4m3 has 8 bits, not 4"),
        (lambda r: kd.Quantise(4, number="nf4"), "number is one of integer, e4m3, e5m2, e2m1, not 'nf4'"),
        (lambda r: kd.Quantise(4, per="channel"), "per is one of tensor, row, not 'channel'"),
        (lambda r: kd.Quantise(4, scale="best"), "scale is one of maximum, error, not 'best'"),
        (lambda r: r.replace(compression=kd.Quantise(2, member=1)), "9-7 has no members: write kd.members"),
        (lambda r: r.replace(model=kd.members(kd.mlp(3), 2), objective=kd.objectives.MutualLearning(),
                             compression=kd.Quantise(2, member=3)), "member 3 is to be rounded, and .* has 2 members"),
        (lambda r: kd.Quantise(2, member="last"), "the member that is rounded is a whole number"),
        (lambda r: r.replace(model=kd.resnet(8), compression=kd.Prune(0.5)), "an MLP or a CNN, not out of a ResNet"),
        (lambda r: r.replace(init=r, frozen=True, compression=kd.Prune(0.5)), "a frozen recipe trains the last layer"),
        (lambda r: r.replace(compression="half"), "compression of a recipe must be .*, not str"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_named(learner, make, message):
    with pytest.raises(ValueError, match=message):
        make(learner)
