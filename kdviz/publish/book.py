"""What the committed notebooks say of themselves, read for the site: question, finding, hero figure, claims, papers."""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape

from nbformat import NotebookNode

from kdviz.publish.text import VERDICTS, shortened

MARKS = {"✓": "holds", "✗": "fails", "?": "open"}


@dataclass(frozen=True)
class Claim:
    """A sentence of a notebook, its mark, and what decided it."""

    mark: str
    sentence: str
    decided_by: str


@dataclass(frozen=True)
class Walkthrough:
    """One notebook of the book."""

    name: str
    title: str
    question: str
    finding: str  # the first sentence of "In short", "" where there is none
    minutes: str
    hero: bytes | None  # a PNG
    alt: str
    claims: tuple[Claim, ...]
    papers: tuple[tuple[str, str, str, str], ...]  # what, the paper's, here, where


def walkthrough(name: str, notebook: NotebookNode) -> Walkthrough:
    """A notebook as the site tells of it."""
    first = notebook.cells[0].source
    asked, short, minutes = (_said(first, word) for word in ("Question", "In short", "Minutes"))
    hero = _hero(notebook)
    return Walkthrough(
        name=name,
        title=re.search(r"^# (.+)", first, re.MULTILINE)[1],
        question=asked or shortened(first.split("\n\n")[1]),
        finding=re.split(r"(?<=[.?!])\s+(?=[^a-z])", short)[0],
        minutes=re.match(r"\d*", minutes)[0],
        hero=hero and base64.b64decode(hero[0]),
        alt=hero[1] if hero else "",
        claims=tuple(_claims(notebook)),
        papers=tuple(_papers(notebook)),
    )


def _said(first: str, word: str) -> str:
    """What stands behind a word in bold, to the end of its line."""
    found = re.search(rf"^\*\*{word}\.\*\* (.+)", first, re.MULTILINE)
    return found[1] if found else ""


def _hero(notebook: NotebookNode) -> tuple[str, str] | None:
    """PNG and alt text of the cell tagged ``hero``, or of the first figure."""
    drawn = [
        ("hero" in cell.metadata.get("tags", []), output.data["image/png"], cell.metadata.get("alt", ""))
        for cell, output in _outputs(notebook)
        if "image/png" in output.data
    ]
    return next((tuple(rest) for chosen, *rest in [*(d for d in drawn if d[0]), *drawn]), None)


def _outputs(notebook: NotebookNode) -> Iterator[tuple[NotebookNode, NotebookNode]]:
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "data" in output:
                yield cell, output


def _claims(notebook: NotebookNode) -> list[Claim]:
    """Every claim that is displayed, once, also those that only the table of all names."""
    found: dict[str, Claim] = {}
    for _, output in _outputs(notebook):
        text, html = output.data.get("text/plain", ""), output.data.get("text/html", "")
        if text.startswith(VERDICTS):
            behind = re.search("<small>(.*?)</small>", html)
            found[text[2:]] = Claim(text[0], text[2:], _rule(_plain(behind[1])) if behind else "")
        elif re.match(r"\d+ claims: ", text):
            decided = [_plain(cell) for cell in re.findall("<small>(.*?)</small>", html)]
            for line, behind in zip(text.splitlines()[1:], decided, strict=True):
                found.setdefault(line[2:], Claim(line[0], line[2:], behind))
    return list(found.values())


def _papers(notebook: NotebookNode) -> Iterator[tuple[str, str, str, str]]:
    """The rows of every table with the columns "paper" and "here"; a row's name stands first."""
    from bs4 import BeautifulSoup

    for _, output in _outputs(notebook):
        for table in BeautifulSoup(output.data.get("text/html", ""), "html.parser").select("table"):
            head = [cell.get_text(" ", strip=True) for cell in table.select("thead tr:first-child th")]
            if not {"paper", "here"} <= set(head):
                continue
            for row in table.select("tbody tr"):
                cells = [_short(cell.get_text(" ", strip=True)) for cell in row.select("th, td")]
                of = dict(zip(head, cells, strict=False))
                yield cells[0], of["paper"], of["here"], of.get("where", "")


def _rule(behind: str) -> str:
    """What decided a claim, without the numbers that it was made of."""
    found = re.match(r".*?\((?:95 % t-interval[^)]*|[^()]* in which it is true)\)(?:; cannot tell: [^;]*)?", behind)
    return found[0] if found else ""


def _short(number: str) -> str:
    """A number without the zeros that a table wrote behind it."""
    return re.sub(r"^(-?\d+)\.0+$|^(-?\d+\.\d*?)0+$", r"\1\2", number)


def _plain(html: str) -> str:
    return unescape(re.sub("<[^>]+>", " ", html)).strip()
