"""The pages of the site that no notebook is: the front, all claims, paper beside here, the glossary; as Markdown."""

import re
from collections.abc import Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from kdviz.publish.book import MARKS, Claim, Walkthrough
from kdviz.publish.slides import TEMPLATES

ACROSS = {"claims": "All claims", "papers": "Paper beside here", "glossary": "Glossary"}
TEACHING = {"instructor": "INSTRUCTOR.md", "quizzes": "quizzes.md"}  # pages that lie beside the assignments
SAID = {"✓": "the runs show it", "✗": "they show the opposite", "?": "they cannot tell"}


def raw(html: str) -> str:
    """HTML that stands in Markdown as it is."""
    return f"````````{{raw}} html\n{html}\n````````"


def plain(text: str) -> str:
    """Text whose signs mean nothing to Markdown."""
    return re.sub(r"([\\`*_{}\[\]<>#|$~^])", r"\\\1", text)


def counted(claims: Sequence[Claim]) -> str:
    """How many claims have which mark, as HTML."""
    numbers = {mark: sum(claim.mark == mark for claim in claims) for mark in MARKS}
    return " ".join(
        f'<span class="kd-{MARKS[mark]}" title="{SAID[mark]}"><b>{mark}</b>&nbsp;{number}</span>'
        for mark, number in numbers.items()
        if number
    )


def inline(markdown: str) -> str:
    """A sentence of Markdown as HTML: emphasis and code; links are their text."""
    text = escape(re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", markdown), quote=False)
    for pattern, tag in ((r"\*\*(.+?)\*\*", "b"), (r"\*(.+?)\*", "em"), (r"`(.+?)`", "code")):
        text = re.sub(pattern, rf"<{tag}>\1</{tag}>", text)
    return text


def card(one: Walkthrough) -> str:
    """A notebook on the map: its hero figure, its finding or its question, its claims."""
    hero = f'<img loading="lazy" src="_static/heroes/{one.name}.png" alt="{escape(one.alt)}">' if one.hero else ""
    said = f'<p class="kd-finding">{inline(one.finding)}</p>' if one.finding else ""
    minutes = f"{one.minutes} min" if one.minutes else ""
    return (
        f'<article class="kd-card"><div class="kd-cover">{hero}</div>'
        f'<h3><a href="{one.name}.html"><span>{one.name[:2]}</span> {inline(one.title)}</a></h3>'
        f'{said}<p class="kd-question">{inline(one.question)}</p>'
        f'<p class="kd-more"><span>{minutes}</span><span class="kd-marks">{counted(one.claims)}</span>'
        f'<a href="slides/{one.name}.html">Slides</a></p></article>'
    )


def index(book: Sequence[Walkthrough], playground: str) -> str:
    """The front page: the playground, the map of notebooks, the pages across them."""
    claims = [claim for one in book for claim in one.claims]
    beside = sum(len(one.papers) for one in book)
    across = [
        ("claims", "All claims", f"{len(claims)} sentences, each decided by runs: {counted(claims)}"),
        ("papers", "Paper beside here", f"{beside} numbers of papers, each beside what these runs give."),
        ("glossary", "Glossary", "What the words mean here. Public code disagrees on most of them."),
        ("instructor", "For the instructor", "A lab, a reading group, a plan of twelve weeks, answers, quizzes."),
    ]
    links = "".join(
        f'<a class="kd-link" href="{n}.html"><b>{title}</b><span>{said}</span></a>' for n, title, said in across
    )
    return "\n\n".join([
        "---\nhide-toc: true\n---",
        "# kdviz",
        raw(
            '<p class="kd-lead">A large network can teach a small one more than labels can. Watch it happen, then read '
            "why: executed notebooks on knowledge distillation, every claim decided by runs.</p>"
        ),
        raw(f'<section class="kd-front" aria-label="Playground">{playground}</section>'),
        "## Walkthroughs",
        raw(f'<div class="kd-map">{"".join(map(card, book))}</div>'),
        "## Across the book",
        raw(f'<div class="kd-across">{links}</div>'),
        _toctree("Walkthroughs", [one.name for one in book]),
        _toctree("Across the book", [*ACROSS, *TEACHING]),
    ])  # fmt: skip


def _toctree(caption: str, names: Sequence[str]) -> str:
    return f"```{{toctree}}\n:hidden:\n:caption: {caption}\n\n" + "\n".join(names) + "\n```"


def claims(book: Sequence[Walkthrough]) -> str:
    """Every claim of every notebook with its mark; boxes choose which marks are shown."""
    boxes = "".join(
        f'<label class="kd-{MARKS[mark]}"><input type="checkbox" checked data-mark="{MARKS[mark]}"> <b>{mark}</b> '
        f"{said}: {sum(claim.mark == mark for one in book for claim in one.claims)}</label>"
        for mark, said in SAID.items()
    )
    text = [f"# {ACROSS['claims']}", "Each stands in its notebook, beside the numbers that decided it."]
    text.append(raw(f'<div class="kd-filter" role="group" aria-label="Show">{boxes}</div>'))
    for one in book:
        if one.claims:
            text.append(f"## [{plain(one.title)}]({one.name}.ipynb)")
            text += [_claim(one.name, claim) for claim in one.claims]
    return "\n\n".join(text)


def _claim(name: str, claim: Claim) -> str:
    there = f"{name}.html#:~:text={quote(claim.sentence[:60].rsplit(' ', 1)[0], safe='')}"
    behind = f"\n\n{plain(claim.decided_by)}" if claim.decided_by else ""
    mark = f'<a href="{there}" title="To where it stands">{claim.mark}</a>'
    return f":::{{container}} kd-claim kd-{MARKS[claim.mark]}\n{mark} {plain(claim.sentence)}{behind}\n:::"


def papers(book: Sequence[Walkthrough]) -> str:
    """What the papers reported beside what was found here, of all notebooks in one table."""
    rows = [
        "| " + " | ".join([f"[{one.name[:2]}]({one.name}.ipynb)", *map(plain, row)]) + " |"
        for one in book
        for row in one.papers
    ]
    head = "|  | what | paper | here | where in the paper |\n| --- | --- | --- | --- | --- |\n"
    told = "Other data, other nets, other budgets: what can be compared is the direction. Each notebook says which."
    return "\n\n".join([f"# {ACROSS['papers']}", told, ":::{container} kd-papers\n" + head + "\n".join(rows) + "\n:::"])


def glossary(book: Sequence[Walkthrough], prose: dict[str, str]) -> str:
    """The words of ``templates/glossary.md``, each with the notebooks whose prose uses it."""
    text = (TEMPLATES / "glossary.md").read_text(encoding="utf-8")
    (told, *parts), terms = text.split("\n## "), []
    for part in parts:
        term, meaning = part.split("\n", 1)
        used = [one.name for one in book if re.search(rf"\b{re.escape(term)}", prose[one.name], re.IGNORECASE)]
        links = ", ".join(f"[{name[:2]}]({name}.ipynb)" for name in used)
        lines = [*meaning.strip().splitlines(), *(["", f"In {links}."] if used else [])]
        terms.append("\n".join([term, *(f"  {line}".rstrip() for line in lines)]))
    return f"# {ACROSS['glossary']}\n\n{told}\n\n```{{glossary}}\n" + "\n\n".join(terms) + "\n```"


def teaching(folder: Path) -> dict[str, str]:
    """The pages for instructors, by name: links to notebooks lead to the site's, those to assignments become text."""
    pages = {}
    for name, file in TEACHING.items():
        text = (folder / file).read_text(encoding="utf-8")
        text = re.sub(r"\[([^]]*)\]\(\d_\w+\.ipynb\)", r"\1", text).replace("](../", "](")
        pages[name] = text.replace("](INSTRUCTOR.md)", "](instructor.md)")
    return pages
