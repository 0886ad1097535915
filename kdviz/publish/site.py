"""The notebooks as a linked site, built by Sphinx with MyST-NB and the Furo theme: search, light and dark, phone."""

import re
import shutil
import tempfile
from pathlib import Path

import nbformat

from kdviz.publish import living, maths, notebooks, slides
from kdviz.publish.needed import need
from kdviz.publish.text import shortened

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
    "myst_enable_extensions": ["dollarmath", "amsmath"],
    "nb_execution_mode": "off",
    "nb_render_markdown_format": "myst",
    "nb_ipywidgets_js": {},  # nothing is fetched: a committed notebook holds pictures, no widgets
}


def title(notebook: nbformat.NotebookNode) -> str:
    """The first heading of a notebook."""
    return re.search(r"^# (.+)", notebook.cells[0].source, re.MULTILINE)[1]


def question(notebook: nbformat.NotebookNode) -> str:
    """What a notebook asks, or how it begins where it asks nothing."""
    first = notebook.cells[0].source
    asked = re.search(r"^\*\*Question\.\*\* (.+)", first, re.MULTILINE)
    return asked[1] if asked else shortened(first.split("\n\n")[1])


def prepared(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A notebook as MyST-NB wants it: alt texts where it reads them, the cells that only prepare folded."""
    for cell in notebook.cells:
        if "alt" in cell.metadata:
            cell.metadata["mystnb"] = {"image": {"alt": cell.metadata["alt"]}}
        if "recipes" in cell.metadata.get("tags", []):
            cell.metadata["tags"] = [*cell.metadata["tags"], "hide-input"]
    return notebook


def cover(found: dict[str, nbformat.NotebookNode]) -> nbformat.NotebookNode | None:
    """The metadata of the first cell whose figure is saved under a name (``save_as``): the README's."""
    cells = (cell for notebook in found.values() for cell in notebook.cells if "save_as" in cell.metadata)
    return next((cell.metadata for cell in cells), None)


def index(found: dict[str, nbformat.NotebookNode]) -> str:
    """The front page in Markdown: the figure of the README, and of each notebook the question and its slides."""
    figure = cover(found)
    text = ["# kdviz", "Executed notebooks that walk through knowledge distillation, claim by claim, on several seeds."]
    text += [f"![{figure['alt']}]({figure['save_as']})"] if figure else []
    for name, notebook in found.items():
        text.append(f"## [{title(notebook)}]({name}.ipynb)\n\n{question(notebook)}")
        text.append(f'<a href="slides/{name}.html">Slides</a>')
    return "\n\n".join([*text, "```{toctree}\n:hidden:\n\n" + "\n".join(found) + "\n```\n"])


def write(folder: Path) -> Path:
    """Write the site of all notebooks into a folder, which is emptied first; return its front page."""
    need("site")
    from sphinx.application import Sphinx

    paths = sorted(notebooks.FOLDER.glob("*.ipynb"))
    found = {path.stem: nbformat.read(path, as_version=4) for path in paths}
    shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="kdviz-site-") as made:
        source = Path(made, "source")
        (source / "_static").mkdir(parents=True)
        (source / "_static" / "maths.css").write_text(maths.font(), encoding="utf-8")
        for name in ("figures.css", "site.css"):
            shutil.copy(slides.TEMPLATES / name, source / "_static")
        if figure := cover(found):
            (source / figure["save_as"]).parent.mkdir(exist_ok=True)
            shutil.copy(notebooks.FOLDER / figure["save_as"], source / figure["save_as"])
        (source / "index.md").write_text(index(found), encoding="utf-8")
        for name, notebook in found.items():
            nbformat.write(living.alive(prepared(notebook)), source / f"{name}.ipynb")
        app = Sphinx(source, None, folder, Path(made, "trees"), "html", SETTINGS, status=None, warningiserror=True)
        app.build()
        if app.statuscode:
            raise SystemExit("Sphinx could not build the site; it says why above.")
    slides.write(paths, folder / "slides")
    return folder / "index.html"
