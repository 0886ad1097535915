"""The networks: what the papers count, what the same weights give by plain functions, what goes wrong clearly."""

import json

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import kdviz as kd
from kdviz.recipes import restored
from kdviz.recipes.descriptions import describe

IMAGE, TOKENS = (3, 9, 12), (6,)
NETWORKS = [
    (kd.mlp(5), IMAGE),
    (kd.cnn(3, 4, hidden=(5,)), IMAGE),
    (kd.cnn(3, 4, hidden=(5,)), (3, 11)),
    (kd.resnet(8, 4), IMAGE),
    (kd.resnet(8, 8, "group", weight_standardise=True), IMAGE),
    (kd.resnet(14, 4, norm="layer", exits=True), IMAGE),
    (kd.transformer(2, 8, vocabulary=20), TOKENS),
    (kd.transformer(1, 6, 3, vocabulary=20, pool="mean", dropout=0.2), TOKENS),
    (kd.strided(3, 4, dropout=0.2), IMAGE),
    (kd.strided(3, 4, 5, exits=True), IMAGE),
    (kd.members(kd.mlp(5), 3), IMAGE),
    (kd.members((kd.mlp(5), kd.strided(3), kd.cnn(2))), IMAGE),
    (kd.members(kd.resnet(8, 4, exits=True), 2), IMAGE),
]
every_network = pytest.mark.parametrize(("described", "shape"), NETWORKS, ids=lambda value: str(value))


def built(described, shape, seed=0):
    torch.manual_seed(seed)
    return described.build(shape, 7)


def examples(shape, n=5):
    generator = torch.Generator().manual_seed(1)
    if shape == TOKENS:
        return torch.randint(1, 20, (n, *shape), generator=generator) * (torch.arange(shape[0]) < 4)
    return torch.randn(n, *shape, generator=generator)


def moved(network):
    """The network with weights and buffers far from where they begin, in eval mode."""
    with torch.no_grad():
        for value in (*network.parameters(), *network.buffers()):
            if value.is_floating_point():
                value.add_(0.3 * torch.rand(value.shape))
    return network.eval()


@every_network
def test_a_network_answers_with_the_outputs_that_its_description_names(described, shape):
    outputs = built(described, shape)(examples(shape))
    assert set(outputs) == set(described.outputs) and len(set(described.outputs)) == len(described.outputs)
    assert outputs["features"].ndim == 2 and outputs["logits"].shape == (5, 7)
    for name, values in outputs.items():
        assert len(values) == 5 and torch.isfinite(values).all(), name
        assert not name.startswith("logits") or values.shape == (5, 7)


@every_network
def test_evaluation_draws_nothing_and_weights_move_to_another_copy(described, shape):
    network, inputs = moved(built(described, shape)), examples(shape)
    outputs = network(inputs)
    copy = built(described, shape, seed=1).eval()
    assert not torch.equal(copy(inputs)["logits"], outputs["logits"])
    copy.load_state_dict(network.state_dict())
    for other in (network(inputs), copy(inputs)):
        assert all(torch.equal(other[name], values) for name, values in outputs.items())


@every_network
def test_a_seed_says_the_initial_weights(described, shape):
    one, again, other = (built(described, shape, seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)


@every_network
def test_the_last_layer_is_named_head(described, shape):
    """Linear probes train these weights and no others: logits depend on them, features do not."""
    network, inputs = built(described, shape).eval(), examples(shape)
    before = network(inputs)
    heads = {name: weight for name, weight in network.named_parameters() if name.startswith("head.")}
    assert heads and not [name for name in network.state_dict() if ".head." in name]
    with torch.no_grad():
        for weight in heads.values():
            weight.zero_()
    after = network(inputs)
    assert after["logits"].std(-1).max() < 1e-6 < before["logits"].std(-1).min()
    assert torch.equal(after["features"], before["features"])


@every_network
def test_a_recipe_of_a_network_is_restored_from_its_description(digits, described, shape):
    recipe = kd.Recipe(digits, described, kd.HardLabels())
    again = restored(json.loads(json.dumps(describe(recipe))))
    assert again == recipe and again.key == recipe.key and hash(again) == hash(recipe)


def test_networks_that_differ_have_other_keys_and_names(digits):
    nets = [described for described, _ in NETWORKS[3:]]
    nets += [kd.resnet(8), kd.resnet(8, weight_standardise=True), kd.transformer(2, 8, 2, vocabulary=20)]
    assert len({kd.Recipe(digits, net, kd.HardLabels()).key for net in nets}) == len({str(net) for net in nets}) == 13
    assert str(kd.resnet(20)) == "resnet-20" and str(kd.transformer(3, 64, vocabulary=9)) == "3 layers × 64"
    assert describe(kd.resnet(20)) == {"kind": "ResNet", "depth": 20}


@pytest.mark.parametrize(("depth", "millions"), [(20, 0.27), (32, 0.46), (44, 0.66), (56, 0.85), (110, 1.7)])
def test_a_resnet_has_as_many_weights_as_the_paper_counts(depth, millions):
    """He et al. 2016, table 6."""
    network = kd.resnet(depth).build((3, 32, 32), 10)
    counted = sum(weight.numel() for weight in network.parameters()) / 1e6
    assert round(counted, len(str(millions)) - 2) == millions
    weighted = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    assert len(weighted) == depth


def test_a_resnet_halves_the_sides_twice_and_doubles_the_channels_twice():
    outputs = built(kd.resnet(8, exits=True), (1, 32, 32))(torch.zeros(2, 1, 32, 32))
    maps = [tuple(outputs[f"map {i}"].shape[1:]) for i in (1, 2, 3)]
    assert maps == [(16, 32, 32), (32, 16, 16), (64, 8, 8)]
    assert {outputs[name].shape for name in ("features 1", "features 2", "features")} == {(2, 64)}


def test_a_resnet_begins_with_filters_drawn_for_relus():
    """He et al. 2015, equation 14, by the outputs of a filter, as in He et al. 2016's own code."""
    for module in built(kd.resnet(8, 32), (3, 32, 32)).modules():
        if isinstance(module, nn.Conv2d):
            assert module.weight.std().item() == pytest.approx((2 / 9 / module.out_channels) ** 0.5, rel=0.1)


def plain_resnet(described, state, x):
    """The outputs of a resnet in eval mode, from its weights in their order, by functions alone."""
    weights = [value for name, value in state.items() if "tracked" not in name and not name.startswith("head")]
    per_layer = 5 if described.norm == "batch" else 3
    layers = iter([weights[i : i + per_layer] for i in range(0, len(weights), per_layer)])

    def convolved(x, stride=1):
        kernel, scale, shift, *running = next(layers)
        if described.weight_standardise:
            mean = kernel.mean((1, 2, 3), keepdim=True)
            kernel = (kernel - mean) / ((kernel - mean).square().mean((1, 2, 3), keepdim=True) + 1e-5).sqrt()
        x = F.conv2d(x, kernel, None, stride, kernel.shape[-1] // 2)
        if described.norm == "batch":
            return F.batch_norm(x, *running, scale, shift)
        groups = x.unflatten(1, (8 if described.norm == "group" else 1, -1))
        mean, var = groups.mean((2, 3, 4), keepdim=True), groups.var((2, 3, 4), keepdim=True, correction=0)
        normed = ((groups - mean) / (var + 1e-5).sqrt()).flatten(1, 2)
        return normed * scale[:, None, None] + shift[:, None, None]

    outputs, x = {}, convolved(x).relu()
    for group in (1, 2, 3):
        for block in range((described.depth - 2) // 6):
            halved = group > 1 and block == 0
            shortcut = F.avg_pool2d(x, 1, 2) if halved else x
            if halved:
                zeros = torch.zeros_like(shortcut[:, ::2])
                shortcut = torch.cat([zeros, shortcut, zeros], 1)
            x = (convolved(convolved(x, 2 if halved else 1).relu()) + shortcut).relu()
        outputs[f"map {group}"] = x
    features = x.mean((2, 3))
    logits = features @ state["head.weight"].T + state["head.bias"]
    return outputs | {"features": features, "logits": logits}


@pytest.mark.parametrize("norm", ["batch", "group", "layer"])
@pytest.mark.parametrize("standardised", [False, True])
def test_a_resnet_is_what_its_weights_give_by_plain_functions(norm, standardised):
    described = kd.resnet(14, 8, norm, weight_standardise=standardised)
    network = moved(built(described, IMAGE)).double()
    inputs = examples(IMAGE).double()
    expected = plain_resnet(described, network.state_dict(), inputs)
    torch.testing.assert_close(network(inputs), expected, atol=1e-9, rtol=1e-9)


def test_an_exit_trains_what_lies_before_it_alone():
    network = built(kd.resnet(8, 4, exits=True), IMAGE)
    network(examples(IMAGE))["logits 1"].sum().backward()
    reached = {name for name, weight in network.named_parameters() if weight.grad is not None}
    assert {name.split(".")[0] for name in reached} == {"stem", "groups", "bottlenecks", "early_heads"}
    assert {tuple(name.split(".")[:2]) for name in reached if not name.startswith("stem")} == {
        ("groups", "0"), ("bottlenecks", "0"), ("early_heads", "0"),
    }  # fmt: skip
    last = dict(network.early_heads[0].named_parameters())
    outputs = network.eval()(examples(IMAGE))
    torch.testing.assert_close(F.linear(outputs["features 1"], last["weight"], last["bias"]), outputs["logits 1"])


def torch_layer(layer, width, heads):
    """torch's own encoder layer with the weights of one of ours."""
    theirs = nn.TransformerEncoderLayer(width, heads, 4 * width, 0, "gelu", batch_first=True, norm_first=True)
    names = {
        "projections.weight": "self_attn.in_proj_weight", "projections.bias": "self_attn.in_proj_bias",
        "mixed": "self_attn.out_proj", "before_attention": "norm1", "before_inner": "norm2", "inner.0": "linear1",
        "inner.2": "linear2",
    }  # fmt: skip
    state = {}
    for name, value in layer.state_dict().items():
        ours = next(prefix for prefix in names if name.startswith(prefix))
        state[names[ours] + name.removeprefix(ours)] = value
    theirs.load_state_dict(state)
    return theirs


@pytest.mark.parametrize("pool", ["cls", "mean"])
def test_an_encoder_is_what_torchs_own_layers_give(pool):
    described = kd.transformer(3, 12, vocabulary=20, pool=pool)
    network, tokens = moved(built(described, TOKENS)), examples(TOKENS)
    outputs, padded, x = network(tokens), tokens == 0, network.tokens.weight[tokens] + network.positions
    if pool == "cls":
        x = torch.cat([network.cls.expand(5, 1, 12), x], 1)
        padded = F.pad(padded, (1, 0), value=False)
    assert padded.any()
    for i, layer in enumerate(network.layers, 1):
        torch.testing.assert_close(outputs[f"hidden {i - 1}"], x)
        theirs = torch_layer(layer, 12, 4)
        normed, state = theirs.norm1(x).transpose(0, 1), theirs.self_attn
        _, attention = F.multi_head_attention_forward(
            normed, normed, normed, 12, 4, state.in_proj_weight, state.in_proj_bias, None, None, False, 0.0,
            state.out_proj.weight, state.out_proj.bias, key_padding_mask=padded, average_attn_weights=False,
        )  # fmt: skip
        torch.testing.assert_close(outputs[f"attention {i}"], attention)
        assert not outputs[f"attention {i}"].transpose(1, 3)[padded].any()
        x = theirs(x, src_key_padding_mask=padded)
    torch.testing.assert_close(outputs["hidden 3"], x)
    x = network.norm(x)
    pooled = (
        x[:, 0] if pool == "cls" else torch.stack([row[~gone].mean(0) for row, gone in zip(x, padded, strict=True)])
    )
    torch.testing.assert_close(outputs["features"], pooled)
    torch.testing.assert_close(outputs["logits"], network.head(pooled))


@pytest.mark.parametrize("pool", ["cls", "mean"])
def test_nothing_depends_on_what_padding_is(pool):
    network, tokens = moved(built(kd.transformer(2, 8, vocabulary=20, pool=pool), TOKENS)), examples(TOKENS)
    before = network(tokens)["logits"]
    with torch.no_grad():
        network.tokens.weight[0] += 5
        network.positions[4:] -= 3  # where there is only padding
    assert torch.equal(network(tokens)["logits"], before)
    with torch.no_grad():
        network.positions[:4] -= torch.rand(4, 8)
    assert not torch.allclose(network(tokens)["logits"], before, atol=1e-3)


@pytest.mark.parametrize("pool", ["cls", "mean"])
def test_a_sequence_of_padding_alone_has_finite_answers_and_gradients(pool):
    network = built(kd.transformer(2, 8, vocabulary=20, pool=pool), TOKENS)
    outputs = network(torch.zeros(2, *TOKENS, dtype=torch.int64))
    outputs["logits"].sum().backward()
    gradients = [weight.grad for weight in network.parameters() if weight.grad is not None]
    assert all(torch.isfinite(values).all() for values in (*outputs.values(), *gradients))
    assert pool == "cls" or not outputs["features"].any()


def test_an_encoder_begins_with_small_vectors_and_drops_its_share_of_them():
    network = built(kd.transformer(2, 64, vocabulary=200, dropout=0.4), TOKENS)
    for weight in (network.tokens.weight, network.positions, network.cls):
        assert weight.std().item() == pytest.approx(0.02, rel=0.2)
    tokens = torch.randint(0, 200, (100, *TOKENS))
    outputs = network.train()(tokens)
    assert (outputs["hidden 0"] == 0).float().mean().item() == pytest.approx(0.4, abs=0.02)
    for part in ("hidden 1", "hidden 2"):  # both parts of a layer were dropped at about 0.4² of the places
        before = outputs[f"hidden {int(part[-1]) - 1}"]
        assert (outputs[part] == before).float().mean().item() == pytest.approx(0.16, abs=0.02)


def test_tokens_may_be_held_as_exact_floats():
    network, tokens = built(kd.transformer(1, 8, vocabulary=20), TOKENS).eval(), examples(TOKENS)
    assert torch.equal(network(tokens.float())["logits"], network(tokens)["logits"])
    assert torch.equal(network(tokens.to(torch.uint8))["logits"], network(tokens)["logits"])


@pytest.mark.parametrize("described", [kd.mlp(5, 4), kd.cnn(2, 3), kd.resnet(8, 4)])
def test_members_are_networks_of_their_own(described):
    network, inputs = built(kd.members(described, 3), IMAGE), examples(IMAGE)
    torch.manual_seed(0)
    alone = [described.build(IMAGE, 7).eval()(inputs) for _ in range(3)]
    outputs = network.eval()(inputs)
    for i, each in enumerate(alone, 1):
        torch.testing.assert_close(outputs[f"logits {i}"], each["logits"])
    assert torch.equal(outputs["features"], torch.cat([each["features"] for each in alone], 1))
    mean = torch.stack([each["logits"].softmax(-1) for each in alone]).mean(0)
    torch.testing.assert_close(outputs["logits"].exp(), mean)
    outputs["logits 2"].sum().backward()
    reached = {name.split(".")[1] for name, weight in network.named_parameters() if weight.grad is not None}
    assert reached == {"1"}


def test_a_cnn_on_sequences_has_the_names_of_one_on_images_and_convolves_one_way():
    described = kd.cnn(3, 4, hidden=(5,))
    network, inputs = built(described, (2, 13)), examples((2, 13))
    state, outputs = network.state_dict(), network(inputs)
    assert [*state] == [*built(described, (2, 13, 13)).state_dict()]
    x = inputs
    for i, layer in enumerate((0, 3), 1):
        padded = F.pad(x, (2, 2)).unfold(2, 5, 1)  # (N, channels, L, 5)
        x = torch.einsum("nclk,dck->ndl", padded, state[f"trunk.{layer}.weight"])
        x = (x + state[f"trunk.{layer}.bias"][:, None]).relu()
        x = x[..., : x.shape[-1] // 2 * 2].unflatten(-1, (-1, 2)).amax(-1)
        torch.testing.assert_close(outputs[f"map {i}"], x)
    assert outputs["map 2"].shape == (5, 4, 3) and outputs["features"].shape == (5, 5)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: kd.mlp([800, 800]), "each of hidden must be a whole number, not a list of 2"),
        (lambda: kd.cnn((6, 16)), "each of channels must be a whole number, not a tuple of 2"),
        (lambda: kd.cnn(6, hidden=(1.5,)), "whole number, not 1.5"),
        (lambda: kd.cnn(4, 4, 4).build((1, 7), 3), r"3 poolings leave nothing of a sequence of shape \(1, 7\)"),
        (lambda: kd.cnn(4).build((7,), 3), r"a CNN takes inputs of shape .* not \(7,\)"),
        (lambda: kd.resnet(19), "6n .* 2 layers, 8, 14, 20 … 110, not 19"),
        (lambda: kd.resnet(2), "not 2"),
        (lambda: kd.resnet(116), "not 116"),
        (lambda: kd.resnet([20]), r"the depth of a resnet is a whole number, not \[20\]"),
        (lambda: kd.resnet("20"), "the depth of a resnet is a whole number, not '20'"),
        (lambda: kd.resnet(20, 0), "a width is at least 1, .* not 0"),
        (lambda: kd.resnet(20, [16]), r"the width of a resnet is a whole number, not \[16\]"),
        (lambda: kd.resnet(20, 12, "group"), "for a group norm a multiple of 8, not 12"),
        (lambda: kd.resnet(20, norm="instance"), "one of batch, group, layer, not 'instance'"),
        (lambda: kd.resnet(20, norm=["batch"]), r"one of batch, group, layer, not \['batch'\]"),
        (lambda: kd.resnet(20, weight_standardise="no"), "weight_standardise is True or False, not 'no'"),
        (lambda: kd.resnet(20, exits=2), "exits is True or False, not 2"),
        (lambda: kd.resnet(8).build((1, 7, 8), 3), r"at least 8×8 pixels, not \(1, 7, 8\)"),
        (lambda: kd.resnet(8).build((64,), 3), r"a resnet takes images .* not \(64,\)"),
        (lambda: kd.transformer(2, 10, vocabulary=9), "4 heads cannot share a width of 10"),
        (lambda: kd.transformer(0, 8, vocabulary=9), "layers of a transformer is at least 1, not 0"),
        (lambda: kd.transformer([2], 8, vocabulary=9), r"layers of a transformer is a whole number, not \[2\]"),
        (lambda: kd.transformer(2, 8, vocabulary="words"), "vocabulary of a transformer is a whole number"),
        (lambda: kd.transformer(2, 8, vocabulary=9, pool="max"), "pool is 'cls' or 'mean', not 'max'"),
        (lambda: kd.transformer(2, 8, vocabulary=9, dropout=1), r"dropout is a share in \[0, 1\)"),
        (lambda: kd.transformer(2, 8, vocabulary=9).build(IMAGE, 3), r"tokens of shape \(L,\), not inputs"),
        (lambda: built(kd.transformer(1, 8, vocabulary=9), TOKENS)(examples(TOKENS)), "a vocabulary of 9 is from 0"),
        (lambda: built(kd.transformer(1, 8, vocabulary=9), (5,))(examples(TOKENS)), r"of shape \(N, 5\), not"),
        (lambda: built(kd.transformer(1, 8, vocabulary=9), (5,))(torch.ones(1, 5).half()), "tokens are integers"),
        (lambda: kd.members(kd.mlp(5), 1), "at least two members, not 1"),
        (lambda: kd.members(kd.mlp(5), [2]), r"the number of members is a whole number, not \[2\]"),
        (lambda: kd.members(built(kd.mlp(5), IMAGE), 2), "a member is a description such as .* not Network"),
        (lambda: kd.members(kd.members(kd.mlp(5), 2), 2), "not Members"),
    ],
)
def test_a_mistake_says_what_was_given(make, text):
    with pytest.raises(ValueError, match=text):
        make()
