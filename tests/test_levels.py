"""Learned levels: against a plain loop in double precision, in arrays, alone, interrupted, stored."""

import pytest
import torch
import torch.nn.functional as F
from interrupting import interrupted_as_undisturbed
from plain import rate_at
from torch import nn

import kdviz as kd
from kdviz.compression import Levels, at_quantiles, nearest
from kdviz.training.schedule import Order


@pytest.fixture
def whole(digits):
    return kd.Recipe(digits, kd.mlp(9, 7), kd.HardLabels(), epochs=2, learning_rate=1e-2)


@pytest.fixture
def levelled(whole):
    return whole.replace(objective=kd.SoftTargets(whole, 1), init=whole, compression=Levels(2), learning_rate=5e-3)


def begun(weight, bits):
    """A number for each level: the weight in the middle of each of as many equal parts."""
    ordered, many = sorted(weight.flatten().tolist()), 2**bits - 1
    return torch.tensor([ordered[(2 * i + 1) * len(ordered) // (2 * many)] for i in range(many)])


def places(weight, levels):
    return (weight[..., None] - levels).abs().argmin(-1)


def plainly(recipe, own, digits):
    """Levels trained as Polino's code does: round, take the weights' gradients, sum them up on each level."""
    network = recipe.model.build((1, 8, 8), 10).double()
    rounds = [name for name, weight in own.items() if weight.ndim > 1]
    levels = {name: begun(own[name], recipe.compression.bits).requires_grad_() for name in rounds}
    optimizer = torch.optim.AdamW(levels.values(), weight_decay=recipe.weight_decay, foreach=False)
    order, steps = Order(digits.rows, recipe.seed), round(recipe.epochs * 1000 / recipe.batch_size)
    teacher = recipe.model.build((1, 8, 8), 10).double()
    teacher.load_state_dict(own)
    for step in range(1, steps + 1):
        batch = digits.full_train[order.take(recipe.batch_size)]
        network.load_state_dict(own | {name: levels[name][places(own[name], levels[name])] for name in rounds})
        network.zero_grad()
        p = teacher(batch.inputs.double())["logits"].detach().softmax(-1)
        F.kl_div(network(batch.inputs.double())["logits"].log_softmax(-1), p, reduction="batchmean").backward()
        weights = dict(network.named_parameters())
        for name, of in levels.items():
            at = places(own[name], of)
            of.grad = torch.stack([weights[name].grad[at == i].sum() for i in range(len(of))])
        optimizer.param_groups[0]["lr"] = torch.tensor(rate_at(recipe, step, steps, 1000), dtype=torch.float32).item()
        optimizer.step()
    network.load_state_dict(own | {name: levels[name].detach()[places(own[name], levels[name])] for name in rounds})
    return network


def as_plain(run, digits):
    own = kd.train(run.recipe.init, store=None).network().state_dict()
    network = plainly(run.recipe, own, digits)
    with torch.no_grad():
        assert (run.logits() - network(digits.test.inputs.double())["logits"]).abs().max() < 1e-9
    for name, value in network.state_dict().items():
        assert (run.arrays[f"weights/{name}"] - value).abs().max() < 1e-9
        rounds = value.ndim > 1
        assert rounds or torch.equal(run.arrays[f"weights/{name}"], own[name])  # biases stay as they were
        first = begun(own[name], run.recipe.compression.bits) if rounds else None
        assert not rounds or not torch.allclose(value.unique(), first.unique(), atol=1e-3)  # levels do not


@pytest.mark.parametrize("bits", [2, 4])
@pytest.mark.usefixtures("double")
def test_levels_are_learned_as_in_a_plain_loop(digits, levelled, one_array, bits):
    recipes = [levelled.replace(bits=bits, seed=seed) for seed in range(2)]
    for run in (*one_array(recipes), kd.train(recipes[0], store=None)):
        as_plain(run, digits)


@pytest.mark.usefixtures("double")
def test_in_any_module_the_levels_alone_are_trained(digits, whole):
    own = whole.replace(model=kd.network(module_with_norm))
    before = kd.train(own, store=None).network().state_dict()
    run = kd.train(own.replace(init=own, compression=Levels(3)), store=None)
    for name, weight in run.network().state_dict().items():
        if weight.ndim > 1:
            assert len(weight.unique()) <= 7 and not torch.equal(weight, before[name])
        elif "running" not in name and "num_batches" not in name:
            assert torch.equal(weight, before[name])


def module_with_norm():
    convolution = nn.Conv2d(1, 4, 3, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10))


@pytest.mark.usefixtures("double")
def test_they_survive_an_interruption(levelled):
    recipes = kd.grid(levelled.replace(epochs=3), seed=range(2))
    parents = {levelled.init: kd.train(levelled.init, store=None)}
    interrupted_as_undisturbed(recipes, parents)


def test_a_store_finds_them_again(levelled, store):
    run = kd.train(levelled, store=store)
    assert torch.equal(store.find(levelled).logits(), run.logits())
    assert levelled in store.recipes() and "2 bits, learned levels" in str(levelled)


def test_the_nearest_level_is_found_in_any_order():
    torch.manual_seed(0)
    weight, levels = torch.randn(3, 6, 5), torch.randn(3, 7)
    found = nearest(weight, levels)
    for student in range(3):
        assert torch.equal(found[student], levels[student][places(weight[student], levels[student])])
    for bits in (2, 3, 8):
        assert torch.equal(at_quantiles(weight, bits), begun(weight, bits))


def test_a_step_never_waits_for_the_device():
    weights = {n: w.detach().to("meta") for n, w in kd.cnn(3, 4).build((1, 8, 8), 10).state_dict().items()}
    levels = {name: tensor[None] for name, tensor in Levels(3).learned(weights).items()}
    weights = {name: weight[None] for name, weight in weights.items()}
    assert {n: w.shape for n, w in Levels(3).used(weights, levels).items()} == {n: w.shape for n, w in weights.items()}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda r: Levels(1), "2 to 8 bits, not 1"),
        (lambda r: Levels(9), "2 to 8 bits, not 9"),
        (lambda r: Levels(2.5), "bits of a weight is a whole number, not 2.5"),
        (lambda r: r.replace(init=r, frozen=True, compression=Levels(2)), "a frozen recipe trains the last layer"),
    ],
)
def test_what_cannot_be_is_named(whole, make, message):
    with pytest.raises(ValueError, match=message):
        make(whole)
