"""What the pages read in a notebook's texts."""

import re

SHORT = 210  # characters
VERDICTS = ("✓ ", "✗ ", "? ")  # how the text of a decided sentence begins


def shortened(text: str) -> str:
    """The first sentence of a text, and those after it as long as all are short together."""
    first, *others = re.split(r"(?<=[.?!])\s+(?=[^a-z])", text)
    for each in others:
        if len(first) + len(each) >= SHORT:
            break
        first += f" {each}"
    return first
