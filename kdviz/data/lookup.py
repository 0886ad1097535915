"""A task for encoders of tokens that needs no download: which value has the key that is asked for?"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

KEYS = ("red", "blue", "green", "black", "white", "pink", "grey", "brown")
# Keys, values and tokens of a sequence, by the data set's name.
TASKS = {"lookup": (6, 4, 6), "lookup_long": (8, 6, 8)}
SEED, TRAIN, TEST = 1, 8_000, 2_000


def values(name: str) -> tuple[str, ...]:
    """What the classes of a look-up task are called."""
    return tuple(map(str, range(TASKS[name][1])))


def read_lookup(name: str) -> tuple[tuple, tuple, tuple[str, ...]]:
    """The training and the test part of one of :data:`TASKS`, drawn once and for all, and what each token is called.

    A part is tokens, shape (N, L), int64, and labels, shape (N,), int64. A sequence, such as ``find_red blue3 red1
    pink0``, has two to L − 1 pairs of a key and its value, no key twice, one question among them at any place, and
    then padding, 0. Its label is the value of the key that is asked for: 1.
    """
    keys, worth, length = TASKS[name]
    pairs = [f"{key}{value}" for key in KEYS[:keys] for value in range(worth)]
    vocabulary = ("", "\ufffd", *(f"{word}·" for word in (*(f"find_{key}" for key in KEYS[:keys]), *pairs)))
    random = np.random.RandomState(SEED)  # unlike a Generator's, its numbers are the same in every version of NumPy
    drawn = [[_drawn(random, keys, worth, length) for _ in range(n)] for n in (TRAIN, TEST)]
    train, test = ((np.array([row for row, _ in part]), np.array([label for _, label in part])) for part in drawn)
    return train, test, vocabulary


def places_of(tokens: Tensor, vocabulary: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Where the question stands in each sequence, and where the pair that it asks for; the first token is at 0.

    Parameters
    ----------
    tokens : Tensor, shape (N, L), int64
    vocabulary : sequence of str

    Returns
    -------
    (Tensor, Tensor), each of shape (N,), int64
    """
    keys = [word.removeprefix("find_").rstrip("0123456789·") for word in vocabulary]
    key_of = torch.tensor([keys.index(key) for key in keys])[tokens]
    asks = torch.tensor([word.startswith("find_") for word in vocabulary])[tokens]
    question = asks.int().argmax(1)
    wanted = (key_of == key_of.gather(1, question[:, None])) & ~asks
    return question, wanted.int().argmax(1)


def _drawn(random: np.random.RandomState, keys: int, worth: int, length: int) -> tuple[list[int], int]:
    pairs = random.randint(2, length)
    own, values = random.permutation(keys)[:pairs], random.randint(worth, size=pairs)
    asked = random.randint(pairs)
    tokens = [2 + keys + int(key) * worth + int(value) for key, value in zip(own, values, strict=True)]
    tokens.insert(random.randint(pairs + 1), 2 + int(own[asked]))
    return tokens + [0] * (length - len(tokens)), int(values[asked])
