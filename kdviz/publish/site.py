"""The notebooks as a linked site, built by Sphinx with MyST-NB and the Furo theme: search, light and dark, phone."""

import shutil
import tempfile
from pathlib import Path

import nbformat

from kdviz import explorers
from kdviz.explorers.view import VIEW
from kdviz.publish import assignments, front, living, maths, notebooks, slides
from kdviz.publish.book import Walkthrough, walkthrough
from kdviz.publish.needed import need

SETTINGS = {
    "project": "kdviz",
    "html_title": "kdviz",
    "extensions": ["myst_nb", "kdviz.publish.maths"],
    "html_theme": "furo",
    "html_math_renderer": "mathml",
    "html_static_path": ["_static"],
    "html_css_files": ["maths.css", "figures.css", "site.css"],
    "html_show_copyright": False,
    "html_copy_source": False,
    "html_show_search_summary": False,  # it would be fetched, which a page from a file may not
    "myst_enable_extensions": ["dollarmath", "amsmath", "colon_fence"],
    "myst_heading_anchors": 2,
    "nb_execution_mode": "off",
    "nb_render_markdown_format": "myst",
    "nb_ipywidgets_js": {},  # nothing is fetched: a committed notebook holds pictures, no widgets
}


def prepared(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A notebook as MyST-NB wants it: alt texts where it reads them, the cells that only prepare folded."""
    for cell in notebook.cells:
        if "alt" in cell.metadata:
            cell.metadata["mystnb"] = {"image": {"alt": cell.metadata["alt"]}}
        if "recipes" in cell.metadata.get("tags", []):
            cell.metadata["tags"] = list(dict.fromkeys([*cell.metadata["tags"], "hide-input"]))
    return notebook


def playground(found: dict[str, nbformat.NotebookNode]) -> str:
    """The explorer that opens the front page, as HTML that answers: as a notebook carries it, else made here."""
    alt = "Three discs of three colours: what a teacher says, and what two students make of it, one taught by labels."
    cells = [cell for notebook in found.values() for cell in notebook.cells]
    told = (output.get("data", {}) for cell in cells for output in cell.get("outputs", []))
    carried = (data for data in told if data.get(VIEW, {}).get("view") == "playground")
    bundle = next(carried, None) or explorers.playground()._repr_mimebundle_()[0]
    return living.place(bundle, alt) + living.script([bundle[VIEW]["view"]])


def pages(found: dict[str, nbformat.NotebookNode]) -> tuple[list[Walkthrough], dict[str, str]]:
    """The notebooks as the site tells of them, and the Markdown of each page beside theirs, by name."""
    book = [walkthrough(name, notebook) for name, notebook in found.items()]
    prose = {
        name: "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
        for name, notebook in found.items()
    }
    made = {"index": front.index(book, playground(found)), "claims": front.claims(book), "papers": front.papers(book)}
    return book, made | {"glossary": front.glossary(book, prose)} | front.teaching(assignments.FOLDER)


def write(folder: Path) -> Path:
    """Write the site of all notebooks into a folder, which is emptied first; return its front page."""
    need("site")
    from sphinx.application import Sphinx

    paths = sorted(notebooks.FOLDER.glob("*.ipynb"))
    found = {path.stem: nbformat.read(path, as_version=4) for path in paths}
    shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="kdviz-site-") as made:
        source = Path(made, "source")
        (source / "_static" / "heroes").mkdir(parents=True)
        (source / "_static" / "maths.css").write_text(maths.font(), encoding="utf-8")
        for name in ("figures.css", "site.css"):
            shutil.copy(slides.TEMPLATES / name, source / "_static")
        book, made_pages = pages(found)
        for one in book:
            if one.hero:
                (source / "_static" / "heroes" / f"{one.name}.png").write_bytes(one.hero)
        for name, text in made_pages.items():
            (source / f"{name}.md").write_text(text, encoding="utf-8")
        for name, notebook in found.items():
            nbformat.write(living.alive(prepared(notebook)), source / f"{name}.ipynb")
        app = Sphinx(source, None, folder, Path(made, "trees"), "html", SETTINGS, status=None, warningiserror=True)
        app.build()
        if app.statuscode:
            raise SystemExit("Sphinx could not build the site; it says why above.")
    (folder / ".nojekyll").touch()  # so that hosts which know Jekyll serve folders with an underscore, too
    slides.write(paths, folder / "slides")
    return folder / "index.html"
