"""A teacher of which the k largest logits are known, and one with masked classes, against all logits."""

import itertools
import math

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from scipy.special import log_softmax

import kdviz as kd
from kdviz.measures import TopK
from kdviz.objectives import RenormalisedTopK

DRAWS = torch.Generator().manual_seed(0)
V, Z = (3 * torch.randn(200, 12, generator=DRAWS, dtype=torch.float64) for _ in range(2))
Y = torch.arange(200) % 12
TEMPERATURES = (1.0, 4.0)


def top(logits, k, temperatures=TEMPERATURES):
    values, indices = logits.topk(k)
    return TopK(values, indices, {T: (logits / T).logsumexp(-1) for T in temperatures})


def kl(p, q):
    return (np.exp(p) * (p - q)).sum(-1).mean()


def bucketed(k, T):
    """With numpy: the k + 1 probabilities of each row and their KL."""
    total = 0.0
    for v, z in zip(V.numpy() / T, Z.numpy() / T, strict=True):
        order = np.argsort(-v)[:k]
        p, q = np.exp(log_softmax(v)), np.exp(log_softmax(z))
        p, q = (np.append(x[order], np.delete(x, order).sum()) for x in (p, q))
        total += (p * np.log(p / q)).sum()
    return total / len(V)


@pytest.mark.parametrize("T", TEMPERATURES)
@pytest.mark.parametrize("k", [1, 3, 11])
def test_with_the_log_sum_exp_a_bucket_gives_a_lower_bound(k, T):
    full = kl(log_softmax(V / T, -1), log_softmax(Z / T, -1))
    bound = kd.measures.kl_lower_bound(Z, top(V, k), T)
    assert bound == pytest.approx(bucketed(k, T), rel=1e-9)
    assert bound < full if k < 11 else bound == pytest.approx(full, rel=1e-9)  # a bucket of one class loses nothing


@pytest.mark.parametrize("T", TEMPERATURES)
def test_bounds_rise_with_k_and_the_renormalised_is_none(T):
    bounds = [kd.measures.kl_lower_bound(Z, top(V, k), T) for k in range(1, 12)]
    assert all(a <= b + 1e-12 for a, b in itertools.pairwise(bounds))
    chosen = V.topk(3).indices
    p, q = (log_softmax(x.gather(-1, chosen) / T, -1) for x in (V, Z))
    found = kd.measures.kl_renormalised(Z, top(V, 3, ()), T)
    assert found == pytest.approx(kl(p, q), rel=1e-9)
    outside = Z.clone().scatter_add(-1, chosen, torch.full((200, 3), -9.0, dtype=Z.dtype))
    assert kd.measures.kl_renormalised(outside, top(V, 3, ()), T) == pytest.approx(found, rel=1e-9)
    assert kd.measures.kl_lower_bound(outside, top(V, 3), T) > found  # which the renormalised does not see


def test_agreement_stays_exact():
    assert kd.measures.agreement(Z, top(V, 2).spread(12)) == kd.measures.agreement(Z, V)


def test_without_the_log_sum_exp_at_that_temperature_the_bucket_is_refused():
    with pytest.raises(ValueError, match=r"known at T = \[1.0, 4.0\], not at 2: give .*RenormalisedTopK"):
        kd.measures.kl_lower_bound(Z, top(V, 3), 2)
    with pytest.raises(ValueError, match="RenormalisedTopK"):
        kd.SoftTargets(top(V, 3), temperature=2)
    with pytest.raises(ValueError, match=r"known at T = \[\]"):
        kd.SoftTargets(top(V, 3, ()))


VALUES, INDICES = V.topk(3)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((VALUES, INDICES[:, :2]), "one shape"),
        ((VALUES[0], INDICES[0]), "one shape"),
        ((VALUES, INDICES.double()), "whole"),
        ((VALUES / 0, INDICES), "finite and of k different"),
        ((VALUES, INDICES * 0), "k different classes"),
        ((VALUES, INDICES, {1: V.logsumexp(-1)[1:]}), "one an example"),
        ((VALUES, INDICES, {4: V.logsumexp(-1) / 4 - 5}), "less than that of the k values"),
        ((VALUES, INDICES, {0: V.logsumexp(-1)}), "above 0"),
    ],
)
def test_what_is_no_top_k_is_refused(given, said):
    with pytest.raises(ValueError, match=said):
        TopK(*given)


def test_classes_and_examples_must_fit():
    with pytest.raises(ValueError, match="no top k of 12 classes"):
        kd.measures.kl_lower_bound(Z, top(V, 12))
    with pytest.raises(ValueError, match="no top k of 5 classes"):
        kd.measures.kl_lower_bound(Z[:, :5], top(V, 3))
    with pytest.raises(ValueError, match="199 examples of the student, 200 of the teacher"):
        kd.measures.kl_lower_bound(Z[1:], top(V, 3))


@pytest.fixture
def taught(teacher):
    return kd.train(teacher.replace(epochs=10), store=None).logits("train")


@pytest.mark.parametrize("T", TEMPERATURES)
def test_students_of_a_top_k_learn_by_the_bound(student, taught, T, monkeypatch):
    """The loss is T² times the bound; with all but one class in it, the training is that of all logits."""
    seen, losses = [], kd.SoftTargets.losses

    def spy(outputs, labels, teacher, extra, **numbers):
        seen.append((outputs["logits"].detach()[0], teacher, losses(outputs, labels, teacher, extra, **numbers)))
        return seen[-1][2]

    whole = student.replace(teacher=taught, temperature=T, epochs=2)
    run = kd.train(whole, store=None)
    almost = kd.train(whole.replace(teacher=top(taught, 9)), store=None)
    torch.testing.assert_close(almost.logits(), run.logits(), atol=2e-3, rtol=0)
    assert almost.history["train_agreement"] == run.history["train_agreement"]
    monkeypatch.setattr(kd.SoftTargets, "losses", staticmethod(spy))
    few = kd.train(whole.replace(teacher=top(taught, 2)), store=None)
    assert (few.logits() - run.logits()).abs().max() > 1e-2
    z, teacher, loss = seen[0]
    log_p, rest = teacher["logits"][0].double(), teacher["rest"][0].double()
    kept = log_p > -math.inf
    assert (kept.sum(-1) == 2).all()
    torch.testing.assert_close((log_p.exp().sum(-1) + rest.exp()), torch.ones(128).double(), atol=1e-5, rtol=0)
    log_q = (z.double() / T).log_softmax(-1)
    of_rest = log_q.exp().masked_fill(kept, 0).sum(-1).log()
    by_class = torch.where(kept, log_p.exp() * (log_p - log_q), 0).sum(-1)
    expected = T**2 * (by_class + rest.exp() * (rest - of_rest)).mean()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-4)


def test_students_of_two_temperatures_share_an_array_and_each_has_its_own_bucket(student, taught, one_array):
    both = [student.replace(teacher=top(taught, 3), temperature=T) for T in TEMPERATURES]
    for run in one_array(both):
        torch.testing.assert_close(run.logits(), kd.train(run.recipe, store=None).logits(), atol=1e-4, rtol=0)
    others = [both[0].replace(teacher=given).key for given in (top(taught, 4), taught, top(taught, 3, (1.0,)))]
    assert len({both[0].key, *others}) == 4


def test_students_learn_over_the_k_alone_or_from_the_first_of_them(student, taught):
    bare = top(taught, 3, ())
    alone = kd.train(student.replace(objective=RenormalisedTopK(bare, temperature=4), epochs=3), store=None)
    assert alone.history["loss"][-1] < alone.history["loss"][0]
    hard = [kd.train(student.replace(objective=kd.HardDistillation(x)), store=None) for x in (bare, taught)]
    assert torch.equal(hard[0].logits(), hard[1].logits())
    with pytest.raises(ValueError, match="a kdviz.measures.TopK here"):
        RenormalisedTopK(taught)
    for objective in (kd.ReverseKL, kd.JSD):
        with pytest.raises(ValueError, match="needs the logits of all classes"):
            objective(top(taught, 3))
    with pytest.raises(ValueError, match="no top k of 10 classes"):
        kd.train(student.replace(teacher=top(taught, 10, (2.0,)), temperature=2), store=None)


@pytest.mark.parametrize("T", TEMPERATURES)
def test_both_top_k_losses_are_the_measures_and_their_gradients_are_finite(T):
    z = Z.float().requires_grad_()
    known = top(V, 3).at(T)
    teacher = {"logits": known.spread(12, T)[None].float(), "rest": known.log_rest(T)[None].float()}
    numbers = torch.tensor([[T], [0.0], [1.0]])
    loss = kd.SoftTargets.losses({"logits": z[None]}, Y[None], teacher, {}, *numbers)
    assert loss.item() == pytest.approx(T**2 * kd.measures.kl_lower_bound(Z, top(V, 3), T), rel=1e-5)
    bare = {"logits": known.spread(12)[None].float()}
    other = RenormalisedTopK.losses({"logits": z[None]}, Y[None], bare, {}, *numbers)
    assert other.item() == pytest.approx(T**2 * kd.measures.kl_renormalised(Z, top(V, 3), T), rel=1e-5)
    for value in (loss, other):
        (gradient,) = torch.autograd.grad(value, z)
        assert gradient.isfinite().all() and gradient.abs().max() > 0


def test_masked_classes_of_given_logits_take_no_part(student, taught):
    masked = taught.clone()
    masked[:, 7] = -math.inf
    low = taught.clone()
    low[:, 7] = -1e4
    runs = [kd.train(student.replace(teacher=given), store=None) for given in (masked, low)]
    torch.testing.assert_close(runs[0].logits(), runs[1].logits())
    for wrong in (torch.full((3, 10), -math.inf), torch.full((3, 10), math.inf), torch.full((3, 10), math.nan)):
        with pytest.raises(ValueError, match="3 of 1000 examples are not finite|not numbers .NaN."):
            kd.train(student.replace(teacher=torch.cat([taught[:997], wrong])), store=None)


@pytest.mark.parametrize("kind", ["npz", "safetensors"])
def test_a_top_k_comes_back_from_files(tmp_path, kind):
    known = top(V, 3)
    arrays = {"values": known.values, "indices": known.indices, "lse_1": known.lse[1.0], "lse_4": known.lse[4.0]}
    arrays |= {"student": Z, "labels": Y}
    path = tmp_path / f"all.{kind}"
    if kind == "npz":
        np.savez(path, **{name: array.numpy() for name, array in arrays.items()})
    else:
        save_file({name: array.contiguous() for name, array in arrays.items()}, path)
    read = kd.bench.read_logits(path, path, path)
    assert read["teacher"] == known
    few = {name: arrays[name] for name in ("student", "labels", "indices")} | {"values": arrays["values"][1:]}
    np.savez(tmp_path / "few.npz", **{name: array.numpy() for name, array in few.items()})
    with pytest.raises(ValueError, match="few.npz: values and indices"):
        kd.bench.read_logits(path, tmp_path / "few.npz", path)
    np.savez(tmp_path / "other.npz", values=VALUES[1:].numpy(), indices=INDICES[1:].numpy())
    with pytest.raises(ValueError, match=f"all.{kind} does not fit"):
        kd.bench.read_logits(path, tmp_path / "other.npz", path)


def test_masked_logits_are_read(tmp_path):
    masked = V.clone()
    masked[:, 3] = -math.inf
    np.savez(tmp_path / "all.npz", teacher=masked.numpy(), student=Z.numpy(), labels=Y.numpy())
    read = kd.bench.read_logits(*3 * [tmp_path / "all.npz"])
    assert (read["teacher"][:, 3] == -math.inf).all() and read["teacher"][:, :3].isfinite().all()
