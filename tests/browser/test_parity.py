"""What the page reckons and what torch reckons: equal to 1e-5; drawings become the same images, bit by bit."""

import importlib
import json

import numpy as np
import pytest
import samples
import torch
from carried import unpacked
from test_hosts import page_of

import kdviz as kd
from kdviz.data.wordpieces import as_pieces, learnt_pieces
from kdviz.explorers import drawing, modules
from kdviz.explorers.inside import as_carried, looks
from kdviz.explorers.pad import answer, layers_of
from kdviz.explorers.view import packed

ANSWERS = """(it, images, told) => {
  const layers = told.map(({ weight, scale, bias }) =>
    ({ weight: it.unpacked(weight), scale: it.unpacked(scale), bias: it.unpacked(bias) }));
  return images.map((image) => Array.from(it.forward(layers, image)));
}"""
MOVE = "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input')); }"
TEMPERATURES = [0.01, 0.5, 1.0, 4.0, 20.0, 50.0]


@pytest.fixture(scope="module")
def reckoned(browser):
    """``reckoned(module, code, *given)``: what code gives in the page, which knows the module's functions by name."""
    page = browser.new_page()
    page.route("http://kdviz.test/**", lambda route: route.fulfill(**_served(route.request.url.rsplit("/", 1)[-1])))
    page.goto("http://kdviz.test/")

    def reckoned(module, code, *given):
        run = f"async (given) => JSON.stringify(({code})(await import('/{module}.js'), ...given))"
        return json.loads(page.evaluate(run, list(given)))

    yield reckoned
    page.close()


def _served(name: str) -> dict:
    if not name:
        return {"body": "<!DOCTYPE html>", "content_type": "text/html"}
    return {"path": modules.FOLDER / name, "content_type": "text/javascript"}


@pytest.fixture(scope="module")
def pair():
    return (8 * torch.randn(2, 200, 10, generator=torch.Generator().manual_seed(0))).double()


def close(page, torch_says):
    np.testing.assert_allclose(np.array(page, float), np.asarray(torch_says), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("t", TEMPERATURES)
def test_probabilities_and_entropies(reckoned, pair, t):
    code = "(it, all, t) => all.map((z) => { const p = it.softmax(z, t); return [...p, it.entropy(p)]; })"
    expected = torch.cat([(pair[0] / t).softmax(-1), kd.measures.entropy(pair[0], t)[:, None]], -1)
    close(reckoned("sums", code, pair[0].tolist(), t), expected)


@pytest.mark.parametrize("t", TEMPERATURES[1:])
def test_gradients(reckoned, pair, t):
    z, v = pair
    close(
        reckoned("sums", "(it, z, v, t) => z.map((each, i) => it.gradientShares(each, v[i], t))", *_lists(z, v), t),
        kd.measures.gradient_shares(z, v, t),
    )
    code = (
        "(it, z, v, t) => z.map((each, i) => [true, false].map((factor) => it.gradientLength(each, v[i], t, factor)))"
    )
    length = kd.measures.soft_target_gradient(z, v, t).norm(dim=-1)
    close(reckoned("sums", code, *_lists(z, v), t), torch.stack([length, length / t**2], -1))


def _lists(*tensors):
    return [tensor.tolist() for tensor in tensors]


@pytest.mark.parametrize("sides", [(64, 200, 200, 10), (784, 30, 10)])
def test_networks(reckoned, sides):
    """The rounded weights' answers to 200 images; test_pad holds how far these are from the exact ones."""
    images = torch.rand(200, sides[0], generator=torch.Generator().manual_seed(1))
    images[images < 0.6] = 0.0
    layers = layers_of("net", samples.net(*sides, seed=2), sides[0], 10)
    told = [dict(zip(("weight", "scale", "bias"), _packed(*layer), strict=True)) for layer in layers]
    close(reckoned("sums", ANSWERS, images.tolist(), told), torch.stack([answer(layers, image) for image in images]))


def _packed(weight, scale, bias):
    return packed(weight, "int8"), packed(scale), packed(bias)


SENTENCES = [
    "",
    "I am still waiting on my card?",
    "Is that 3-5 days?? £12.50",
    "Straße ☃ pöund_x",
    "a" * 80,
    "why, WHY",
]


def test_sentences_become_the_same_pieces(reckoned):
    texts = [*SENTENCES, *(f"what about the {c}ard, {c}{c} and re{c}ing {i}th?" for i, c in enumerate("abcdefgh"))]
    vocabulary = learnt_pieces(texts[:-4] + ["card cards waiting"] * 3, 90)
    expected = [[token for token in row if token] for row in as_pieces(texts, vocabulary, 32).tolist()]
    code = "(it, texts, vocabulary) => texts.map((text) => it.pieces(text, vocabulary, 32))"
    assert reckoned("encoder", code, texts, list(vocabulary)) == expected


@pytest.mark.parametrize("pool", ["cls", "mean"])
def test_encoders_answer_and_look_alike(reckoned, pool):
    torch.manual_seed(0)
    nets = {
        name: kd.transformer(deep, 12, 3, vocabulary=30, pool=pool).build((9,), 5)
        for name, deep in (("teacher", 4), ("student", 2))
    }
    for weight in (weight for net in nets.values() for weight in net.parameters()):
        torch.nn.init.normal_(weight, std=0.7)
    rows = torch.randint(1, 30, (20, 9), generator=torch.Generator().manual_seed(1))
    rows = [row[: 1 + i % 9] for i, row in enumerate(rows)]
    view = kd.explorers.inside(nets, rows[8], [f"{i}·" for i in range(30)], [*"abcde"], "3")
    code = """(it, { weights, ...form }, rows) => {
        const open = it.opened(weights);
        const found = rows.map((row) => it.answer(form, open, row));
        return found.map(({ logits, attention }) => [logits, attention[1][2]]);
    }"""
    for name, net in nets.items():
        found = reckoned("encoder", code, view.data["networks"][name], [row.tolist() for row in rows])
        for row, (logits, attention) in zip(rows, found, strict=True):
            map_, expected = looks(as_carried(name, net), row, 2, 3)
            close(logits, expected)
            close(attention, map_)


def test_the_bell_curves_share(reckoned):
    x = torch.linspace(-9, 9, 181, dtype=torch.float64)
    close(reckoned("encoder", "(it, x) => x.map(it.gelu)", x.tolist()), torch.nn.functional.gelu(x))


@pytest.mark.parametrize("kind", ["float32", "int8", "uint8", "uint16", "int16"])
def test_arrays_arrive(reckoned, kind):
    told = packed(np.arange(24).reshape(4, 6), kind)
    assert (
        reckoned("sums", "(it, told) => Array.from(it.row(it.unpacked(told), 2))", told) == unpacked(told)[2].tolist()
    )


@pytest.mark.parametrize("bins", [2, 10, 15, 50])
def test_reliability(reckoned, pair, bins):
    sure, called = pair[0].softmax(-1).max(-1)
    right = called == torch.arange(200) % 10
    found = reckoned(
        "sums", "(it, ...given) => it.reliabilityBins(...given)", sure.tolist(), right.int().tolist(), bins
    )
    close(found["error"], kd.measures.calibration_error(sure, right, bins))
    counts = kd.measures.reliability_bins(sure, right, bins)[2]
    assert [each["count"] for each in found["bins"]] == counts.tolist()


@pytest.mark.parametrize("classes", [None, 2, 10])
def test_bounds(reckoned, classes):
    pairs = [(a / 10, b / 10) for a in range(11) for b in range(11)]
    found = reckoned("sums", "(it, pairs, classes) => pairs.map(([a, b]) => it.bounds(a, b, classes))", pairs, classes)
    close(found, [kd.measures.agreement_bounds(*pair, classes) for pair in pairs])


def drawings(count: int = 100) -> list:
    """Strokes as hands draw them, wandering; dots, dashes, and the pad's corners."""
    generator = np.random.default_rng(0)
    found = [drawing.THREE, [[(0.5, 0.5)]], [[(0.1, 0.5), (0.9, 0.5)]], [[(0.0, 0.0)], [(1.0, 1.0)]]]
    while len(found) < count:
        steps = [
            0.06 * generator.standard_normal((int(generator.integers(1, 40)), 2))
            for _ in range(generator.integers(1, 4))
        ]
        found.append([(generator.random(2) + np.cumsum(each, 0)).clip(0, 1).round(4).tolist() for each in steps])
    return found


@pytest.mark.parametrize("size", [28, 8])
def test_drawings_bit_by_bit(reckoned, size):
    strokes = drawings()
    code = "(it, all, size) => all.map((strokes) => Array.from(it.normalised(it.bitmap(strokes), size)))"
    found = np.array(reckoned("ink", code, strokes, size), np.float32)
    expected = np.stack([drawing.normalised(drawing.bitmap(each), size).flatten().numpy() for each in strokes])
    assert np.array_equal(found.view(np.int32), expected.view(np.int32))
    assert len(np.unique(expected, axis=0)) > 95


@pytest.mark.parametrize("sides", [(64, 30, 10), (784, 30, 10)])
def test_answers_to_a_hundred_drawings(reckoned, sides):
    """From the strokes to the logits, as a pad's page does it."""
    size, strokes = int(sides[0] ** 0.5), drawings()
    layers = layers_of("net", samples.net(*sides, seed=3), sides[0], 10)
    told = [dict(zip(("weight", "scale", "bias"), _packed(*layer), strict=True)) for layer in layers]
    code = "(it, all, n) => all.map((each) => Array.from(it.normalised(it.bitmap(each), n)))"
    images = reckoned("ink", code, strokes, size)
    expected = torch.stack([answer(layers, drawing.normalised(drawing.bitmap(each), size)) for each in strokes])
    close(reckoned("sums", ANSWERS, images, told), expected)


@pytest.mark.parametrize(("omitted", "temperature"), [(3, 1.0), (3, 4.0), (5, 1.0), (5, 4.0)])
def test_a_gallery_answers_as_the_student_does(offline, tmp_path, omitted, temperature):
    """Fifty answers and more at each of several biases, the images that it misses without a shift first."""
    page = offline(page_of("omitted_digit", tmp_path))
    page.get_by_label("never saw").select_option(str(omitted))
    page.get_by_label("trained at T").select_option(f"{temperature:g}")
    own = (samples.digits()[0].test.labels == omitted).nonzero().squeeze(1)
    found = samples.answers_to(omitted, temperature, 0.0)[own] == omitted
    shown = own[found.long().argsort(stable=True)]
    asked, changed = [-6.0, -1.5, 0.0, 0.75, 2.5, 4.25, 9.0], set()
    for bias in asked:
        page.locator(".kdviz input[type=range]").evaluate(MOVE, bias)
        told = page.locator(".kdviz-gallery .kdviz-tile").evaluate_all("all => all.map((each) => each.ariaLabel)")
        expected = samples.answers_to(omitted, temperature, bias)[shown][: len(told)]
        assert told == [f"a {omitted} called {each}" for each in expected.tolist()] and len(told) > 15
        changed.add(tuple(told))
    assert len(changed) > 2 and page.faults == []


@pytest.mark.parametrize("points", [5, 11, 30])
def test_rounds_of_self_distillation(reckoned, points):
    """Points, eigenvalues, factors and curves of every round before the collapse."""
    view = kd.explorers.self_distillation()
    noise = torch.from_numpy(unpacked(view.data["noise"]).copy())[3, :points].double()
    at = torch.arange(1, points + 1).double() / (points + 1)
    y, line = torch.sin(2 * torch.pi * at) + 0.5 * noise, torch.linspace(0, 1, 21).double()
    curves, factors = kd.measures.self_distilled_curves(at, y, 0.045, line, 12)
    eigenvalues, _ = kd.measures.spectrum(kd.measures.bending_kernel(at, at) / points)
    code = """(it, y, line) => {
        const of = it.basis(y.length);
        const all = it.rounds(of, y, 0.045);
        return [of.eigenvalues, all.map((one) => one.left), all.map((one) => it.curve(of, one, line))];
    }"""
    page = reckoned("self_distillation", code, y.tolist(), line.tolist())
    assert len(page[1]) == len(factors) > 2
    for theirs, ours in zip(page, (eigenvalues, factors, curves), strict=True):
        close(theirs, ours)


@pytest.mark.parametrize("sides", [(8, 8), (28, 28)])
def test_errors_of_blended_images(reckoned, sides):
    generator = torch.Generator().manual_seed(0)
    a, b, truth = (torch.randint(0, 256, (1, 1, *sides), generator=generator).double() for _ in range(3))
    code = """(it, a, b, truth, width) => [0, 0.35, 1].map((share) =>
        it.error(it.blend(a, b, share), it.blend(truth, truth, 0), width))"""
    page = reckoned("completed", code, *_lists(a.flatten(), b.flatten(), truth.flatten()), sides[1])
    blended = [((1 - share) * a + share * b) / 255 for share in (0, 0.35, 1)]
    close(page, [kd.measures.completion_errors(each, truth / 255).item() for each in blended])


@pytest.mark.parametrize("net", ["labels", "the deepest exit"])
def test_who_leaves_at_which_exit(reckoned, net):
    """Of every image the exit, and of all of them work and accuracy, at each confidence that can be chosen."""
    exits = importlib.import_module("kdviz.explorers.exits")  # the function has the module's name
    view, costs = samples.exits(), [4 / 15, 11 / 15, 1.0]
    doubts, called = (torch.from_numpy(unpacked(view.data["nets"][net][name]).copy()) for name in ("doubts", "called"))
    labels = torch.from_numpy(unpacked(view.data["labels"]).copy())
    code = """(it, doubts, called, labels, costs, steps) => {
        const shape = [doubts.length, labels.length];
        const told = (rows, kind) => ({ shape, values: kind.from(rows.flat()) });
        const net = { doubts: told(doubts, Float32Array), called: told(called, Uint8Array) };
        return steps.map((sure) => [it.leavesAt(net.doubts, sure), it.taken(net, labels, costs, sure)]);
    }"""
    page = reckoned("exits", code, doubts.tolist(), called.tolist(), labels.tolist(), costs, exits.SURE)
    seen = set()
    for sure, (at, taken) in zip(exits.SURE, page, strict=True):
        assert at == exits.leaves_at(doubts, sure).tolist()
        close(taken, torch.tensor(exits.taken(doubts, called, labels, costs, sure)))
        seen |= {*at}
    assert seen == {0, 1, 2} and {*page[-1][0]} == {2} and {*page[0][0]} == {0}


def test_how_many_networks_train(reckoned):
    """Of an odd and of an even number of networks, some of them at the very limit."""
    depths = importlib.import_module("kdviz.explorers.depths")  # the function has the module's name
    for wrong in ([88.0, 90.0, 61.5, 49.0, 50.0], [3.0, 70.0, 50.0, 12.5]):
        close(reckoned("depths", "(it, wrong, fails) => it.summary(wrong, fails)", wrong, 50), depths.summary(wrong))


def test_in_how_many_seeds_peers_have_less_wrong(reckoned):
    """Some seeds as good as without listening, which is not better."""
    peers = importlib.import_module("kdviz.explorers.peers")  # the function has the module's name
    base = [22.5, 21.4, 23.1, 22.2, 24.0]
    for wrong in ([22.5, 21.3, 23.2, 22.1, 20.0], base):
        close(
            reckoned("peers", "(it, wrong, base) => it.summary(wrong, base)", wrong, base), peers.summary(wrong, base)
        )


def test_a_generalist_and_its_specialists(reckoned):
    """Two that overlap, one alone, and none: what the page finds is what the measure finds."""
    _, _, nets, experts = samples.voting()
    own, groups = nets[0].double(), [group for _, group in experts.values()]
    given = [logits.double() for logits, _ in experts.values()]
    code = """(it, own, asked) => own.map((p, i) =>
      it.combined(p, asked.map(({ group, shares }) => ({ group, shares: shares[i] }))))"""
    for some in ([0, 1], [1], []):
        asked = [{"group": groups[k], "shares": given[k].softmax(-1).tolist()} for k in some]
        expected = kd.measures.with_specialists(own, [given[k] for k in some], [groups[k] for k in some], top=None)
        close(reckoned("sums", code, own.softmax(-1).tolist(), asked), expected.exp())
