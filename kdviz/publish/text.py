"""Markdown as a slide takes it: blocks, their first sentences, and about how many lines they fill."""

import math
import re

SHORT = 210  # characters of a paragraph that are shown
COLUMNS = 76  # characters in a line
# Blocks that are shown whatever the room: formulas, tables and the items of lists.
NEEDED = re.compile(r"\$\$|\||[*-] |\d+\. ")
VERDICTS = ("✓ ", "✗ ", "? ")  # how the text of a decided sentence begins


def blocks_of(source: str) -> list[str]:
    """The paragraphs, headings, formulas and tables of a Markdown text, and the items of its lists one by one."""
    blocks = []
    for part in re.split(r"(\$\$.*?\$\$[.,]?|```.*?```)", source, flags=re.DOTALL):
        if part.startswith(("$$", "```")):
            blocks.append(part)
        else:
            blocks += (block.strip() for block in re.split(r"\n\s*\n", part) if block.strip())
    return [item for block in blocks for item in _items(block)]


def _items(block: str) -> list[str]:
    if block.startswith("#") and "\n" in block:
        return block.split("\n", 1)
    return re.split(r"\n(?=(?:[*-]|\d+\.) )", block) if re.match(r"([*-]|\d+\.) ", block) else [block]


def shortened(block: str, generous: bool = False) -> str:
    """The sentences of a block that are shown: the first ones, or the last ones if they announce something."""
    most = 2 * SHORT if generous else SHORT
    if block.startswith(("$$", "|", "```", "<")) or length(block) <= most:
        return block
    sentences = re.split(r"(?<!al\.)(?:(?<=[.?!])|(?<=[.?!][*)]))\s+(?=[^a-z])", block)
    if block.endswith(":"):
        taken = sentences.pop()
        while sentences and length(f"{sentences[-1]} {taken}") <= most:
            taken = f"{sentences.pop()} {taken}"
    else:
        taken = sentences.pop(0)
        while sentences and (length(taken) <= 40 or length(f"{taken} {sentences[0]}") <= most):
            taken += f" {sentences.pop(0)}"
    return _balanced(taken)


def _balanced(text: str) -> str:
    """A text cut out of emphasis, with the emphasis closed."""
    stars = re.sub(r"\A[*-] |\$[^$]*\$|`[^`]*`", "", text).count("*")
    return text if stars % 2 == 0 else text + "*" if text.startswith("*") else "*" + text


def length(text: str) -> int:
    """Characters as they are set: a link is its text, a command in a formula one letter."""
    return len(re.sub(r"\\[A-Za-z]+|[{}$`*]", "", re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text)))


def lines(block: str) -> float:
    """About how many lines a block takes on a slide."""
    if not block:
        return 0.0
    if block.startswith("$$"):
        return 2.8
    if block.startswith("|"):
        return 1.3 * (block.count("\n") + 1)
    return math.ceil(length(block) / COLUMNS) + 0.5
