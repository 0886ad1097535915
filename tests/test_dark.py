"""Controls of dark knowledge: weights by the teacher's confidence, and soft targets whose classes changed places."""

import pytest
import torch

import kdviz as kd
from kdviz.objectives import PermutedTargets, WeightedByTeacher, permuted

LOGITS = 4 * torch.randn(200, 10, generator=torch.Generator().manual_seed(0))


def test_a_permutation_keeps_the_answer_and_how_soft_it_is():
    moved = permuted(LOGITS)
    assert torch.equal(moved.argmax(-1), LOGITS.argmax(-1)) and torch.equal(moved.amax(-1), LOGITS.amax(-1))
    assert torch.equal(moved.sort(-1).values, LOGITS.sort(-1).values)
    assert (moved != LOGITS).double().mean() > 0.7  # eight in nine others move, of ten classes
    assert torch.equal(permuted(LOGITS[None, 7:9])[0], moved[7:9])  # the same alone as among others


def test_a_permutation_is_another_for_each_example_and_says_nothing_of_its_classes():
    second = permuted(LOGITS).scatter(-1, LOGITS.argmax(-1, keepdim=True), -99).argmax(-1)
    was = LOGITS.scatter(-1, LOGITS.argmax(-1, keepdim=True), -99).argmax(-1)
    assert (second == was).double().mean() < 0.2  # one in nine by chance
    alike = torch.arange(10.0).flip(0) + 1e-3 * torch.randn(300, 10, generator=torch.Generator().manual_seed(1))
    counts = torch.bincount(permuted(alike)[:, 1:].argmax(-1), minlength=9)  # where the second went
    assert counts.min() > 15 and counts.max() < 55  # about 33 each


def test_permuted_targets_are_soft_targets_of_the_permuted_teacher():
    z, T = torch.randn(1, 200, 10, generator=torch.Generator().manual_seed(2)), torch.tensor([3.0])
    one, none = torch.ones(1), torch.zeros(1)
    given = {"logits": LOGITS[None]}
    loss = PermutedTargets.losses({"logits": z}, torch.zeros(1, 200, dtype=torch.int64), given, {}, T, none, one)
    torch.testing.assert_close(loss[0], kd.objectives.soft_target_loss(z[0], permuted(LOGITS), 3.0))


def test_weights_are_the_teachers_confidence_within_the_batch():
    z, y = torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 0])
    sure = torch.tensor([[3.0, 0.0], [0.0, 1.0]])
    w = sure.softmax(-1).amax(-1)
    expected = (w * torch.nn.functional.cross_entropy(z, y, reduction="none")).sum() / w.sum()
    loss = WeightedByTeacher.losses({"logits": z[None]}, y[None], {"logits": sure[None]}, {})
    torch.testing.assert_close(loss, expected[None])


@pytest.mark.parametrize("objective", [PermutedTargets, WeightedByTeacher])
def test_they_train_and_are_known_by_another_key(objective):
    data = kd.load("digits").take(100, seed=0)
    teacher = kd.Recipe(data, kd.mlp(8), kd.HardLabels(), epochs=1)
    students = kd.grid(teacher.replace(objective=objective(teacher)), seed=range(2))
    runs = kd.train(students, store=None)
    assert [run.facts["trained_together"] for run in runs] == [2, 2]
    plain = teacher.replace(objective=kd.SoftTargets(teacher))
    assert students[0].key != plain.key and not torch.equal(runs[0].logits(), kd.train(plain, store=None).logits())
