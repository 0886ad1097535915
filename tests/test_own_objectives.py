"""Losses of one's own, and losses that remember: against the built-in ones and against plain loops."""

import copy

import pytest
import torch
import torch.nn.functional as F
from interrupting import interrupted_as_undisturbed
from plain import rate_at

import kdviz as kd
from kdviz.objectives import AveragedTarget, ContrastiveBank, ContrastiveBankSoftTargets, soft_target_loss
from kdviz.training.schedule import Order, seed_of


@pytest.fixture(autouse=True)
def double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@kd.objective
def softly(student, teacher, labels, temperature=1.0, hard_weight=0.0, soft_weight=1.0):
    soft = F.kl_div(
        (student["logits"] / temperature).log_softmax(-1), (teacher["logits"] / temperature).softmax(-1),
        reduction="batchmean",
    )  # fmt: skip
    return hard_weight * F.cross_entropy(student["logits"], labels) + soft_weight * temperature**2 * soft


@kd.objective
def looking(student, teacher, labels, temperature=1.0, hard_weight=0.0, soft_weight=1.0):
    assert float(student["logits"].detach().sum()) < 1e9  # looks at a value: nothing to map over
    return softly.function(student, teacher, labels, temperature, hard_weight, soft_weight)


@kd.objective
def of_labels(student, labels):
    return F.cross_entropy(student["logits"], labels)


@kd.objective
def unlabelled(student, teacher):
    return (student["logits"] - teacher["logits"]).square().mean()


@kd.objective(reads=("logits", "features"))
def inside(student, teacher, labels, weight=0.5, kind="squares"):
    assert kind == "squares" and student["features"].shape == teacher["features"].shape == (128, 12)
    return weight * (student["features"] - teacher["features"]).square().mean() + F.cross_entropy(
        student["logits"], labels
    )


@pytest.mark.parametrize("loss", [softly, looking])
def test_a_function_trains_to_what_the_built_in_objective_gives(student, one_array, loss):
    axes = {"temperature": [1, 4], "hard_weight": [0, 0.3], "seed": range(2)}
    given = student.replace(epochs=2)
    own = given.replace(objective=loss(given.objective.teacher, temperature=2))
    for one, other in zip(one_array(kd.grid(own, **axes)), one_array(kd.grid(given, **axes)), strict=True):
        assert max((one.arrays[n] - other.arrays[n]).abs().max() for n in one.arrays) < 1e-9


def test_labels_teachers_and_layers_are_asked_for_by_name(student, teacher, digits):
    hard = kd.train(student.replace(objective=kd.HardLabels()), store=None)
    own = kd.train(student.replace(objective=of_labels()), store=None)
    assert (hard.arrays["test_logits"] - own.arrays["test_logits"]).abs().max() < 1e-9
    assert of_labels().teachers == () and of_labels().reads == ()
    elsewhere = student.replace(data=digits.replace_inputs("noise"), objective=unlabelled(teacher))
    assert kd.train(elsewhere, store=None).history["loss"][-1] > 0
    with pytest.raises(ValueError, match="do not belong to its inputs"):
        student.replace(data=digits.replace_inputs("noise"), objective=softly(teacher))
    deeper = kd.grid(student.replace(model=kd.mlp(12), objective=inside(teacher)), weight=[0, 1], seed=range(2))
    assert len(kd.train(deeper, store=None)) == 4


def test_what_is_no_objective_is_named():
    with pytest.raises(ValueError, match="'weight' has no default"):
        kd.objective(lambda student, teacher, labels, weight: 0)
    with pytest.raises(ValueError, match="'student' is missing"):
        kd.objective(lambda logits, targets: 0)
    with pytest.raises(ValueError, match="made of a function, not of 3"):
        kd.objective(3)


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (lambda student, teacher, labels: (student["logits"] - teacher["logits"]).square().mean(-1), r"shape \(128,\)"),
        (lambda student, teacher, labels: 0.0, "returns float: a loss is a scalar"),
    ],
)
def test_a_loss_that_is_no_scalar_is_named(student, loss, message):
    for recipes in ([student], kd.grid(student, seed=range(2))):
        own = [recipe.replace(objective=kd.objective(loss)(recipe.objective.teacher)) for recipe in recipes]
        with pytest.raises(ValueError, match=message):
            kd.train(own, store=None)


def test_a_loss_that_is_no_number_has_diverged(student):
    own = kd.objective(lambda student, teacher, labels: student["logits"].mean() * float("nan"))
    with pytest.raises(kd.Diverged, match="no longer finite"):
        kd.train(student.replace(objective=own(student.objective.teacher)), store=None)


def plain(recipe, digits, loss, after):
    """A network trained by ``loss(network, batch)``, with ``after(network, batch)`` once each step is taken."""
    torch.manual_seed(seed_of(recipe.seed, "initialisation"))
    network = recipe.model.build((1, 8, 8), 10)
    extra = []
    loss, after = loss(network, extra), after
    optimizer = torch.optim.AdamW([*network.parameters(), *extra], weight_decay=recipe.weight_decay, foreach=False)
    order, steps = Order(digits.rows, recipe.seed), round(recipe.epochs * 1000 / recipe.batch_size)
    torch.manual_seed(seed_of(recipe.seed, "dropout"))
    for step in range(1, steps + 1):
        batch = digits.full_train[order.take(recipe.batch_size)]
        optimizer.zero_grad()
        loss(batch, batch.inputs.double()).backward()
        optimizer.param_groups[0]["lr"] = torch.tensor(rate_at(recipe, step, steps, 1000), dtype=torch.float32).item()
        optimizer.step()
        after(network)
    return network


def compared(recipes, network, one_array):
    """The first run of an array, the same run alone, and the plain loop's network."""
    together = one_array(recipes)
    alone = kd.train(recipes[0], store=None)
    for name, value in network.state_dict().items():
        assert (together[0].arrays[f"weights/{name}"] - value).abs().max() < 1e-9
        assert (alone.arrays[f"weights/{name}"] - value).abs().max() < 1e-9


def test_an_averaged_target_follows_as_in_a_plain_loop(digits, one_array):
    objective = AveragedTarget(momentum=0.9, temperature=2, hard_weight=1, soft_weight=0.7)
    recipes = kd.grid(kd.Recipe(digits, kd.mlp(9), objective, epochs=3), momentum=[0.9, 0.5], seed=range(2))
    averages = []

    def begin(network, extra):
        averages.append(copy.deepcopy(network))

        def loss(batch, inputs):
            with torch.no_grad():
                taught = (averages[0](inputs)["logits"] / 2).softmax(-1)
            logits = network(inputs)["logits"]
            soft = F.kl_div((logits / 2).log_softmax(-1), taught, reduction="batchmean") * 4
            return F.cross_entropy(logits, batch.labels) + 0.7 * soft

        return loss

    @torch.no_grad()
    def after(network):
        for mine, theirs in zip(averages[0].parameters(), network.parameters(), strict=True):
            mine.copy_(0.9 * mine + 0.1 * theirs)

    compared(recipes, plain(recipes[0], digits, begin, after), one_array)


def test_a_memory_bank_is_the_authors(digits, teacher):
    """Written as their code is: probabilities, Z = mean · n once, positives and negatives of detached banks."""
    objective = ContrastiveBank(teacher, negatives=20, momentum=0.5, dimensions=6, contrastive_weight=0.3)
    recipe = kd.Recipe(digits, kd.mlp(9), objective, epochs=2)
    taught, n, tau = kd.train(teacher, store=None).network(), len(digits.train), 0.07
    labels, later = digits.full_train.labels, []

    def begin(network, extra):
        torch.manual_seed(seed_of(recipe.seed, "extra"))
        maps = {side: torch.nn.Linear(width, 6) for side, width in (("student", 9), ("teacher", 12))}
        extra.extend(weight for layer in maps.values() for weight in layer.parameters())
        torch.manual_seed(seed_of(recipe.seed, "state"))
        bound = 1 / (6 / 3) ** 0.5
        banks = {side: torch.rand(n, 6) * 2 * bound - bound for side in maps}
        sorted_rows, z = labels.argsort(stable=True), {}

        def loss(batch, inputs):
            outputs = network(inputs)
            with torch.no_grad():
                features = {"teacher": taught(inputs)["features"]}
            features["student"] = outputs["features"]
            v = {side: F.normalize(maps[side](features[side]), dim=-1) for side in maps}
            drawn = torch.rand(1, len(batch), 20)[0]
            total = 0
            met = []
            for i, label in enumerate(batch.labels):
                others = sorted_rows[labels[sorted_rows] != label]
                met.append(torch.cat([batch.index[i : i + 1], others[(drawn[i] * len(others)).long()]]))
            for side, other in (("student", "teacher"), ("teacher", "student")):
                out = torch.stack([(banks[other][m] @ v[side][i] / tau).exp() for i, m in enumerate(met)])
                z.setdefault(side, out.mean().item() * n)
                out = out / z[side]
                noise = 20 / n
                positive, negative = out[:, 0], out[:, 1:]
                total = total - (positive / (positive + noise)).log().sum() / len(batch)
                total = total - (noise / (negative + noise)).log().sum() / len(batch)
            for side in maps:
                moved = banks[side].clone()
                moved[batch.index] = F.normalize(0.5 * banks[side][batch.index] + 0.5 * v[side].detach(), dim=-1)
                later.append((side, moved))
            return F.cross_entropy(outputs["logits"], batch.labels) + 0.3 * total

        def after(network):
            banks.update(later)
            later.clear()

        begin.after = after
        return loss

    network = plain(recipe, digits, begin, lambda network: begin.after(network))
    run = kd.train(recipe, store=None)
    for name, value in network.state_dict().items():
        assert (run.arrays[f"weights/{name}"] - value).abs().max() < 1e-9


def test_a_memory_bank_and_soft_targets_are_the_sum_of_both(double):
    """Term by term, on vectors and draws that are given; a bank is moved by both alike."""
    made = torch.Generator().manual_seed(0)
    alone = ContrastiveBank("teacher", negatives=7, dimensions=3, contrastive_weight=0.3)
    both = ContrastiveBankSoftTargets("teacher", negatives=7, dimensions=3, contrastive_weight=0.3, soft_weight=0.6)
    labels = torch.arange(12) % 4
    student, teacher = ({"features": torch.randn(12, 5, generator=made), "logits": torch.randn(12, 4, generator=made)}
                        for _ in range(2))  # fmt: skip
    found = []
    for objective in (alone, both):
        torch.manual_seed(0)
        extra = objective.extra(student, teacher) | objective.state(student, teacher, labels, torch.arange(12))
        extra = {name: value.clone()[None] for name, value in extra.items()} | {"rows": torch.arange(12)[None]}
        numbers = {name: torch.tensor([float(getattr(objective, name))]) for name in objective.numbers}
        one = [{name: value[None] for name, value in net.items()} for net in (student, teacher)]
        torch.manual_seed(1)
        found.append((objective.losses(one[0], labels[None], one[1], extra, **numbers).item(), extra))
        objective.advance(extra, *one, **numbers)
    (without, bank), (total, same) = found
    soft = soft_target_loss(student["logits"], teacher["logits"], 4.0).item()
    assert total == pytest.approx(without + 0.6 * soft, rel=1e-9) and soft > 0.1
    torch.testing.assert_close(bank, same)
    assert both.reads == ("features", "logits") and both.momentum == 0.5


@pytest.mark.parametrize("kind", [AveragedTarget(0.8), "bank"])
def test_what_is_remembered_survives_an_interruption(digits, teacher, kind):
    objective = ContrastiveBank(teacher, negatives=5, dimensions=4) if kind == "bank" else kind
    recipes = kd.grid(kd.Recipe(digits, kd.mlp(9), objective, epochs=3), seed=range(2))
    parents = {teacher: kd.train(teacher, store=None)}
    interrupted_as_undisturbed(recipes, parents)
