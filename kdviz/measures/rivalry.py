"""Examples that show what a temperature brings out: with two rivals of the answer, with one, with none."""

from torch import Tensor

from kdviz.measures.checks import check_temperature, with_labels


def by_rivals(logits: Tensor, labels: Tensor, temperature: float = 8.0, sure: float = 0.98) -> dict[str, int]:
    """Rows of three examples, of those that are right and surer than ``sure`` at T = 1 (of all, where there is none).

    Parameters
    ----------
    logits : Tensor, shape (N, C)
        C at least 3.
    labels : Tensor, shape (N,), int64
    temperature : float
        T at which the probabilities of the second and the third class are compared.
    sure : float
        A probability.

    Returns
    -------
    dict
        ``"two rivals"``: the largest third probability; ``"one rival"``: the second leads the third by most;
        ``"no rival"``: the smallest second.
    """
    logits, labels = with_labels(logits, labels)
    if logits.shape[-1] < 3:
        raise ValueError(f"two rivals need three classes at least, not {logits.shape[-1]}")
    confidence, answer = logits.double().softmax(-1).max(-1)
    telling = (confidence > sure) & (answer == labels)
    telling = telling if telling.any() else telling.logical_not()
    _, second, third = (logits.double() / check_temperature(temperature)).softmax(-1).topk(3).values.unbind(-1)
    return {
        "two rivals": int(third.masked_fill(~telling, -1.0).argmax()),
        "one rival": int((second - third).masked_fill(~telling, -1.0).argmax()),
        "no rival": int(second.masked_fill(~telling, 2.0).argmin()),
    }
