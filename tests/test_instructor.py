"""The instructor's page and the quizzes: links lead somewhere, minutes add up, every notebook is spoken of."""

import re

import nbformat
import pytest

from kdviz.publish import assignments, front, notebooks

PATHS = sorted(notebooks.FOLDER.glob("*.ipynb"))
TO_COME = "*To be added with the notebook.*"


@pytest.fixture(scope="module")
def pages():
    return front.teaching(assignments.FOLDER)


def test_links_lead_to_files_beside_the_page():
    for file in front.TEACHING.values():
        text = (assignments.FOLDER / file).read_text(encoding="utf-8")
        links = re.findall(r"\]\(([^)#]+)\)", text)
        assert links and all((assignments.FOLDER / link).exists() for link in links)


def test_links_of_the_sites_pages_lead_to_pages_of_the_site(pages):
    there = {path.name for path in PATHS} | {f"{name}.md" for name in pages}
    for text in pages.values():
        heads = re.findall(r"^## (.+)", text, re.MULTILINE)
        anchors = {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}
        assert {*re.findall(r"\]\(([^)#]+)\)", text)} <= there
        assert {*re.findall(r"\]\(#([^)]+)\)", text)} <= anchors
    assert "| 1 The loss |" in pages["instructor"] and "(quizzes.md)" in pages["instructor"]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_every_notebook_has_a_quiz_of_ten_or_is_to_come(path, pages):
    found = re.search(rf"^## {path.name[:2]} .+?\n\n(.+?)\n*(?=^## |\Z)", pages["quizzes"], re.MULTILINE | re.DOTALL)
    assert found, f"quizzes.md has no part '## {path.name[:2]} …': ten questions, or {TO_COME}"
    lines = found[1].strip().splitlines()
    if lines != [TO_COME]:
        assert [re.match(r"(\d+)\. .+[.?] \*.+\.\*$", line)[1] for line in lines] == [str(n) for n in range(1, 11)]
        assert f"({path.name})" in pages["instructor"]


ASKED = re.compile(r"^## (?:A question|Questions) for the group\n(.+?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_every_question_for_the_group_is_answered(path, pages):
    text = "\n".join(c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "markdown")
    asked = sum(section.count("<summary>An answer</summary>") for section in ASKED.findall(text))
    said = re.search(rf"^\*\*{path.name[:2]} [^*]+\*\* (.+)$", pages["instructor"], re.MULTILINE)
    if said:
        assert len(re.findall(r"\*[^*]+\?\*", said[1])) >= asked > 0
    else:
        assert not asked or pages["quizzes"].split(f"\n## {path.name[:2]} ")[1].split("\n")[2] == TO_COME


def test_the_lab_takes_two_hours(pages):
    spans = re.findall(r"^\| (\d+)–(\d+) \| ", pages["instructor"], re.MULTILINE)
    assert [int(begin) for begin, _ in spans] == [0, *(int(end) for _, end in spans[:-1])] and spans[-1][1] == "120"


def test_the_plan_has_twelve_weeks(pages):
    plan = pages["instructor"].split("## A plan of twelve weeks")[1].split("\n## ")[0]
    assert re.findall(r"^\| (\d+) \| ", plan, re.MULTILINE) == [str(week) for week in range(1, 13)]


def test_minutes_of_the_assignments_are_those_they_say():
    text = (assignments.FOLDER / "INSTRUCTOR.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| \[\d\]\((\d_\w+\.ipynb)\) \| [^|]+ \| (\d+) \|", text, re.MULTILINE))
    firsts = {p.name: nbformat.read(p, as_version=4).cells[0].source for p in assignments.FOLDER.glob("*.ipynb")}
    assert listed == {name: re.search(r"\*\*Minutes\.\*\* (\d+)\.", first)[1] for name, first in firsts.items()}
