"""Any loss is named: written here as public code writes it, by other means than the definitions it is compared with."""

import re

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.distributions import Categorical, kl_divergence

from kdviz import checks, objectives
from kdviz.checks.which import DEFINITIONS, FOUND_IN, UNKNOWN

pytestmark = pytest.mark.filterwarnings("ignore:reduction. .mean. divides:UserWarning")


def student(z, T):
    return F.log_softmax(z / T, dim=1)


def jsd(z, v, T):  # by entropies, not by divergences
    p, q = F.softmax(v / T, 1), F.softmax(z / T, 1)
    of_middle, p, q = (Categorical(probs=one).entropy() for one in ((p + q) / 2, p, q))
    return (of_middle - (p + q) / 2).mean()


def standard(x):
    return (x - x.mean(dim=-1, keepdims=True)) / (1e-7 + x.std(dim=-1, keepdims=True))


def correlations(z, v, T):
    q, p = F.softmax(z / T, 1), F.softmax(v / T, 1)

    def apart(a, b):
        a, b = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
        return 1 - F.cosine_similarity(a, b, dim=1, eps=1e-12).mean()

    return T**2 * (apart(q, p) + apart(q.t(), p.t()))


PUBLIC = {
    "T² · KL(teacher ‖ student) at T": lambda z, v, T: T**2 * nn.KLDivLoss(reduction="batchmean")(
        student(z, T), F.softmax(v / T, 1)),
    "1 · KL(teacher ‖ student) at T": lambda z, v, T: kl_divergence(
        Categorical(logits=v / T), Categorical(logits=z / T)).mean(),
    "T²/C · KL(teacher ‖ student) at T": lambda z, v, T: T * T * nn.KLDivLoss()(student(z, T), F.softmax(v / T, 1)),
    "1/C · KL(teacher ‖ student) at T": lambda z, v, T: nn.KLDivLoss()(student(z, T), F.softmax(v / T, 1)),
    "T² · N · KL(teacher ‖ student) at T": lambda z, v, T: T**2 * F.kl_div(
        student(z, T), student(v, T), reduction="sum", log_target=True),
    "1 · KL(student ‖ teacher) at T": lambda z, v, T: F.kl_div(
        student(v, T), student(z, T), reduction="batchmean", log_target=True),
    "T² · KL(student ‖ teacher) at T": lambda z, v, T: objectives.soft_target_loss(v, z, T),
    "T² · cross entropy with soft targets at T": lambda z, v, T: T**2 * F.cross_entropy(z / T, F.softmax(v / T, 1)),
    "T²/C · cross entropy with soft targets at T": lambda z, v, T: -T * T * (
        F.softmax(v / T, 1) * student(z, T)).mean(),
    "1 · cross entropy with the teacher's argmax": lambda z, v, T: F.nll_loss(student(z, 1), v.max(1).indices),
    "1 · KL(teacher at T ‖ student at 1)": lambda z, v, T: kl_divergence(
        Categorical(logits=v / T), Categorical(logits=z)).mean(),
    "T² · KL(teacher at T ‖ student at 1)": lambda z, v, T: T**2 * F.kl_div(
        student(z, 1), F.softmax(v / T, 1), reduction="batchmean"),
    "1 · JSD(teacher, student) at T": jsd,
    "1 · KL both ways, summed, at T": lambda z, v, T: kl_divergence(
        Categorical(logits=v / T), Categorical(logits=z / T)).mean() + F.kl_div(
        student(v, T), student(z, T), reduction="batchmean", log_target=True),
    "4 · JSD(teacher, student) at T": lambda z, v, T: jsd(z, v, T) / (0.5 * (1 - 0.5)),
    "T² · JSD(teacher, student) at T": lambda z, v, T: T**2 * jsd(z, v, T),
    "T²/C · squared difference of probabilities at T": lambda z, v, T: T * T * nn.MSELoss()(
        F.softmax(v / T, dim=1), F.softmax(z / T, dim=1)),
    "1/C · squared difference of logits": lambda z, v, T: F.mse_loss(z, v),
    "T²/C · kl_div of the teacher's probabilities, no logs, swapped, at T": lambda z, v, T: T * T * nn.KLDivLoss()(
        F.softmax(v / T, dim=1), F.softmax(z / T, dim=1)),
    "T² · KL(teacher ‖ student) at T of standardised logits": lambda z, v, T: T**2 * F.kl_div(
        student(standard(z), T), F.softmax(standard(v) / T, 1), reduction="none").sum(1).mean(),
    "T² · correlation loss (DIST) at T": correlations,
}  # fmt: skip


def value_of(formula, n, classes, T):
    """The factor, as printed, computed."""
    python = formula.replace("²", "**2").replace("·", "*")
    assert re.fullmatch(r"[\dTCN/*() .]+", python)
    return eval(python, {"T": T, "C": classes, "N": n})


@pytest.mark.parametrize(("name", "loss"), PUBLIC.items(), ids=PUBLIC)
def test_losses_of_public_code_are_named_with_their_factor(name, loss):
    found = checks.which_loss(loss)
    assert found.split(":")[0] == name
    factor, _, definition = name.rpartition(" · ") if "no logs" not in name else name.partition(" · ")
    draw = torch.Generator().manual_seed(len(name))  # other logits than those it was named by
    for n, classes in ((4, 3), (11, 10), (6, 17)):
        for T in (1, 2, 5):
            z, v = 2 * torch.randn(2, n, classes, generator=draw, dtype=torch.float64)
            expected = value_of(factor, n, classes, T) * DEFINITIONS[definition](z, v, T)
            torch.testing.assert_close(loss(z, v, T), expected, rtol=1e-6, atol=0)


def test_what_is_said_of_where_a_loss_stands_is_said_of_a_loss_that_is_named():
    assert {*FOUND_IN} <= {*PUBLIC} and len({checks.which_loss(loss) for loss in PUBLIC.values()}) == len(PUBLIC)
    assert checks.which_loss(PUBLIC["T² · cross entropy with soft targets at T"]).endswith("KL, as in gnosis")


SOFT = objectives.soft_target_loss
STRANGE = {
    "a sum of two": lambda z, v, T: SOFT(z, v, T) + F.mse_loss(z, v),
    "two directions, one of them twice": lambda z, v, T: SOFT(z, v, T) + 2 * SOFT(v, z, T),
    "two factors": lambda z, v, T: (T**2 + 1) * SOFT(z, v, T),
    "a sum with its own entropy": lambda z, v, T: SOFT(z, v, T) + 1e-4 * Categorical(logits=z).entropy().mean(),
    "a constant beside it": lambda z, v, T: SOFT(z, v, T) + 1e-4,
    "another T": lambda z, v, T: SOFT(z, v, 2 * T),
    "T to a half": lambda z, v, T: T**0.5 * SOFT(z, v, T),
    "C less one": lambda z, v, T: SOFT(z, v, T) / (z.shape[1] - 1),
    "right at T = 2 and its double alone": lambda z, v, T: SOFT(z, v, T) * (1 if T in (2, 4) else 1.01),
    "nothing": lambda z, v, T: 0,
    "the student alone": lambda z, v, T: Categorical(logits=z).entropy().mean(),
    "drawn": lambda z, v, T: SOFT(z, v, T) * torch.rand(()).item(),
}


@pytest.mark.parametrize("loss", STRANGE.values(), ids=STRANGE)
def test_anything_else_is_unknown(loss):
    assert checks.which_loss(loss) == UNKNOWN


def test_factors_are_written_as_formulas():
    written = {
        "0.9 · T² · ": lambda z, T: 0.9 * T**2,
        "−T²/C · ": lambda z, T: -(T**2) / z.shape[1],
        "N/(T · C) · ": lambda z, T: len(z) / (T * z.shape[1]),
        "T/2 · ": lambda z, T: T / 2,
        "1/(3 · N²) · ": lambda z, T: 1 / 3 / len(z) ** 2,
    }
    for formula, factor in written.items():
        found = checks.which_loss(lambda z, v, T, factor=factor: factor(z, T) * SOFT(z, v, T) / T**2)
        assert found.startswith(f"{formula}KL(teacher ‖ student) at T")


BAD = {
    "not str": "mse",
    "take three arguments": lambda z: z.mean(),
    "of shape (6, 5): RuntimeError: no": lambda z, v, T: (_ for _ in ()).throw(RuntimeError("no")),
    "a tensor of shape (6,): sum or average": lambda z, v, T: (z - v).sum(1),
    "one number, and gives NoneType": lambda z, v, T: None,
    "one number, and gives list": lambda z, v, T: [1, 2],
    "is nan on ordinary logits": lambda z, v, T: F.kl_div(student(z, T), student(v, T), reduction="batchmean"),
}


@pytest.mark.parametrize(("said", "bad"), BAD.items(), ids=BAD)
def test_what_is_no_loss_is_told_so(said, bad):
    with pytest.raises(checks.Mistake, match=re.escape(said)):
        checks.which_loss(bad)


def test_the_check_of_the_assignment_names_losses_its_own_list_does_not_have():
    for name in ("1/C · squared difference of logits", "T² · JSD(teacher, student) at T"):
        with pytest.raises(checks.Mistake, match=f"another loss: {re.escape(name)}"):
            checks.soft_target_loss(PUBLIC[name])
    with pytest.raises(checks.Mistake, match="none of the mistakes we know"):
        checks.soft_target_loss(STRANGE["a sum of two"])
