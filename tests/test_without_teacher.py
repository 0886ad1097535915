"""Peers, exits, pseudo-labels: against plain loops in float64, resumed, stored, shipped; a small net with exits."""

import dataclasses
import importlib

import matplotlib.pyplot as plt
import pytest
import torch
import torch.nn.functional as F
from interrupting import interrupted_as_undisturbed
from plain import rate_at

import kdviz as kd
from kdviz.networks import exit_operations, leave_early
from kdviz.objectives import MutualLearning, OwnExits, PseudoLabels
from kdviz.publish.reference import reduced
from kdviz.recipes import restored
from kdviz.recipes.descriptions import describe
from kdviz.runs.answers import DOUBTS, answer_scores, exit_answers, exit_counts, exit_curve, shifted_error_counts
from kdviz.runs.store import write
from kdviz.training import engines
from kdviz.training.arrays import Array
from kdviz.training.engines import fusable
from kdviz.training.fused_strided import FusedStrided
from kdviz.training.schedule import Order, seed_of

exits = importlib.import_module("kdviz.explorers.exits")  # the function has the module's name

NET, EXITS = kd.strided(4, 6, 8), kd.strided(4, 6, 8, exits=True)


def recipe_of(digits, model, objective, **more):
    few = digits.take(60, seed=1)
    said = dict(epochs=0.5, batch_size=20, learning_rate=4e-3, seed=3) | more
    return kd.Recipe(few, model, objective, **said)


def plain(recipe, digits, loss_of):
    """The network after a loop written out: modules, autograd, torch's AdamW."""
    data = kd.data.load_described(recipe.data)
    torch.manual_seed(seed_of(recipe.seed, "initialisation"))
    network = recipe.model.build((1, 8, 8), 10).to(torch.get_default_dtype()).train()
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=recipe.weight_decay)
    steps, order = round(recipe.epochs * 1000 / recipe.batch_size), Order(data.rows, recipe.seed)
    for step in range(1, steps + 1):
        rows = order.take(recipe.batch_size)
        inputs = digits.train.inputs[rows].to(torch.get_default_dtype())
        for weight in network.parameters():
            weight.grad = torch.zeros_like(weight)
        loss_of(network, inputs, rows).backward()
        optimizer.param_groups[0]["lr"] = torch.tensor(rate_at(recipe, step, steps, 1000), dtype=torch.float32).item()
        optimizer.step()
    return network.eval()


def same(run, network):
    for name, value in network.state_dict().items():
        assert (run.arrays[f"weights/{name}"] - value).abs().max() < 1e-9, name


def kl(teacher, student, temperature):
    """KL of probabilities written as torch has it, times T²."""
    log_q = (student / temperature).log_softmax(-1)
    return temperature**2 * F.kl_div(log_q, (teacher / temperature).softmax(-1), reduction="batchmean")


@pytest.mark.parametrize("listens", ["each", "mean"])
@pytest.mark.parametrize("peers", [2, 3, 5])
@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_peers_that_teach_each_other_end_where_a_plain_loop_ends(digits, double, peers, listens, temperature):
    objective = MutualLearning(temperature, hard_weight=0.7, soft_weight=1.3, listens=listens)
    recipe = recipe_of(digits, kd.members(NET, peers), objective)

    def loss_of(network, inputs, rows):
        outputs, labels, total = network(inputs), digits.train.labels[rows], 0
        z = [outputs[f"logits {i}"] for i in range(1, peers + 1)]
        for k in range(peers):
            others = [z[i].detach() for i in range(peers) if i != k]
            if listens == "mean":
                soft = kl(torch.stack([each.softmax(-1) for each in others]).mean(0).log(), z[k], temperature)
            else:
                soft = torch.stack([kl(each, z[k], temperature) for each in others]).mean()
            total = total + 0.7 * F.cross_entropy(z[k], labels) + 1.3 * soft
        return total

    same(kd.train(recipe, store=None), plain(recipe, digits, loss_of))


@pytest.mark.parametrize("net", [kd.mlp(9, 7), kd.cnn(3, 4, hidden=(6,)), NET], ids=str)
def test_peers_of_several_runs_in_one_array_end_where_each_ends_by_itself(digits, double, net, one_array, monkeypatch):
    """Two training sets, two seeds, several temperatures: with a shared order of examples and without one."""
    first = recipe_of(digits, kd.members(net, 3), MutualLearning(2.0, soft_weight=0.6), epochs=0.2)
    recipes = [first, first.replace(temperature=4), first.replace(seed=5, data=digits.take(40, seed=2))]

    def loss_of(network, inputs, rows):
        outputs, labels, total = network(inputs), digits.train.labels[rows], 0
        z = [outputs[f"logits {i}"] for i in (1, 2, 3)]
        for k in range(3):
            soft = sum(kl(z[i].detach(), z[k], 2.0) for i in range(3) if i != k) / 2
            total = total + F.cross_entropy(z[k], labels) + 0.6 * soft
        return total

    runs = one_array(recipes)
    same(runs[0], plain(first, digits, loss_of))
    assert (one_array(recipes[:2])[1].logits() - runs[1].logits()).abs().max() < 1e-9
    monkeypatch.setattr(engines, "fusable", lambda recipe: False)
    monkeypatch.setattr("kdviz.training.grouping.fusable", lambda recipe: False)
    for run, alone in zip(runs, kd.train(recipes, store=None), strict=True):
        assert alone.facts["trained_together"] == 1 and run.arrays.keys() == alone.arrays.keys()
        assert max((run.arrays[name] - alone.arrays[name]).abs().max() for name in run.arrays) < 1e-9
        assert run.history["loss"] == pytest.approx(alone.history["loss"], abs=1e-9)


def test_with_wrong_labels_each_its_own_they_are_one_array_too(digits, double, one_array):
    first = recipe_of(digits, kd.members(kd.mlp(9), 2), MutualLearning(), epochs=0.2)
    wrong = [first.replace(seed=seed, data=digits.take(60, seed=1).mislabel(0.4, seed=seed)) for seed in (3, 4)]
    runs = one_array([first, *wrong])
    for run in runs:
        alone = kd.train(run.recipe, store=None)
        assert max((run.arrays[name] - alone.arrays[name]).abs().max() for name in run.arrays) < 1e-9
    assert (runs[0].logits() - runs[1].logits()).abs().max() > 1e-3  # one seed, other labels


def test_what_trains_as_an_array_and_what_as_its_modules(digits):
    equal = recipe_of(digits, kd.members(NET, 2), MutualLearning())
    unequal = equal.replace(model=kd.members((NET, kd.mlp(9))))
    assert fusable(equal) and fusable(recipe_of(digits, EXITS, OwnExits()))
    assert not fusable(unequal) and not fusable(equal.replace(model=kd.members(kd.resnet(8), 2)))
    assert not fusable(equal.replace(compression=kd.Quantise(2)))
    runs = kd.train([unequal.replace(epochs=0.1, seed=seed) for seed in (0, 1)], store=None)
    assert [run.facts["trained_together"] for run in runs] == [1, 1]


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("streams", [1, 2, 4])
def test_strided_nets_side_by_side_answer_as_each_does(double, streams, training):
    torch.manual_seed(0)
    networks = [kd.strided(3, 5, 4, exits=True).build((2, 9, 12), 7).train(training) for _ in range(4)]
    inputs = torch.randn(streams, 6, 2, 9, 12)
    together = FusedStrided(networks, torch.device("cpu"))
    fused = together(inputs, training)
    for i, network in enumerate(networks):
        alone = network(inputs[i * streams // 4])
        torch.testing.assert_close({name: values[i] for name, values in fused.items()}, alone, atol=1e-12, rtol=0)
        torch.testing.assert_close(together.state_of(i), dict(network.state_dict()), atol=1e-12, rtol=0)
    assert int(together.buffers["stages.1.1.num_batches_tracked"][2]) == training


def test_without_listening_peers_are_the_nets_that_train_alone(digits, double):
    together = recipe_of(digits, kd.members(NET, 2), MutualLearning(soft_weight=0))
    run = kd.train(together, store=None)
    alone = kd.train(recipe_of(digits, NET, kd.HardLabels()), store=None)
    with torch.no_grad():
        first = run.network()(digits.test.inputs.double())["logits 1"]
    torch.testing.assert_close(first, alone.logits(), atol=1e-9, rtol=0)


def test_no_gradient_flows_into_the_peer_that_teaches():
    z = torch.randn(2, 1, 5, 3, dtype=torch.float64, requires_grad=True)
    one = torch.ones(1, dtype=torch.float64)
    outputs, labels = {"logits 1": z[0], "logits 2": z[1], "logits": z[0]}, torch.zeros(1, 5, dtype=torch.int64)
    loss = MutualLearning().losses(outputs, labels, {}, {}, one, 0 * one, one).sum()
    (found,) = torch.autograd.grad(loss, z)
    p = z.detach().softmax(-1)
    torch.testing.assert_close(found, torch.stack([p[0] - p[1], p[1] - p[0]]) / 5)


def test_to_each_or_to_the_mean_is_one_gradient_at_t_1_and_two_at_others(digits, double):
    def ended(peers, listens, temperature):
        objective = MutualLearning(temperature, listens=listens)
        return kd.train(recipe_of(digits, kd.members(NET, peers), objective, epochs=0.2), store=None).logits()

    assert torch.equal(ended(2, "each", 3), ended(2, "mean", 3))
    torch.testing.assert_close(ended(3, "each", 1), ended(3, "mean", 1), atol=1e-9, rtol=0)
    assert (ended(3, "each", 3) - ended(3, "mean", 3)).abs().max() > 1e-6


@pytest.mark.parametrize("hint_weight", [0.0, 0.4])
def test_exits_that_learn_from_the_deepest_end_where_a_plain_loop_ends(digits, double, hint_weight):
    recipe = recipe_of(digits, EXITS, OwnExits(2.0, hard_weight=0.8, soft_weight=0.6, hint_weight=hint_weight))

    def loss_of(network, inputs, rows):
        outputs, labels = network(inputs), digits.train.labels[rows]
        total = F.cross_entropy(outputs["logits"], labels)
        for i in (1, 2):
            soft = kl(outputs["logits"].detach(), outputs[f"logits {i}"], 2.0)
            hint = F.mse_loss(outputs[f"features {i}"], outputs["features"].detach())
            total = total + 0.8 * F.cross_entropy(outputs[f"logits {i}"], labels) + 0.6 * soft + hint_weight * hint
        return total

    same(kd.train(recipe, store=None), plain(recipe, digits, loss_of))


@pytest.mark.parametrize("said", [
    dict(), dict(hard=True), dict(hard=True, confident=0.3, balanced=True), dict(confident=0.3, temperature=2.0),
])  # fmt: skip
def test_pseudo_labels_end_where_a_plain_loop_ends(digits, double, said):
    pool, labelled = digits.take(200, seed=5), digits.take(200, seed=5).take(30, seed=5)
    teacher = kd.Recipe(labelled, NET, kd.HardLabels(), epochs=1, batch_size=20, learning_rate=4e-3)
    taught = kd.train(teacher, store=None).logits("train")
    recipe = recipe_of(digits, NET, PseudoLabels(teacher, labelled, **said)).replace(data=pool.description)
    known = torch.zeros(1000, dtype=torch.bool)
    known[labelled.rows] = True

    def loss_of(network, inputs, rows):
        z, terms, weights, classes = network(inputs)["logits"], [], [], []
        for each, row in zip(z, rows.tolist(), strict=True):
            v, T = taught[row], said.get("temperature", 1.0)
            label = digits.train.labels[row] if known[row] else v.argmax()
            hard, sure = F.cross_entropy(each, label), v.softmax(-1).max() >= said.get("confident", 0)
            terms.append(hard if known[row] or said.get("hard") else kl(v[None], each[None], T))
            weights.append(float(known[row] or sure))
            classes.append(label.item())
        if said.get("balanced"):
            of = {c: sum(w for w, k in zip(weights, classes, strict=True) if k == c) for c in set(classes)}
            weights = [w / max(of[c], 1) for w, c in zip(weights, classes, strict=True)]
        return sum(w * term for w, term in zip(weights, terms, strict=True)) / (sum(weights) or 1.0)

    same(kd.train(recipe, store=None), plain(recipe, digits, loss_of))


def test_pseudo_labels_beside_other_labelled_images_are_one_array_too(digits, double, one_array):
    def student(seed):
        pool = digits.take(200, seed=seed)
        labelled = pool.take(30, seed=seed)
        teacher = kd.Recipe(labelled, NET, kd.HardLabels(), epochs=1, batch_size=20, learning_rate=4e-3)
        return recipe_of(digits, NET, PseudoLabels(teacher, labelled)).replace(data=pool.description, seed=seed)

    for run in one_array([student(3), student(4)]):
        alone = kd.train(run.recipe, store=None)
        assert max((run.arrays[name] - alone.arrays[name]).abs().max() for name in run.arrays) < 1e-9


def test_labels_of_the_others_are_never_read():
    said = PseudoLabels(kd.Recipe(kd.load("digits"), NET, kd.HardLabels()), kd.load("digits").take(30, seed=0))
    generator = torch.Generator().manual_seed(0)
    z, v = (torch.randn(1, 50, 10, generator=generator) for _ in range(2))
    labels, rows = torch.randint(0, 10, (1, 50), generator=generator), torch.arange(50)[None]
    known = said.state({}, {}, torch.zeros(1000), rows)["known"]
    assert known.nonzero().flatten().tolist() == sorted(kd.load("digits").take(30, seed=0).rows.tolist())

    def loss(labels):
        extra = {"known": known[None], "rows": rows}
        return said.losses({"logits": z}, labels, {"logits": v}, extra, torch.zeros(1), torch.ones(1))

    others = torch.where(known[:50], labels, (labels + 1) % 10)
    assert 0 < known[:50].sum() < 50 and torch.equal(loss(labels), loss(others))
    assert not torch.equal(loss(labels), loss((labels + 1) % 10))


def test_clean_answers_do_not_follow_the_augmentation(digits, monkeypatch):
    teacher = recipe_of(digits, NET, kd.HardLabels())
    objective = PseudoLabels(teacher, digits.take(60, seed=1))
    student = teacher.replace(objective=objective, augment=kd.Jitter(1))
    parents = {teacher: kd.train(teacher, store=None)}
    clean, live = (Array([student.replace(clean=each)], parents, "cpu").teachers for each in (True, False))
    asked = kd.data.load_described(student.data).rows
    rows, answers = asked[None, :20], kd.networks.predict_logits(parents[teacher].network(), digits.train.inputs[asked])
    moved, answers = digits.train.inputs[rows].roll(1, -1), answers[:20]
    assert torch.equal(clean.outputs(moved, rows)["logits"][0], answers)
    assert not torch.allclose(live.outputs(moved, rows)["logits"][0], answers, atol=1e-2)
    torch.testing.assert_close(live.outputs(digits.train.inputs[rows], rows)["logits"][0], answers)


@pytest.mark.parametrize("kind", ["peers", "peers, dropped", "unequal peers", "exits", "pseudo-labels"])
def test_resumed_it_ends_as_undisturbed(digits, kind):
    teacher = recipe_of(digits, NET, kd.HardLabels())
    made = {
        "peers": (kd.members(NET, 3), MutualLearning()),
        "peers, dropped": (kd.members(kd.mlp(9, dropout=0.4), 2), MutualLearning()),
        "unequal peers": (kd.members((NET, kd.mlp(9))), MutualLearning(listens="mean")),
        "exits": (EXITS, OwnExits(hint_weight=0.1)),
        "pseudo-labels": (kd.strided(4, 6, dropout=0.4), PseudoLabels(teacher, digits.take(60, seed=1), balanced=True)),
    }
    recipe = recipe_of(digits, *made[kind], epochs=3, augment=kd.Jitter(1))
    parents = {teacher: kd.train(teacher, store=None)} if kind == "pseudo-labels" else {}
    several = [recipe, recipe.replace(seed=4)] if fusable(recipe) else [recipe]
    interrupted_as_undisturbed(several, parents)


def test_one_run_holds_all_peers_and_a_shipped_one_their_scores(digits, store, tmp_path):
    recipe = recipe_of(digits, kd.members((NET, kd.mlp(9), NET)), MutualLearning())
    run = kd.train(recipe, store=store)
    network, labels = run.network(), digits.test.labels
    with torch.no_grad():
        outputs = network(digits.test.inputs)
    scores = answer_scores([run])
    assert scores.answer.tolist() == ["logits 1", "logits 2", "logits 3", "logits"] and set(scores.seed) == {3}
    for name, wrong, nll, entropy in scores[["answer", "% wrong", "nll", "entropy"]].itertuples(index=False):
        z = outputs[name]
        assert wrong == pytest.approx(100 * (z.argmax(-1) != labels).double().mean().item())
        assert nll == pytest.approx(F.cross_entropy(z, labels).item(), abs=1e-5)
        assert entropy == pytest.approx(torch.distributions.Categorical(logits=z).entropy().mean().item(), abs=1e-5)
    each = answer_scores([run], "each")["% wrong"].item()
    assert each == pytest.approx(scores["% wrong"][:3].mean()) and len(answer_scores([run, run], "logits")) == 2
    folder = tmp_path / "shipped"
    folder.mkdir()
    arrays = reduced(run, {"answer_scores", "shifted_error_count"})
    write(dataclasses.replace(run), arrays, folder)
    found = kd.Store(tmp_path / "empty", folder).find(recipe)
    assert not found.has_weights and answer_scores([found]).equals(scores)
    assert shifted_error_counts([found]).equals(shifted_error_counts([run]))


def test_images_leave_at_the_first_exit_that_is_sure(digits, store):
    run = kd.train(recipe_of(digits, EXITS, OwnExits(), epochs=6), store=store)
    network, test = run.network(), digits.test
    counts = exit_counts([run])[0]
    assert counts.shape == (len(DOUBTS), 3, 2) and (counts[:, :, 0].sum(-1) == len(test)).all()
    assert counts[0, 1:].sum() == 0 and counts[-1, :2].sum() == 0
    some = 0
    for place in (0, 2, 4, 6, 8, 16, -1):
        logits, exits = leave_early(network, test.inputs, DOUBTS[place])
        for i in (1, 2, 3):
            mine = exits == i
            right = (logits[mine].argmax(-1) == test.labels[mine]).sum()
            assert counts[place, i - 1].tolist() == [mine.sum(), right], place
        some += len(exits.unique()) == 3
    shares, right = exit_curve([run, run], [1, 2, 4])
    assert shares.shape == right.shape == (2, len(DOUBTS)) and shares[0, 0] == 25 and shares[0, -1] == 100
    assert right[1, -1] == pytest.approx(100 * (run.predictions() == test.labels).double().mean().item())
    assert some  # at some doubt images leave at all three
    doubt, predicted = exit_answers(run)
    assert doubt.shape == predicted.shape == (3, 797)
    assert torch.equal(predicted[-1], run.predictions()[:2000])
    torch.testing.assert_close(1 - doubt[-1], run.confidence().float(), atol=2e-3, rtol=0)


def test_shifted_images_are_the_same_for_all_and_harder(digits, store):
    runs = kd.train([recipe_of(digits, NET, kd.HardLabels(), epochs=4, seed=seed) for seed in (0, 1)], store=store)
    shift = kd.Jitter(1)
    moved = shift(digits.test.inputs, shift.draw(797, torch.Generator().manual_seed(0)))
    for run, errors in zip(runs, shifted_error_counts(runs), strict=True):
        with torch.no_grad():
            wrong = (run.network()(moved)["logits"].argmax(-1) != digits.test.labels).sum()
        assert errors == wrong > (run.predictions() != digits.test.labels).sum()


def test_the_strided_net_is_what_plain_functions_give():
    torch.manual_seed(0)
    network, x = kd.strided(4, 6, 8, exits=True).build((2, 9, 13), 7), torch.randn(5, 2, 9, 13)
    outputs, state_of = network.eval()(x), network.state_dict()

    def layer(name, x, side, stride):
        y = F.conv2d(x, state_of[f"{name}.0.weight"], stride=stride, padding=side // 2)
        return (y / (1 + 1e-5) ** 0.5).relu()  # as drawn, BatchNorm has mean 0 and variance 1

    maps = [layer("stages.0", x, 5, 2)]
    maps += [layer("stages.1", maps[0], 3, 2)]
    maps += [layer("stages.2", maps[1], 3, 2)]
    for i, each in enumerate(maps, 1):
        torch.testing.assert_close(outputs[f"map {i}"], each)
    early = [layer("bottlenecks.0", maps[0], 3, 4), layer("bottlenecks.1", maps[1], 3, 2)]
    for i, each in enumerate(early, 1):
        assert each.shape == maps[2].shape
        torch.testing.assert_close(outputs[f"features {i}"], each.flatten(1))
    torch.testing.assert_close(outputs["logits"], network.head(maps[2].flatten(1)))
    bare = kd.strided(4, 6, 8)
    torch.manual_seed(0)
    assert torch.equal(bare.build((2, 9, 13), 7).eval()(x)["logits"], outputs["logits"])  # the same start
    counted = exit_operations(kd.strided(4, 6, 8, exits=True), (2, 9, 13), 7)
    trunk = [4 * 50 * 35, 6 * 36 * 12, 8 * 54 * 4]  # 5×7, 3×4 and 2×2 positions
    heads = [8 * 36 * 4 + 32 * 7, 8 * 54 * 4 + 32 * 7, 32 * 7]
    assert counted == [sum(trunk[:i]) + sum(heads[:i]) for i in (1, 2, 3)]


@pytest.mark.parametrize("objective", [
    MutualLearning(2, soft_weight=0.5, listens="mean"), OwnExits(2, hint_weight=0.1), "pseudo",
])  # fmt: skip
def test_a_recipe_is_restored_from_what_it_said(digits, objective):
    models = {MutualLearning: kd.members((NET, kd.mlp(5))), OwnExits: EXITS}
    if objective == "pseudo":
        teacher = recipe_of(digits, NET, kd.HardLabels())
        objective = PseudoLabels(teacher, digits.take(60, seed=1), hard=True, confident=0.3)
    recipe = recipe_of(digits, models.get(type(objective), NET), objective)
    assert restored(describe(recipe)) == recipe and restored(describe(recipe)).key == recipe.key


@pytest.mark.parametrize(("make", "text"), [
    (lambda d: recipe_of(d, NET, MutualLearning()), r"peers are members: kd.members\(4s-6s-8s, 2\)"),
    (lambda d: MutualLearning(listens="all"), "'each' of the others or to their 'mean', not to 'all'"),
    (lambda d: MutualLearning(hard_weight=0, soft_weight=0), "not both 0"),
    (lambda d: recipe_of(d, NET, OwnExits()), "has no early exits: describe it with exits=True"),
    (lambda d: recipe_of(d, kd.members(NET, 2), OwnExits()), "has no early exits"),
    (lambda d: OwnExits(hint_weight=-1), "at least 0"),
    (lambda d: PseudoLabels(None, 30), "labelled is a data set, such as .*, not 30"),
    (lambda d: PseudoLabels(None, d, confident=1.2), r"confident is a share in \[0, 1\], not 1.2"),
    (lambda d: PseudoLabels(None, d, balanced="yes"), "balanced is True or False, not 'yes'"),
    (lambda d: recipe_of(d, NET, PseudoLabels(recipe_of(d, NET, kd.HardLabels()), kd.data.Description("mnist"))),
     "labelled are examples of mnist, trained on are those of digits"),
    (lambda d: recipe_of(d, NET, PseudoLabels(recipe_of(d, NET, kd.HardLabels()), d), augment=kd.MixUp(0.2)),
     "MixUp leaves no example by itself"),
    (lambda d: kd.strided(), "there is at least one"),
    (lambda d: kd.strided(4, 0), "at least one channel"),
    (lambda d: kd.strided(4, dropout=1), r"dropout is a share in \[0, 1\), not 1"),
    (lambda d: kd.strided(4, exits=True), "give at least two"),
    (lambda d: kd.strided(4, 5, exits=3), "exits is True or False, not 3"),
    (lambda d: kd.strided(4).build((64,), 10), r"take images \(channels, H, W\), not \(64,\)"),
    (lambda d: kd.members((NET, NET), 3), "2 members are described, not 3: leave n out"),
    (lambda d: kd.members((NET,)), "at least two members"),
    (lambda d: kd.members((NET, "mlp")), "a member is a description such as .* not str"),
    (lambda d: answer_scores([kd.train(recipe_of(d, NET, kd.HardLabels()), store=None)], "logits 1"),
     "answers logits, not 'logits 1'"),
    (lambda d: leave_early(NET.build((1, 8, 8), 10).eval(), d.test.inputs, 0.1), "no early exits"),
    (lambda d: leave_early(EXITS.build((1, 8, 8), 10), d.test.inputs, 0.1), "call network.eval"),
])  # fmt: skip
def test_a_mistake_says_what_to_do(digits, make, text):
    with pytest.raises(ValueError, match=text):
        make(digits)


def some_exits(doubts=((0.5, 0.02, 0.3), (0.2, 0.01, 0.25), (0.1, 0.0, 0.2))):
    called = torch.tensor([[0, 1, 2], [1, 1, 2], [1, 1, 0]])
    nets = {"labels": (torch.tensor(doubts), called), "own": (torch.tensor(doubts).flip(1), called)}
    images = torch.rand(3, 1, 8, 8)
    return nets, [1.0, 3.0, 4.0], images, torch.tensor([1, 1, 2]), ["a", "b", "c"]


def test_the_explorer_of_exits_says_what_leaving_costs():
    doubts, called = some_exits()[0]["labels"]
    labels = torch.tensor([1, 1, 2])
    assert exits.leaves_at(doubts, 0.75).tolist() == [1, 0, 1]
    assert exits.leaves_at(doubts, 1.0).tolist() == [2, 2, 2] and exits.leaves_at(doubts, 0.0).tolist() == [0, 0, 0]
    share, right = exits.taken(doubts, called, labels, [1, 3, 4], 0.75)
    assert share == pytest.approx(100 * 7 / 12) and right == pytest.approx(100)
    view = kd.explorers.exits(*some_exits(), net="own", sure=0.9)
    assert repr(view) == "Explorer(net=own, sure=0.9)" and view.data["costs"] == [0.25, 0.75, 1.0]
    assert view.picture() != kd.explorers.exits(*some_exits(), net="labels", sure=0.9).picture()


@pytest.mark.parametrize(("wrong", "text"), [
    (dict(net="none"), "it opens at one of labels, own and of 0, 0.2"),
    (dict(sure=0.91), "not at 'own', 0.91"),
    (dict(costs=[3.0, 1.0, 4.0]), "rise from exit to exit"),
    (dict(labels=torch.tensor([1, 1, 7])), "whole numbers in 0..2"),
    (dict(costs=[1.0, 2.0]), "must have shape"),
])  # fmt: skip
def test_a_mistaken_explorer_of_exits_says_what_to_do(wrong, text):
    nets, costs, images, labels, classes = some_exits()
    said = dict(costs=costs, labels=labels, net="own", sure=0.9) | wrong
    with pytest.raises(ValueError, match=text):
        kd.explorers.exits(nets, said["costs"], images, said["labels"], classes, net=said["net"], sure=said["sure"])


CROWDS = {"not listening": {1: [3.0, 60.0], 2: [90.0, 88.0]}, "T = 1": {1: [3.0, 60.0], 2: [90.0, 10.0]}}


def test_the_explorer_of_peers_compares_seed_by_seed():
    peers = importlib.import_module("kdviz.explorers.peers")  # the function has the module's name
    assert peers.summary([90.0, 10.0], [90.0, 88.0]) == (50.0, 1)
    view = kd.explorers.peers(CROWDS, CROWDS, way="T = 1", count=2)
    assert repr(view) == "Explorer(way=T = 1, count=2)" and view.data["counts"] == [1, 2]
    assert view.data["wrong"]["averaged"]["T = 1"][2] == [90.0, 10.0]
    assert view.data["colours"] == {name: kd.figures.WITHOUT[name] for name in CROWDS}
    assert view.picture() != kd.explorers.peers(CROWDS, CROWDS, way="T = 1", count=1).picture()


@pytest.mark.parametrize(("averaged", "count", "text"), [
    (CROWDS, 3, r"it opens at one of not listening, T = 1 and of \[1, 2\], not at 'T = 1', 3"),
    ({"T = 1": CROWDS["T = 1"]}, 2, "the same ways, each with the same numbers"),
    (CROWDS | {"T = 1": {2: [90.0, 10.0], 1: [3.0, 60.0]}}, 2, "the same numbers, rising"),
    (CROWDS | {"T = 1": {1: [3.0], 2: [90.0]}}, 2, "must have shape"),
])  # fmt: skip
def test_a_mistaken_explorer_of_peers_says_what_to_do(averaged, count, text):
    with pytest.raises(ValueError, match=text):
        kd.explorers.peers(CROWDS, averaged, way="T = 1", count=count)


def test_figures_draw_what_they_are_given():
    ax = kd.figures.teaching_modes()
    said = {text.get_text() for text in ax.texts}
    assert {"offline", "online", "self", "peer 1", "peer 2"} <= said and len(ax.patches) == 6
    shares = {"labels": torch.tensor([[30.0, 60, 100], [40, 70, 100]])}
    right = {"labels": torch.tensor([[70.0, 80, 81], [72, 82, 83]])}
    fresh = plt.figure().subplots()
    kd.figures.leaving_early(shares, right, ax=fresh)
    assert fresh.lines[0].get_xdata().tolist() == [35, 65, 100] and fresh.lines[0].get_ydata().tolist() == [71, 81, 82]
    assert len(fresh.lines) == 4 and fresh.lines[-1].get_label() == "one seed"
    kd.figures.at_each_exit([30, 60, 100], right, ax=fresh)
    assert fresh.containers[0].lines[0].get_ydata().tolist() == [71, 81, 82]
    assert fresh.containers[0].lines[0].get_xdata().tolist() == [30, 60, 100]
    both = plt.figure().subplots()
    kd.figures.at_each_exit([30, 60, 100], right | {"labels + deepest": right["labels"] + 1}, ax=both)
    left, after = (bars.lines[0].get_xdata() for bars in both.containers)
    assert ((left + after) / 2).tolist() == pytest.approx([30, 60, 100]) and (after > left).all()
    squares = kd.figures.noise_key(fresh).get_legend()
    assert [text.get_text() for text in squares.get_texts()] == ["with noise", "without noise"]
    assert len({square.get_color() for square in squares.get_lines()}) == 2
    with pytest.raises(ValueError, match="colours has none for 'other'"):
        kd.figures.leaving_early({"other": shares["labels"]}, {"other": right["labels"]}, ax=fresh)
