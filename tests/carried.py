"""What an explorer's page carries, read back."""

import base64

import numpy as np


def unpacked(told: dict) -> np.ndarray:
    """An array from what ``kdviz.explorers.view.packed`` says of it."""
    return np.frombuffer(base64.b64decode(told["bytes"]), told["kind"]).reshape(told["shape"])
