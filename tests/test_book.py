"""The site's own pages: all of what they tell is read out of the notebooks' committed outputs."""

import base64

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from kdviz import claims, papers
from kdviz.publish import book, front

PNG, OTHER = (base64.b64encode(b"\x89PNG" + bytes([n])).decode() for n in (1, 2))


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setattr(claims, "MADE", {})


def shown(thing, **metadata):
    data = {"text/plain": repr(thing), "text/html": thing._repr_html_()}
    return new_code_cell("shown", outputs=[new_output("execute_result", data)], metadata=metadata)


def drawn(png, alt, **metadata):
    return new_code_cell(outputs=[new_output("display_data", {"image/png": png})], metadata={"alt": alt, **metadata})


def notebook(*cells, short="**In short.** Ice melts, e.g. at noon. It is *wet* then."):
    first = f"# Ice: what melts?\n\n**Question.** Does it melt?\n\n{short}\n\n**Minutes.** 25.\n"
    return new_notebook(cells=[new_markdown_cell(first), *cells])


def test_what_a_notebook_tells_of_itself():
    told = book.walkthrough("06_ice", notebook(drawn(PNG, "A line."), drawn(OTHER, "A curve.")))
    assert (told.title, told.question, told.minutes) == ("Ice: what melts?", "Does it melt?", "25")
    assert told.finding == "Ice melts, e.g. at noon." and told.alt == "A line." and told.hero[-1] == 1
    chosen = book.walkthrough("06_ice", notebook(drawn(PNG, "A line."), drawn(OTHER, "A curve.", tags=["hero"])))
    assert chosen.alt == "A curve." and chosen.hero[-1] == 2
    bare = book.walkthrough("06_ice", notebook(short=""))
    assert bare.hero is None and bare.finding == "" and bare.claims == bare.papers == ()


def test_every_claim_counts_once_and_also_those_that_only_the_table_names():
    one = claims.check("It <melts>.", [1.0, 2.0, 1.5], rule="interval", unit="students", numbers={"degrees": [1, 2, 3]})
    claims.check("It boils.", [-1.0] * 5, rule="same sign", unit="nets")
    claims.check("It is ice.", True, rule="fact")
    found = book.walkthrough("06_ice", notebook(shown(one), shown(one), shown(claims.table()))).claims
    assert [(claim.mark, claim.sentence) for claim in found] == [
        ("✓", "It <melts>."), ("✗", "It boils."), ("✓", "It is ice."),
    ]  # fmt: skip
    assert found[0].decided_by == "by 1.5 ± 1.24 (95 % t-interval, 3 students)" and "degrees" not in found[0].decided_by
    assert found[1].decided_by == "0 of 5 (nets in which it is true)" and found[2].decided_by == ""


def test_tables_of_papers_are_found_by_their_columns():
    table = papers.beside(
        ("errors", papers.entries()[0], next(iter(papers.facts(papers.entries()[0])["reported"])), "7")
    )
    other = table.rename(columns={"here": "there"})
    (row,) = book.walkthrough("06_ice", notebook(shown(table), shown(other))).papers
    assert row[0] == "errors" and row[2] == "7" and row[3] == papers.facts(papers.entries()[0])["where"]
    assert [book._short(text) for text in ("67.0", "2.50", "84.000", "100", "0.67", "2 ± 0.10")] == [
        "67", "2.5", "84", "100", "0.67", "2 ± 0.10",
    ]  # fmt: skip


def test_pages_are_made_of_the_book_and_escape_what_it_says():
    one = claims.check("It <melts> at *noon* [1] for $2.", [1.0, 2.0, 1.5], rule="interval", unit="students")
    melting = book.walkthrough("06_ice", notebook(drawn(PNG, 'A "line".'), shown(one)))
    index = front.index([melting], "PLAYGROUND")
    assert 'alt="A &quot;line&quot;."' in index and "Ice melts, e.g. at noon." in index and "PLAYGROUND" in index
    assert 'href="06_ice.html"' in index and 'href="slides/06_ice.html"' in index and "<b>✓</b>&nbsp;1" in index
    listed = front.claims([melting])
    assert r"It \<melts\> at \*noon\* \[1\] for \$2." in listed and "kd-holds" in listed and "06_ice.html#:~:" in listed
    words = front.glossary([melting], {"06_ice": "It has a temperature."})
    assert "Temperature\n  The number $T$" in words and words.count("[06](06_ice.ipynb)") == 1
