"""Deep and thin networks: against plain loops in float64, as arrays and alone, measured, shipped, drawn."""

import importlib
from itertools import pairwise

import matplotlib.pyplot as plt
import pytest
import torch
from torch import nn

import kdviz as kd
from kdviz.measures import reach, spread_by_layer
from kdviz.networks import width_of_cost
from kdviz.objectives import FadingTargets, SimilarityPreserving, attention_map, similarity_terms
from kdviz.publish.reference import reduced
from kdviz.runs import Run
from kdviz.runs.deep import attention_likeness, attention_maps, extra_weights, hidden_weights, training_errors
from kdviz.training.fused import Fused

NORM, KEPT = nn.BatchNorm1d, (0.0, 1.0)  # its mean and variance before any training


@pytest.fixture(scope="module")
def digits():
    return kd.load("digits")


@pytest.fixture
def double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def walked(network, x, described):
    """What a plain network gives, layer by layer: each layer's output, and the logits."""
    linear, norms = ([layer for layer in network.modules() if isinstance(layer, kind)] for kind in (nn.Linear, NORM))
    h, found = linear[0](x.flatten(1)), []
    for i in range(1, described.depth + 1):
        if i > 1:
            h = h + linear[i - 1](h.relu()) if described.shortcuts else linear[i - 1](h)
        if described.norm:
            mean, variance = (h.mean(0), h.var(0, correction=0)) if network.training else KEPT
            h = norms[i - 1].weight * (h - mean) / (variance + 1e-5) ** 0.5 + norms[i - 1].bias
        if not described.shortcuts or i == described.depth:
            h = h.relu()
        found.append(h)
    return found, linear[-1](h)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("described", [
    kd.plain(5, 6), kd.plain(9, 4, "he"), kd.plain(6, 5, shortcuts=True), kd.plain(5, 6, norm=True)
])  # fmt: skip
def test_a_plain_network_is_its_layers_one_after_another_alone_and_as_an_array(described, training, double):
    torch.manual_seed(0)
    networks, x = [described.build((2, 3, 4), 7).train(training) for _ in range(3)], torch.randn(5, 2, 3, 4)
    together = Fused(networks, torch.device("cpu"))(x[None], training)
    for i, network in enumerate(networks):
        layers, logits = walked(network, x, described)
        outputs = network(x)
        assert {*outputs} == {*described.outputs} == {*together}
        for name, end in zip(outputs, described.ends, strict=False):
            torch.testing.assert_close(outputs[name], layers[end - 1], atol=1e-12, rtol=0)
        torch.testing.assert_close(outputs["logits"], logits, atol=1e-12, rtol=0)
        for name, output in outputs.items():
            torch.testing.assert_close(together[name][i], output, atol=1e-12, rtol=0)


def test_norms_of_an_array_keep_what_those_of_each_network_keep(double):
    torch.manual_seed(0)
    networks, x = [kd.plain(4, 5, norm=True).build((8,), 3) for _ in range(2)], torch.randn(2, 6, 8)
    together = Fused(networks, torch.device("cpu"))
    together(x, training=True)
    for i, network in enumerate(networks):
        network(x[i])
        for name, kept in network.named_buffers():
            torch.testing.assert_close(together.state_of(i)[name], kept, atol=1e-12, rtol=0)


def test_quarters_are_even_and_he_starts_with_twice_the_variance_and_no_bias():
    assert [kd.plain(d, 1).ends for d in (4, 6, 8, 9)] == [(1, 2, 3, 4), (2, 3, 5, 6), (2, 4, 6, 8), (3, 5, 7, 9)]
    torch.manual_seed(0)
    network = kd.plain(4, 400, "he").build((500,), 10)
    first, second = [layer for layer in network.modules() if isinstance(layer, nn.Linear)][:2]
    assert abs(first.weight.var() * 500 / 2 - 1) < 0.02 and abs(second.weight.var() * 400 / 2 - 1) < 0.02
    assert not first.bias.any() and not network.head.bias.any()


@pytest.mark.parametrize("depth", [4, 8, 33])
def test_the_width_is_the_largest_that_can_be_paid_for(depth):
    def price(width):
        described = kd.plain(depth, width)
        return kd.compression.costs.multiplications(described.build((1, 8, 8), 10), torch.zeros(1, 1, 8, 8))

    width = width_of_cost(depth, 20_000, 64, 10)
    assert price(width) <= 20_000 < price(width + 1)


def plainly_similar(ours, theirs):
    """The distance of two layers' Grams, by loops."""

    def gram(rows):
        raw = [[sum(a * b for a, b in zip(x, y, strict=True)) for y in rows] for x in rows]
        return [[value / sum(other**2 for other in row) ** 0.5 for value in row] for row in raw]

    g, h = gram(ours.tolist()), gram(theirs.tolist())
    return sum((a - b) ** 2 for x, y in zip(g, h, strict=True) for a, b in zip(x, y, strict=True)) / len(g) ** 2


def test_similarities_are_those_of_plain_loops(double):
    generator = torch.Generator().manual_seed(0)
    ours, theirs = torch.randn(2, 6, 3, 2, 2, generator=generator), torch.randn(2, 6, 5, generator=generator)
    expected = [plainly_similar(a.flatten(1), b) for a, b in zip(ours, theirs, strict=True)]
    torch.testing.assert_close(similarity_terms(ours.flatten(2), theirs), torch.tensor(expected), atol=1e-9, rtol=0)
    labels, z = torch.arange(6).expand(2, 6) % 4, torch.randn(2, 6, 4, generator=generator)
    weights = {"hard_weight": torch.tensor([1.0, 0.5]), "similarity_weight": torch.tensor([3.0, 20.0])}
    given = {"map 2": ours, "logits": z}, labels, {"map 2": theirs}, {}
    found = SimilarityPreserving("any", layer="map 2").losses(*given, **weights)
    hard = [nn.functional.cross_entropy(one, y).item() for one, y in zip(z, labels, strict=True)]
    wanted = [h * a + s * b for h, a, s, b in zip([1.0, 0.5], hard, [3.0, 20.0], expected, strict=True)]
    torch.testing.assert_close(found, torch.tensor(wanted), atol=1e-9, rtol=0)


def test_the_weight_of_fading_targets_falls_along_a_line_step_by_step(digits, double):
    """Trained by the engine and by a plain loop on the same batches: the same weights in the end."""
    teacher = kd.Recipe(digits, kd.plain(4, 12), kd.HardLabels(), epochs=0.2, batch_size=20)
    said = FadingTargets(teacher, 3, hard_weight=0.5, soft_weight=2, last_soft_weight=0.25)
    recipe = kd.Recipe(digits, kd.plain(4, 6), said, epochs=0.2, batch_size=20, optimizer=kd.SGD(0.0), weight_decay=0)
    run = kd.train(recipe, store=None)
    taught = kd.train(teacher, store=None).network()
    from kdviz.data.splits import pools
    from kdviz.training.schedule import InTurn, seed_of

    torch.manual_seed(seed_of(0, "initialisation"))
    network = recipe.model.build((1, 8, 8), 10)
    rows = InTurn(pools(digits), 0).take(200).view(10, 20)
    for step, batch in enumerate(rows, 1):
        x, y = digits.train.inputs[batch].double(), digits.train.labels[batch]
        z, v = network(x)["logits"], taught(x)["logits"].detach()
        soft = 9 * ((v / 3).softmax(-1) * ((v / 3).log_softmax(-1) - (z / 3).log_softmax(-1))).sum(-1).mean()
        loss = 0.5 * nn.functional.cross_entropy(z, y) + (2 - 1.75 * step / 10) * soft
        gradients = torch.autograd.grad(loss, [*network.parameters()])
        rate = recipe.optimizer.rate(step, 10, recipe.learning_rate, 0)
        with torch.no_grad():
            for weight, gradient in zip(network.parameters(), gradients, strict=True):
                weight -= rate * gradient
    for name, weight in network.state_dict().items():
        torch.testing.assert_close(run.arrays[f"weights/{name}"], weight, atol=1e-9, rtol=0)


@pytest.mark.parametrize("of", ["squares", "sizes", "fourth powers", "largest"])
def test_each_attention_map_is_that_of_a_plain_loop(of, double):
    a, flat = torch.randn(3, 4, 2, 5, generator=torch.Generator().manual_seed(0)), []
    for example in a.tolist():
        columns = [[channel[y][x] for channel in example] for y in range(2) for x in range(5)]
        made = {"squares": lambda c: sum(v * v for v in c), "sizes": lambda c: sum(map(abs, c)),
                "fourth powers": lambda c: sum(v**4 for v in c),
                "largest": lambda c: max(v * v for v in c)}[of]  # fmt: skip
        values = [made(column) for column in columns]
        flat.append([value / sum(v * v for v in values) ** 0.5 for value in values])
    torch.testing.assert_close(attention_map(a, of), torch.tensor(flat), atol=1e-9, rtol=0)


def test_how_deep_networks_train_by_seed():
    wrong = {4: [1, 2, 60], 6: [3, 50, 1], 9: [4, 1, 1]}
    assert reach(wrong) == [9, 4, 0] and reach(wrong, 61) == [9, 9, 9]
    with pytest.raises(ValueError, match="depths must rise"):
        reach({6: [1.0], 4: [1.0]})


def test_the_spread_is_that_of_plain_loops_and_falls_by_the_root_of_six_with_torchs_start(double):
    torch.manual_seed(0)
    described, x = kd.plain(5, 4), torch.randn(7, 6)
    network = described.build((6,), 3)
    for layer, found in zip(walked(network, x, described)[0], spread_by_layer(network, x).tolist(), strict=True):
        mean = [sum(column) / 7 for column in layer.T.tolist()]
        apart = sum((value - m) ** 2 for row in layer.tolist() for value, m in zip(row, mean, strict=True))
        assert found == pytest.approx((apart / sum(v * v for row in layer.tolist() for v in row)) ** 0.5, abs=1e-9)
    network = kd.plain(6, 2000).build((2000,), 2)
    for layer in network.modules():
        if isinstance(layer, nn.Linear):
            layer.bias.detach().zero_()
    with torch.no_grad():
        sizes = [h.norm() for h in walked(network, torch.randn(50, 2000), kd.plain(6, 2000))[0]]
    assert all(abs(a / b - 6**0.5) < 0.12 for a, b in pairwise(sizes))


def test_what_is_shipped_of_a_run_says_the_same(digits):
    wide = kd.Recipe(digits, kd.strided(4, 6, 8), kd.HardLabels(), epochs=1)
    thin = kd.train([wide.replace(model=kd.strided(3, 4, 5), seed=s) for s in range(2)], store=None)
    teachers = kd.train([wide.replace(seed=s) for s in range(2)], store=None)
    names = {"training_error_count", "attention_maps"}
    shipped = [Run(run.recipe, reduced(run, names), run.history) for run in (*thin, *teachers)]
    assert all(array.numel() < 700 for run in shipped for array in run.arrays.values())
    assert training_errors(shipped).tolist() == training_errors([*thin, *teachers]).tolist()
    wrong = (thin[0].logits("train").argmax(-1) != digits.train.labels).double().mean().item()
    assert training_errors(thin)[0] == pytest.approx(100 * wrong)
    cosines = attention_likeness(shipped[:2], shipped[2:])
    for name in ("map 1", "map 3"):
        with torch.no_grad():
            ours, theirs = (run.network()(digits.test.inputs[:24])[name] for run in (thin[0], teachers[0]))
        expected = (attention_map(ours) * attention_map(theirs)).sum(-1).mean().item()
        assert cosines[name][0] == pytest.approx(expected, abs=0.02)
        assert attention_maps(shipped[0])[name].flatten(1).norm(dim=1).tolist() == pytest.approx([1] * 24, abs=1e-5)
    with pytest.raises(ValueError, match="has no layer with positions"):
        attention_maps(kd.train(kd.Recipe(digits, kd.mlp(4), kd.HardLabels(), epochs=1), store=None))


def test_of_one_layer_its_weights_alone_are_shipped(digits):
    run = kd.train(kd.Recipe(digits, kd.mlp(5, 4), kd.HardLabels(), epochs=1), store=None)
    shipped = Run(run.recipe, reduced(run, {"hidden_weights"}), run.history)
    assert {name: array.shape for name, array in shipped.arrays.items()} == {"hidden_weights": (4, 5)}
    own = run.network().state_dict()["trunk.5.weight"]
    assert torch.equal(hidden_weights(shipped), hidden_weights(run)) and (hidden_weights(run) - own).abs().max() < 1e-3


def test_the_weights_of_a_regressor_are_counted(digits):
    teacher = kd.Recipe(digits, kd.strided(4, 6), kd.HardLabels())
    counts = {layer: extra_weights(kd.Recipe(digits, kd.strided(3, 5), kd.Hints(teacher, layer))) for layer in
              ("map 2", "features")}  # fmt: skip
    assert counts == {"map 2": 6 * 6, "features": 21 * 24}
    assert extra_weights(kd.Recipe(digits, kd.strided(3, 5), SimilarityPreserving(teacher))) == 0


WRONG = {"labels": {4: [3.0, 60.0], 8: [90.0, 88.0]}, "soft targets": {4: [2.0, 4.0], 8: [90.0, 10.0]}}


def test_figures_show_each_network():
    ax = kd.figures.trained_by_depth(WRONG, ax=plt.figure().subplots())
    dots = [line for line in ax.lines if line.get_linestyle() == "None" and len(line.get_xdata())]
    assert sorted(y for line in dots for y in line.get_ydata()) == sorted([3, 60, 90, 88, 2, 4, 90, 10])
    ax = kd.figures.spreads({"labels": torch.tensor([[1.0, 0.1], [1.0, 0.01]])}, ax=plt.figure().subplots())
    assert [line.get_ydata()[-1] for line in ax.lines[:2]] == pytest.approx([0.1, 0.01]) and ax.get_yscale() == "log"
    ax = kd.figures.hint_sketch(8, 128, 21, at=4, ax=plt.figure().subplots())
    assert any("2,816 weights" in text.get_text() for text in ax.texts)
    with pytest.raises(ValueError, match="the guided layer is one of the 8"):
        kd.figures.hint_sketch(8, 128, 21, at=9)
    maps = {name: {"map 1": torch.rand(3, 4, 4)} for name in ("teacher", "taught")}
    axes = kd.figures.looks(torch.rand(3, 1, 8, 8), maps, ("map 1",), axes=plt.figure().subplots(3, 3))
    assert axes.shape == (3, 3) and axes[2][0].get_ylabel() == "taught\nmap 1"
    plt.close("all")


def test_the_explorer_opens_where_it_is_told_and_refuses_what_does_not_fit():
    view = kd.explorers.depths(WRONG, WRONG, way="labels", layers=8)
    assert view.data["depths"] == [4, 8] and view.data["wrong"]["test"]["labels"][4] == [3.0, 60.0]
    depths = importlib.import_module("kdviz.explorers.depths")  # the function has the module's name
    assert depths.summary([50.0, 49.9, 90.0]) == (50.0, 1)
    with pytest.raises(ValueError, match="it opens at one of"):
        kd.explorers.depths(WRONG, WRONG, way="labels", layers=5)
    with pytest.raises(ValueError, match="the same ways"):
        kd.explorers.depths(WRONG, {"labels": WRONG["labels"]}, way="labels", layers=4)


@pytest.mark.parametrize(("made", "told"), [
    (lambda: kd.plain(3, 5), "at least 4 layers of at least 1 unit, not 3 of 5"),
    (lambda: kd.plain(4, 5, "xavier"), "one of torch, he, not 'xavier'"),
    (lambda: kd.plain(4, 5, shortcuts=2), "shortcuts is True or False, not 2"),
    (lambda: kd.plain(4, 5, norm="batch"), "norm is True or False, not 'batch'"),
    (lambda: kd.plain(4, 5, shortcuts=True, norm=True), "shortcuts or norms, not both"),
    (lambda: width_of_cost(4, 10, 64, 10), "do not pay for 4 layers"),
    (lambda: FadingTargets("t", last_soft_weight=-1), "last_soft_weight must be at least 0"),
    (lambda: SimilarityPreserving("t", 0, 0), "must be at least 0 and not both 0"),
    (lambda: kd.AttentionTransfer("t", of="cubes"), "made of squares, sizes, fourth powers, largest, not of 'cubes'"),
])  # fmt: skip
def test_what_does_not_go_is_told(made, told):
    with pytest.raises(ValueError, match=told):
        made()
