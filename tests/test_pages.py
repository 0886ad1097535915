"""Slides and site: complete without a network, every figure described, the deck made as its notebook says."""

import re

import nbformat
import pytest

from kdviz.publish import __main__ as command
from kdviz.publish import needed, notebooks, site
from kdviz.publish.deck import marked, slides_of

PATHS = sorted(notebooks.FOLDER.glob("*.ipynb"))


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


def figures(notebook):
    cells = notebook.cells
    return [c.metadata["alt"] for c in cells if any("image/png" in o.get("data", {}) for o in c.get("outputs", []))]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_every_figure_is_there_and_described(built, path):
    notebook = nbformat.read(path, as_version=4)
    assert [image.get("alt") for image in soup(built / f"{path.stem}.html").select("img")] == figures(notebook)
    page = soup(built / "slides" / f"{path.stem}.html")
    assert sorted(image.get("alt") for image in page.select("img")) == sorted(figures(marked(notebook)))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_deck_has_the_slides_that_its_notebook_marks(built, path):
    page, slides = soup(built / "slides" / f"{path.stem}.html"), slides_of(nbformat.read(path, as_version=4))
    assert len(page.select("section")) == len(slides)
    for section, slide in zip(page.select("section"), slides, strict=True):
        assert len(section.find_all(["h1", "h2"], recursive=False)) == 1 and len(section.select(".ask")) == bool(
            slide.ask
        )
        shown = section.select(".answer > *")
        assert len(shown) == len(slide.shown) + bool(slide.say)
        assert section.select_one(".answer")["class"] == ["answer", *["fragment"] * bool(slide.ask)]
    assert "$" not in "".join(p.get_text() for p in page.select("section > .body p"))


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
    across = {link["href"] for link in front.select(".kd-link")}
    assert {"claims.html", "papers.html", "glossary.html", "instructor.html"} <= across
    assert (
        len(soup(built / "instructor.html").select("table")) > 4 and len(soup(built / "quizzes.html").select("li")) > 99
    )


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
    assert sum(path.stat().st_size for path in built.rglob("*") if path.is_file()) < 28_000_000
    for path in built.rglob("*.html"):
        links = [tag.get("href") or tag.get("src") or "" for tag in soup(path).select("[href], [src]")]
        assert not [link for link in links if link.startswith(("/", "file:"))]
