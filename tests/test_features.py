"""Objectives that look into the teacher's layers: hints, attention transfer, contrastive; and frozen features."""

import math

import pytest
import torch
from plain import contrastive, trained_alone
from sklearn.linear_model import LogisticRegression

import kdviz as kd
from kdviz.objectives import attention_map, contrastive_terms
from kdviz.training import work
from kdviz.training.arrays import Array

LOOKING = [
    lambda teacher: kd.Hints(teacher),
    lambda teacher: kd.Hints(teacher, layer="map 1"),
    lambda teacher: kd.AttentionTransfer(teacher, attention_weight=3),
    lambda teacher: kd.AttentionTransfer(teacher, hard_weight=0, attention_weight=1, layers=["map 2"]),
    lambda teacher: kd.Contrastive(teacher, dimensions=5, tau=0.2),
]


def test_an_attention_map_worked_out_on_paper():
    # two channels, two positions: 1² + 2² = 5 and 0² + 0² ... over its length
    activations = torch.tensor([[[[1.0, 3.0]], [[2.0, 1.0]]]])
    expected = torch.tensor([[5.0, 10.0]]) / math.sqrt(125)
    torch.testing.assert_close(attention_map(activations), expected)
    assert (attention_map(torch.zeros(1, 2, 3, 3)) == 0).all()


def test_attention_transfer_is_half_the_squared_distance_of_the_maps_plus_cross_entropy():
    objective = kd.AttentionTransfer("teacher", hard_weight=2, attention_weight=3, layers=["map 1"])
    ours = torch.tensor([[[[1.0, 0.0]]]])  # map (1, 0)
    theirs = objective.seen({"map 1": torch.tensor([[[[0.0, 2.0]]]])})  # map (0, 1)
    outputs = {"map 1": ours[None], "logits": torch.zeros(1, 1, 4)}
    teacher = {name: value[None] for name, value in theirs.items()}
    weights = torch.tensor([2.0]), torch.tensor([3.0])
    loss = objective.losses(outputs, torch.tensor([[1]]), teacher, {}, *weights)
    assert loss.item() == pytest.approx(2 * math.log(4) + 3 * (1 + 1) / 2)


def test_attention_transfer_compares_residual_nets_at_the_end_of_each_group(double):
    thin, wide = (net.build((1, 9, 9), 3).double().eval() for net in (kd.resnet(8, 2), kd.resnet(14, 4)))
    ends = []
    for net in (thin, wide):
        for group in net.groups:
            group[-1].register_forward_hook(lambda block, given, end: ends.append(end.tolist()))
    images, labels, layers = torch.randn(2, 1, 9, 9).double(), torch.tensor([2, 0]), ("map 1", "map 2", "map 3")
    with torch.no_grad():
        ours, theirs = thin(images), wide(images)
    assert [ours[layer].tolist() for layer in layers] + [theirs[layer].tolist() for layer in layers] == ends
    hard = sum(z.exp().sum().log().item() - z[y].item() for z, y in zip(ours["logits"], labels, strict=True)) / 2
    for chosen in (layers, *([layer] for layer in layers)):
        objective, apart = kd.AttentionTransfer("teacher", 1, 3, chosen), 0.0
        for pair in ((ends[layers.index(layer)], ends[3 + layers.index(layer)]) for layer in chosen):
            for ours_of, theirs_of in zip(*pair, strict=True):  # an image's channels, of rows
                ours_map, theirs_map = unit_squares(ours_of), unit_squares(theirs_of)
                apart += sum((a - b) ** 2 for a, b in zip(ours_map, theirs_map, strict=True)) / 2
        seen = {name: value[None] for name, value in objective.seen(theirs).items()}
        outputs = {name: value[None] for name, value in ours.items()}
        loss = objective.losses(outputs, labels[None], seen, {}, torch.tensor([1.0]), torch.tensor([3.0]))
        assert loss.item() == pytest.approx(hard + 3 * apart / 2, abs=1e-9)


def unit_squares(channels):
    """Over channels of rows of numbers: the sum of squares at each position, all divided by their length."""
    flat = ([a for row in rows for a in row] for rows in channels)
    sums = [sum(a * a for a in place) for place in zip(*flat, strict=True)]
    length = math.sqrt(sum(a * a for a in sums))
    return [a / length for a in sums]


def test_hints_are_half_the_squared_error_of_a_rectified_regressor():
    objective = kd.Hints("teacher")
    # one position, two channels guided, three hinted: predicted relu(1·1 + 1·2 + 0), relu(−1), relu(0)
    extra = {
        "regressor.weight": torch.tensor([[[1.0, 1.0], [-1.0, 0.0], [0.0, 0.0]]]),
        "regressor.bias": torch.zeros(1, 3),
    }
    outputs = {"map 2": torch.tensor([1.0, 2.0]).view(1, 1, 2, 1, 1)}
    teacher = {"map 2": torch.tensor([1.0, 1.0, 5.0]).view(1, 1, 3, 1, 1)}
    loss = objective.losses(outputs, None, teacher, extra)
    assert loss.item() == pytest.approx((2**2 + 1 + 5**2) / 2)


def by_hand(teacher, student, labels, tau):
    """CRD with Python floats: every anchor, every negative."""
    n = len(labels)
    scores = [[math.exp(sum(a * b for a, b in zip(t, s, strict=True)) / tau) for s in student] for t in teacher]
    apart = [(i, j) for i in range(n) for j in range(n) if labels[i] != labels[j]]
    Z = sum(scores[i][j] for i, j in apart) / len(apart)
    losses = []
    for i in range(n):
        negatives = [j for j in range(n) if labels[j] != labels[i]]
        K, loss = len(negatives), 0.0
        for score in (lambda j, i=i: scores[i][j], lambda j, i=i: scores[j][i]):
            h = lambda j, score=score, K=K: score(j) / Z / (score(j) / Z + K)  # noqa: E731
            loss -= math.log(h(i)) + sum(math.log(1 - h(j)) for j in negatives)
        losses.append(loss)
    return losses


@pytest.mark.parametrize("tau", [0.07, 0.5, 2.0])
def test_contrastive_terms_are_the_formula(double, tau):
    generator = torch.Generator().manual_seed(0)
    g = [torch.nn.functional.normalize(torch.randn(6, 3, generator=generator), dim=-1) for _ in range(2)]
    labels = torch.tensor([0, 1, 1, 2, 0, 0])
    found = contrastive_terms(*g, labels, tau)
    assert found.tolist() == pytest.approx(by_hand(*(x.tolist() for x in g), labels.tolist(), tau), rel=1e-9)
    assert contrastive(*g, labels, tau).item() == pytest.approx(found.mean().item())


def test_contrastive_terms_of_several_students_and_of_extreme_batches_are_finite():
    g = torch.nn.functional.normalize(torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(1)), dim=-1)
    g.requires_grad_()
    for labels in ([0, 1, 2, 3], [0, 0, 0, 0], [0, 0, 0, 1]):
        terms = contrastive_terms(
            g, g.flip(0), torch.tensor([labels, labels]), torch.tensor([1e-3, 5.0])[:, None, None]
        )
        (gradient,) = torch.autograd.grad(terms.sum(), g)
        assert terms.shape == (2, 4) and torch.isfinite(terms).all() and torch.isfinite(gradient).all()


@pytest.mark.parametrize("shapes", [((4, 3), (4, 2), (4,)), ((4, 3), (5, 3), (4,)), ((4, 3), (4, 3), (5,))])
def test_shapes_that_do_not_belong_together_are_said(shapes):
    teacher, student, labels = map(torch.zeros, shapes)
    with pytest.raises(ValueError, match="must both have shape"):
        contrastive_terms(teacher, student, labels, 0.1)


def test_matching_pairs_have_a_lower_contrastive_loss_than_exchanged_ones():
    g = torch.eye(4)
    labels = torch.arange(4)
    assert contrastive_terms(g, g, labels, 0.1).mean() < contrastive_terms(g, g.roll(1, 0), labels, 0.1).mean()


@pytest.mark.parametrize("objective", LOOKING)
def test_arrays_train_as_modules_and_autograd_do(double, big, small, objective, one_array):
    """Two seeds and two teachers in one array, against each trained alone in plain torch: 1e-9 in float64."""
    teachers = {s: big.replace(seed=s) for s in (5, 6)}
    recipes = [small.replace(objective=objective(teachers[5 + s % 2]), seed=s, epochs=6) for s in range(3)]
    networks = {t: kd.train(t, store=None).network() for t in teachers.values()}
    for run in one_array(recipes):
        alone = trained_alone(run.recipe, networks[run.recipe.objective.teacher])
        for name, weight in alone.state_dict().items():
            torch.testing.assert_close(run.arrays[f"weights/{name}"], weight, atol=1e-9, rtol=0)


@pytest.mark.parametrize("objective", [kd.Contrastive, lambda teacher: kd.Hints(teacher, layer="features")])
def test_multilayer_perceptrons_have_features_too(double, digits, teacher, objective, one_array):
    network = kd.train(teacher, store=None).network()
    recipes = kd.grid(kd.Recipe(digits, kd.mlp(6), objective(teacher), epochs=3), seed=range(2))
    for run in one_array(recipes):
        for name, weight in trained_alone(run.recipe, network).state_dict().items():
            torch.testing.assert_close(run.arrays[f"weights/{name}"], weight, atol=1e-9, rtol=0)


@pytest.mark.parametrize("objective", LOOKING)
def test_weights_of_the_objective_are_dropped_and_the_network_is_the_students(big, small, objective):
    run = kd.train(small.replace(objective=objective(big)), store=None)
    plain = kd.train(small, store=None)
    assert run.arrays.keys() == plain.arrays.keys()
    assert {"train_agreement", "kl_epoch", "train_kl"} == run.history.keys() - plain.history.keys()


@pytest.mark.parametrize("objective", LOOKING)
def test_the_teacher_matters(big, small, objective):
    a, b = (kd.train(small.replace(objective=objective(big.replace(seed=s))), store=None) for s in (0, 1))
    assert not torch.equal(a.arrays["weights/trunk.0.weight"], b.arrays["weights/trunk.0.weight"])


def test_augmented_students_look_into_a_teacher_that_sees_the_same(big, small):
    """With a jitter the teacher answers live; without one from a table: of shifted images its layers are others."""
    still = small.replace(objective=kd.Contrastive(big, dimensions=5))
    array = Array([still.replace(augment=kd.Jitter(1))], {big: kd.train(big, store=None)}, "cpu")
    array.schedule.prepare(0, 1)
    images, network = array._batch()[0], kd.train(big, store=None).network()
    taught = array.teachers.outputs(images, array.schedule.rows)
    with torch.no_grad():
        expected = network(images[0])["features"]
    torch.testing.assert_close(taught["features"][0], expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("frozen", [False, True])
def test_an_interrupted_training_goes_on_with_the_objectives_own_weights(big, small, store, monkeypatch, frozen):
    recipe = small.replace(objective=kd.Contrastive(big, dimensions=5), epochs=4)
    if frozen:
        recipe = small.replace(init=big.replace(model=small.model), frozen=True, epochs=4)
    whole = kd.train(recipe, store=None)
    monkeypatch.setattr(work, "CHECKPOINT_SECONDS", 0)
    advance, calls = Array.advance, []

    def interrupted(self):
        if self.recipes == [recipe]:
            calls.append(1)
            if len(calls) == 3:
                raise KeyboardInterrupt
        return advance(self)

    monkeypatch.setattr(Array, "advance", interrupted)
    with pytest.raises(KeyboardInterrupt):
        kd.train(recipe, store=store)
    again = kd.train(recipe, store=store)
    assert len(calls) < 3 + 4  # it went on, it did not begin again
    for name in whole.arrays:
        assert torch.equal(again.arrays[name], whole.arrays[name])


def test_a_hint_is_learnt_before_the_second_stage_begins(big, small):
    """Stage one brings the student's layer closer to the teacher's, and leaves the last layer almost as it was."""
    first = small.replace(objective=kd.Hints(big), epochs=20, weight_decay=0)
    run = kd.train(first, store=None)
    assert run.history["loss"][-1] < 0.8 * run.history["loss"][0]
    second = kd.train(small.replace(objective=kd.SoftTargets(big, temperature=4), init=first), store=None)
    own = kd.train(small.replace(objective=kd.SoftTargets(big, temperature=4)), store=None)
    assert not torch.equal(second.arrays["weights/trunk.0.weight"], own.arrays["weights/trunk.0.weight"])


def test_a_probe_trains_the_last_layer_alone_as_logistic_regression_does(double, digits, small):
    data = digits.take(200, seed=1)
    probe = small.replace(data=data, init=small, frozen=True, epochs=400, learning_rate=0.05, weight_decay=0, seed=3)
    before, run = kd.train(small, store=None), kd.train(probe, store=None)
    for name in before.arrays:
        if name.startswith("weights/trunk"):
            assert torch.equal(run.arrays[name], before.arrays[name])
    with torch.no_grad():
        features = {
            split: before.network()(getattr(data, split).inputs.double())["features"] for split in ("train", "test")
        }
    regression = LogisticRegression(C=1e4, max_iter=5000).fit(features["train"].numpy(), data.train.labels.numpy())
    ours = (run.predictions() == data.test.labels).double().mean().item()
    theirs = regression.score(features["test"].numpy(), data.test.labels.numpy())
    fitted = (
        (run.network()(data.train.inputs.double())["logits"].argmax(-1) == data.train.labels).double().mean().item()
    )
    assert (
        abs(ours - theirs) < 0.06
        and fitted >= regression.score(features["train"].numpy(), data.train.labels.numpy()) - 0.02
    )


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda b, s: s.replace(objective=kd.Hints((b, b))), "Hints learns from one teacher, a recipe .*, not from 2"),
        (lambda b, s: s.replace(objective=kd.Contrastive("someone")), "a teacher is a recipe"),
        (
            lambda b, s: s.replace(objective=kd.Contrastive((b, torch.zeros(2, 2)))),
            "its teacher is a recipe, not a tensor of logits",
        ),
        (lambda b, s: s.replace(objective=kd.Contrastive(torch.zeros(2, 2))), "not a tensor of logits"),
        (lambda b, s: s.replace(objective=kd.Hints(b, layer="map 3")), "Hints reads .'map 3'., the student 2c-3c has"),
        (lambda b, s: s.replace(objective=kd.Hints(b.replace(model=kd.mlp(5)))), "the teacher 5 has features, logits"),
        (lambda b, s: kd.AttentionTransfer(b, layers=["features"]), "such as 'map 1'"),
        (lambda b, s: kd.AttentionTransfer(b, layers=[]), "such as 'map 1'"),
        (lambda b, s: kd.AttentionTransfer(b, attention_weight=-1), "attention_weight must be at least 0"),
        (lambda b, s: kd.Contrastive(b, hard_weight=0, contrastive_weight=0), "not both 0"),
        (lambda b, s: kd.Contrastive(b, tau=0), "tau must be finite and above 0"),
        (lambda b, s: kd.Contrastive(b, dimensions=0), "dimensions at least 1"),
        (lambda b, s: s.replace(frozen=True), "give init, whole"),
        (lambda b, s: s.replace(frozen=True, init=s, init_weight=0.5), "give init, whole"),
        (
            lambda b, s: s.replace(data=kd.load("digits").replace_inputs("noise"), objective=kd.Contrastive(b)),
            "do not belong to its inputs",
        ),
    ],
)
def test_what_cannot_be_meant_is_said(big, small, make, said):
    with pytest.raises(ValueError, match=said):
        make(big, small)


def test_layers_of_other_sizes_are_said(digits, big, small):
    deep = big.replace(model=kd.cnn(2, 3, 4))
    with pytest.raises(ValueError, match="map 1 has 16 positions in the student and 1 in the teacher"):
        objective = kd.AttentionTransfer(deep, layers=["map 1"])
        objective.extra({"map 1": torch.zeros(1, 2, 4, 4)}, {"map 1": torch.zeros(1, 1)})
    with pytest.raises(ValueError, match="map 2 of the student has 2×2 positions, of the teacher 1×1"):
        kd.Hints(big).extra({"map 2": torch.zeros(1, 2, 2, 2)}, {"map 2": torch.zeros(1, 4, 1, 1)})


def test_a_frozen_student_of_other_shapes_is_said(digits, small):
    wide = small.replace(model=kd.cnn(2, 3))
    assert wide == small
    with pytest.raises(ValueError, match=r"init ended with a network 2c-3c, this recipe starts with 4c"):
        small.replace(model=kd.cnn(4), init=small, frozen=True)


def test_nothing_new_is_in_the_key_of_old_recipes(small):
    from kdviz.recipes.descriptions import describe

    assert "frozen" not in describe(small) and describe(small.replace(init=small, frozen=True))["frozen"] is True


@pytest.mark.parametrize("objective", LOOKING)
def test_recipes_can_be_told_apart_by_reading_them(big, small, objective):
    recipe = small.replace(objective=objective(big))
    assert f"2c-3c on digits, {type(recipe.objective).__name__}, seed 0" == str(recipe)
    assert "a probe of frozen features" in str(small.replace(init=recipe, frozen=True))


def test_maps_of_sequences_are_compared_position_by_position():
    """(N, C, L): as an image of one row says it."""
    random = torch.Generator().manual_seed(0)
    mine, theirs = torch.randn(2, 5, 3, 8, generator=random), torch.randn(5, 6, 8, generator=random)
    objective = kd.AttentionTransfer(None, hard_weight=0, layers=("map 1",))
    outputs, labels = {"logits": torch.zeros(2, 5, 4)}, torch.zeros(2, 5, dtype=torch.int64)

    def loss(mine, theirs):
        seen = {"map 1": objective.seen({"map 1": theirs})["map 1"].expand(2, -1, -1)}
        return objective.losses(outputs | {"map 1": mine}, labels, seen, {}, 0.0, 1.0)

    flat, as_image = loss(mine, theirs), loss(mine.unsqueeze(-2), theirs.unsqueeze(-2))
    torch.testing.assert_close(flat, as_image)
    of_one = attention_map(mine[1].unsqueeze(-2)) - attention_map(theirs.unsqueeze(-2))
    torch.testing.assert_close(flat[1], of_one.square().sum(-1).mean() / 2)


@pytest.mark.parametrize("layer", ["hidden 1", "attention 2", 3])
def test_a_hint_has_channels_first(layer):
    with pytest.raises(ValueError, match="a layer with channels first"):
        kd.Hints(None, layer)
