"""Heads and inner units go as a plain loop says, and what is cut answers as what is masked."""

import pytest
import torch

import kdviz as kd
from kdviz.compression import PruneEncoder

LOOK_UP = kd.load("lookup")
NET = kd.transformer(2, 8, 4, vocabulary=len(LOOK_UP.vocabulary))
TEACHER = kd.Recipe(LOOK_UP, NET, kd.HardLabels(), epochs=0.1, batch_size=32)
WHERE = {"heads": ("projections", "mixed", 3, 4, 2), "inner": ("inner.0", "inner.2", 1, 32, 1)}


def drawn(seed=0):
    torch.manual_seed(seed)
    network = NET.build((6,), 4).double()
    for weight in network.parameters():
        torch.nn.init.normal_(weight)
    gradients = {name: torch.randn_like(weight) for name, weight in network.named_parameters()}
    return network, gradients


def of_one(tensors):
    return {name: tensor.detach()[None] for name, tensor in tensors.items()}


def worth(network, gradients, layer, part, unit, score):
    """Of one head or unit, weight by weight."""
    entering, leaving, thirds, units, size = WHERE[part]
    rows = [third * units * size + unit * size + k for third in range(thirds) for k in range(size)]
    named, total = dict(network.named_parameters()), 0.0
    for name, places in (
        (f"layers.{layer}.{entering}.weight", [(row, column) for row in rows for column in range(8)]),
        (f"layers.{layer}.{entering}.bias", [(row,) for row in rows]),
        (f"layers.{layer}.{leaving}.weight", [(row, unit * size + k) for row in range(8) for k in range(size)]),
    ):
        for place in places:
            weight = named[name][place].item()
            total += abs(weight) if score == "magnitude" else abs(weight * gradients[name][place].item())
    return total


@pytest.mark.parametrize("score", ["sensitivity", "magnitude"])
def test_the_best_stay_as_a_plain_loop_says(score):
    network, gradients = drawn()
    prune = PruneEncoder(0.25, score, begin=0, end=0)
    state = of_one(prune.state(network.state_dict()))
    prune.advance(state, of_one(dict(network.named_parameters())), of_one(gradients), torch.tensor(1.0))
    for part, (_, _, _, units, _) in WHERE.items():
        for layer in range(2):
            score_of = [worth(network, gradients, layer, part, unit, score) for unit in range(units)]
            best = sorted(sorted(range(units), key=lambda unit: -score_of[unit])[: units // 4])
            assert state[f"alive/{part} {layer}"][0].nonzero().flatten().tolist() == best


def test_what_is_cut_answers_as_what_is_masked():
    network, gradients = drawn(1)
    prune = PruneEncoder(0.5, begin=0, end=0)
    weights, state = of_one(dict(network.named_parameters())), of_one(prune.state(network.state_dict()))
    prune.advance(state, weights, of_one(gradients), torch.tensor(1.0))
    used = {name: weight[0] for name, weight in prune.used(weights, state).items()}
    model, cut = prune.finished(NET, used, {name: kept[0] for name, kept in state.items()})
    assert (model.heads, model.head_width, model.inner, model.width) == (2, 2, 16, 8)
    smaller = model.build((6,), 4).double()
    smaller.load_state_dict(cut)
    network.load_state_dict(used)
    tokens = LOOK_UP.test.inputs[:20]
    torch.testing.assert_close(smaller(tokens)["logits"], network(tokens)["logits"], rtol=0, atol=1e-10)
    assert sum(w.numel() for w in smaller.parameters()) < sum(w.numel() for w in network.parameters())
    assert str(model) == "2 layers × 8, 2 heads, 16 inner units"


@pytest.mark.parametrize("score", ["platon", "random"])
def test_a_run_ends_with_the_smaller_network(score):
    recipe = TEACHER.replace(compression=PruneEncoder(0.5, score, begin=0.2, end=0.6))
    first, other = kd.train(kd.grid(recipe, seed=range(2)), store=None, device="cpu")
    assert first.facts["trained_together"] == 2 and first.model.heads == 2 and first.model.inner == 16
    assert kd.recipes.restored(kd.recipes.describe(recipe)) == recipe
    for run in (first, other):
        with torch.no_grad():
            answers = run.network()(LOOK_UP.test.inputs)["logits"]
        torch.testing.assert_close(answers, run.logits(), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (dict(model=kd.mlp(3)), "takes heads out of a transformer"),
        (dict(init=TEACHER, frozen=True), "takes heads out of a transformer that is trained"),
        (dict(compression=PruneEncoder(0.5, heads=2)), "has 4 heads, not 2: say heads=4"),
        (dict(compression=kd.Prune(0.5)), "an MLP or a CNN, not out of a Transformer"),
    ],
)
def test_what_cannot_be_pruned_is_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        TEACHER.replace(**(dict(compression=PruneEncoder(0.5)) | changed))
