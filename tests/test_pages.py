"""Slides and site: complete without a network, every figure described, the deck made as its notebook says."""

import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from kdviz.publish import __main__ as command
from kdviz.publish import needed, notebooks, site
from kdviz.publish.deck import deck, mark, slides_of
from kdviz.publish.text import blocks_of, shortened

PATHS = sorted(notebooks.FOLDER.glob("*.ipynb"))


def figure(alt="A line that rises from left to right.", **metadata):
    output = new_output("display_data", {"image/png": "iVBORw0KGgo=\n", "text/plain": "<Figure>"})
    return new_code_cell("draw()", outputs=[output], metadata={"alt": alt, **metadata})


def claim(sentence, verdict="✓"):
    shown = f"<p><b>{verdict}</b> {sentence}<br><small>1 ± 0.5 (95 % t-interval, 5 students)</small></p>"
    data = {"text/plain": f"{verdict} {sentence}", "text/html": shown}
    return new_code_cell("check()", outputs=[new_output("execute_result", data)])


def talk(**metadata):
    """A small notebook with what the walkthroughs have."""
    return new_notebook(
        cells=[
            new_markdown_cell("# Ice\n\n**Question.** Does it melt?"),
            new_code_cell("import ice", metadata={"tags": ["recipes"]}),
            new_markdown_cell("A recipe says how to freeze."),
            new_markdown_cell("## Melting\n\nIt melts at $T_0$. " + "It does so every time. " * 15 + "\n\n$$T > T_0$$"),
            new_code_cell("melt()", outputs=[new_output("stream", text="melting")]),
            figure(**metadata),
            new_markdown_cell("The line rises."),
            figure("Another line, which falls."),
            new_markdown_cell("## Claims"),
            *(claim(f"Claim number {n}.", "✓✗?"[n % 3]) for n in range(12)),
        ]
    )


def types(cells):
    return [cell.metadata.slideshow.slide_type for cell in cells]


def test_a_deck_follows_the_structure_of_its_notebook():
    slides, types = slides_of(talk())
    named = [(slide.start, slide.heading) for slide in slides]
    melting = [("slide", "## Melting"), ("subslide", "## Melting"), ("subslide", "## Melting")]
    assert named == [("slide", "# Ice"), *melting, ("slide", "## Claims"), ("subslide", "## Claims")]
    assert types[:9] == ["slide", "skip", "notes", "slide", "skip", "subslide", "-", "subslide", "slide"]
    assert types[9:] == ["fragment"] * 12 and sum(len(slide.later) for slide in slides) == 12
    first, second, third, *_ = slides
    assert first.notes == ["A recipe says how to freeze."]
    assert second.notes[0].count("every time") == 15 and second.shown[0].count("every time") < 10
    assert second.shown[1] == "$$T > T_0$$" and third.shown[-1] == "The line rises."


def test_code_is_hidden_unless_it_is_tagged():
    hidden, asked = (deck(talk(**metadata)).cells for metadata in ({}, {"tags": ["show-input"]}))
    drawn = [
        [c.metadata.transient.remove_source for c in cells if c.get("source") == "draw()"] for cells in (hidden, asked)
    ]
    assert drawn == [[True, True], [False, True]]


@pytest.mark.parametrize("own", ["slide", "subslide", "fragment", "skip", "notes"])
def test_a_slide_type_in_the_metadata_wins(own):
    notebook = talk()
    notebook.cells[6].metadata["slideshow"] = {"slide_type": own}
    slides, types = slides_of(notebook)
    assert types[6] == own
    begun = [slide.start for slide in slides if "The line rises." in slide.shown]
    assert begun == ([own] if own in ("slide", "subslide") else [])
    assert any("The line rises." in slide.notes for slide in slides) == (own == "notes")
    assert any("The line rises." in [cell.source for cell in slide.later] for slide in slides) == (own == "fragment")


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_marking_a_notebook_changes_its_metadata_and_not_its_deck(path, tmp_path):
    copy, before = tmp_path / path.name, nbformat.read(path, as_version=4)
    unmarked = [cell for cell in before.cells if cell.id != "colab"]  # Colab's cell always has its type
    assert all(cell.metadata.pop("slideshow", None) for cell in unmarked), "run `python -m kdviz.publish commit`"
    nbformat.write(before, copy)
    assert mark(copy) == len(unmarked) and mark(copy) == 0
    after = nbformat.read(copy, as_version=4)
    assert slides_of(after)[1] == slides_of(before)[1]
    shown = [[(c.source, types([c]), c.get("outputs")) for c in deck(notebook).cells] for notebook in (before, after)]
    assert shown[0] == shown[1]


def test_text_is_cut_between_sentences_and_emphasis_is_closed():
    assert shortened("*One of many. " + "More of it. " * 30 + "*") == "*One of many." + " More of it." * 16 + "*"
    assert shortened("Long. " * 60 + "So we add:") == "Long. " * 33 + "So we add:"
    assert blocks_of("A\n\n$$x\n\ny$$\n\n1. one\n2. two") == ["A", "$$x\n\ny$$", "1. one", "2. two"]


def test_a_missing_package_is_named_with_what_installs_it(monkeypatch):
    monkeypatch.setattr(needed, "find_spec", lambda name: None if name == "furo" else object())
    needed.need("slides")
    with pytest.raises(SystemExit, match=r'furo.*pip install -e "\.\[pages\]"'):
        needed.need("site")


@pytest.mark.parametrize("name", ["99", "/etc/", "../README", "nope"])
@pytest.mark.parametrize("command_line", [["slides"], ["train", "--notebook"]], ids=["slides", "train"])
def test_an_unknown_notebook_is_an_error(command_line, name):
    with pytest.raises(SystemExit, match=f"no notebook begins with '{name}'"):
        command.main([*command_line, name])


def test_training_no_seed_is_an_error():
    with pytest.raises(SystemExit, match="--seeds 0: seeds below 1 are none"):
        command.main(["train", "--notebook", "01", "--seeds", "0"])


@pytest.mark.filterwarnings("ignore")
def test_a_page_of_the_demo_fetches_nothing(tmp_path):
    for name in needed.NEEDED["demo"]:
        pytest.importorskip(name)
    from kdviz.publish import page

    (path,) = notebooks.chosen("01")
    notebook = nbformat.read(path, as_version=4)
    target = tmp_path / "page.html"
    target.write_text(page.html(notebook, path.stem), encoding="utf-8")
    shown, text = soup(target), target.read_text(encoding="utf-8")
    formulas = [cell.source for cell in notebook.cells if "$$" in cell.source]
    assert len(shown.select("math")) > len(formulas) > 0
    assert "$" not in "".join(part.get_text() for part in shown.select(".jp-RenderedMarkdown p"))
    assert shown.select("script, iframe, link[href]") == []
    assert not re.search(r"url\(['\"]?(https?:)?//|@import\s+['\"(u]", text)
    assert all(image["src"].startswith("data:") for image in shown.select("img"))


def test_formulas_become_mathml_and_an_unreadable_one_is_named():
    pytest.importorskip("docutils")
    from kdviz.publish.maths import mathml

    assert "<msqrt>" in mathml(r"\sqrt{x}") and "munder" not in mathml(r"\bar z_i")
    assert re.sub(r"\s", "", mathml(r"\frac12 x")).count("<mn>1</mn><mn>2</mn></mfrac>") == 1
    with pytest.raises(ValueError, match="nonsense"):
        mathml(r"\nonsense{x}")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The site of all notebooks with their slides, built as `make site` does."""
    for name in [*needed.NEEDED["slides"], *needed.NEEDED["site"]]:
        pytest.importorskip(name)
    folder = tmp_path_factory.mktemp("pages")
    site.write(folder)
    return folder


def soup(path):
    from bs4 import BeautifulSoup

    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


@pytest.mark.filterwarnings("ignore")  # of the tools that build, not of ours
def test_nothing_is_fetched(built):
    found = sorted(built.rglob("*.html"))
    assert len(found) >= 2 * len(PATHS) + 2
    for path in found:
        page = soup(path)
        named = [
            tag.get("src") or tag.get("href") for tag in page.select("script[src], link[href], img, iframe, source")
        ]
        assert [name for name in named if re.match(r"(https?:)?//", name or "")] == []
        assert page.select("script[type=module]") == []
    for path in [*found, *built.rglob("*.css")]:
        assert not re.search(r"url\(['\"]?(https?:)?//|@import\s+['\"(u]", path.read_text(encoding="utf-8"))


def figures(path):
    cells = nbformat.read(path, as_version=4).cells
    return [c.metadata["alt"] for c in cells if any("image/png" in o.get("data", {}) for o in c.get("outputs", []))]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_every_figure_is_there_and_described(built, path):
    described = figures(path)
    for page in (built / f"{path.stem}.html", built / "slides" / f"{path.stem}.html"):
        assert [image.get("alt") for image in soup(page).select("img")] == described


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_slides_are_as_many_as_the_notebook_has_headings_and_figures(built, path):
    page = soup(built / "slides" / f"{path.stem}.html")
    shown = [section for section in page.select("section") if not section.find("section")]
    assert len(shown) >= len(figures(path)) and all(len(section.select("img")) <= 1 for section in shown)
    text = "\n".join(c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "markdown")
    headings = re.findall("^#+ (.+)", text, re.MULTILINE)
    assert len(page.select("section h1, section h2, section h3")) > 0.7 * len(headings)
    assert "$" not in "".join(p.get_text() for p in page.select("section p"))


@pytest.mark.filterwarnings("ignore")
def test_the_site_is_linked_and_can_be_searched(built):
    front = {link["href"] for link in soup(built / "index.html").select("a[href]")}
    assert {f"{path.stem}.html" for path in PATHS} | {f"slides/{path.stem}.html" for path in PATHS} <= front
    for before, path, after in zip(PATHS, PATHS[1:], PATHS[2:], strict=False):
        links = {link["href"] for link in soup(built / f"{path.stem}.html").select(".related-pages a")}
        assert links == {f"{before.stem}.html", f"{after.stem}.html"}
    assert "temperature" in (built / "searchindex.js").read_text(encoding="utf-8")


@pytest.mark.filterwarnings("ignore")
def test_the_front_page_shows_the_playground_and_every_notebook(built):
    front = soup(built / "index.html")
    assert [place.select_one("img")["alt"][:11] for place in front.select(".kdviz-place")] == ["Three discs"]
    assert [card.select_one("h3 a")["href"] for card in front.select(".kd-card")] == [f"{p.stem}.html" for p in PATHS]
    assert all(image["alt"] and (built / image["src"]).exists() for image in front.select(".kd-cover img"))
    assert {"claims.html", "papers.html", "glossary.html"} <= {link["href"] for link in front.select(".kd-link")}


@pytest.mark.filterwarnings("ignore")
def test_all_claims_and_all_papers_are_collected(built):
    told = [site.walkthrough(path.stem, nbformat.read(path, as_version=4)) for path in PATHS]
    shown = soup(built / "claims.html")
    sentences = [claim.select_one("p").get_text()[2:] for claim in shown.select(".kd-claim")]
    assert len(sentences) == sum(len(one.claims) for one in told) > 50
    assert [claim.select_one("p a").get_text() for claim in shown.select(".kd-claim")] == [
        claim.mark for one in told for claim in one.claims
    ]
    rows = soup(built / "papers.html").select(".kd-papers tbody tr")
    assert len(rows) == sum(len(one.papers) for one in told) > 10
    assert len(soup(built / "glossary.html").select("dl.glossary dt")) > 20


@pytest.mark.filterwarnings("ignore")
def test_the_folder_can_be_put_anywhere_as_it_is(built):
    assert (built / ".nojekyll").exists()
    assert sum(path.stat().st_size for path in built.rglob("*") if path.is_file()) < 25_000_000
    for path in built.rglob("*.html"):
        links = [tag.get("href") or tag.get("src") or "" for tag in soup(path).select("[href], [src]")]
        assert not [link for link in links if link.startswith(("/", "file:"))]
