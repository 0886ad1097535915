"""A task for encoders of tokens that needs no download: which value has the key that is asked for?"""

import numpy as np

KEYS = ("red", "blue", "green", "black", "white", "pink")
VALUES = ("0", "1", "2", "3")
LENGTH, FEWEST, SEED = 6, 2, 0  # tokens of a sequence, pairs in it at least
VOCABULARY = ("", "�", *(f"find_{key}·" for key in KEYS), *(f"{key}{value}·" for key in KEYS for value in VALUES))
TRAIN, TEST = 2_000, 1_000


def read_lookup() -> tuple[tuple, tuple, tuple[str, ...]]:
    """The training and the test part, drawn once and for all, and what each token is called.

    A part is tokens, shape (N, 6), int64, and labels, shape (N,), int64. A sequence, such as ``find_red blue3 red1
    pink0``, has two to five pairs of a key and its value, no key twice, one question among them at any place, and
    then padding, 0. Its label is the value of the key that is asked for: 1.
    """
    random = np.random.RandomState(SEED)  # unlike a Generator's, its numbers are the same in every version of NumPy
    parts = [[_drawn(random) for _ in range(n)] for n in (TRAIN, TEST)]
    train, test = ((np.array([row for row, _ in part]), np.array([label for _, label in part])) for part in parts)
    return train, test, VOCABULARY


def _drawn(random: np.random.RandomState) -> tuple[list[int], int]:
    pairs = random.randint(FEWEST, LENGTH)
    keys, values = random.permutation(len(KEYS))[:pairs], random.randint(len(VALUES), size=pairs)
    asked = random.randint(pairs)
    tokens = [2 + len(KEYS) + int(key) * len(VALUES) + int(value) for key, value in zip(keys, values, strict=True)]
    tokens.insert(random.randint(pairs + 1), 2 + int(keys[asked]))
    return tokens + [0] * (LENGTH - len(tokens)), int(values[asked])
