"""A notebook as a presentation: one HTML file that holds reveal.js, the formulas and the figures."""

import re
from pathlib import Path

import nbformat
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from kdviz.publish import living, maths, notebooks
from kdviz.publish.deck import Slide, marked, slides_of
from kdviz.publish.needed import folder_of, need

TEMPLATES = Path(__file__).parent / "templates"
LIGHT, DARK = "default", "github-dark"  # pygments' styles of code


class Renderer(IPythonRenderer):
    """Markdown with its formulas as MathML, its pictures inside, and links to notebooks leading to their slides."""

    def inline_math(self, body: str) -> str:
        return maths.mathml(body)

    def block_math(self, body: str) -> str:
        return f'<div class="formula">{maths.mathml(body, block=True)}</div>'

    def latex_environment(self, name: str, body: str) -> str:
        return self.block_math(f"\\begin{{{name}}}{body}\\end{{{name}}}")

    def link(self, text: str, url: str, title: str | None = None) -> str:
        return super().link(text, re.sub(r"^(\w+)\.ipynb", r"\1.html", url), title)


def rendered(source: str) -> str:
    """Markdown as HTML that fetches nothing."""
    renderer = Renderer(escape=False, embed_images=True, path=str(notebooks.FOLDER), exclude_anchor_links=True)
    return MarkdownWithMath(renderer=renderer).render(source)


def coloured(source: str) -> str:
    """Python code as HTML; its colours are in :func:`code_style`."""
    return highlight(source, PythonLexer(), HtmlFormatter(nowrap=True))


def code_style() -> str:
    """The colours of code, on a light and on a dark page."""
    light, dark = (HtmlFormatter(style=name).get_style_defs(".code") for name in (LIGHT, DARK))
    return f"{light}\n@media screen and (prefers-color-scheme: dark) {{\n{dark}\n}}"


def kind(slide: Slide) -> str:
    """What the slide is for its style: ``text`` alone, or what it shows largest."""
    kinds = [_kind(each) for each in slide.shown]
    return next((each for each in ("explorer", "figure", "code", "table") if each in kinds), "text")


def _kind(shown: nbformat.NotebookNode) -> str:
    if shown.kind != "text/html":
        return {"image/png": "figure", "text/markdown": "text"}.get(shown.kind, shown.kind)
    return "explorer" if 'class="kdviz-place"' in shown.data else "table" if "<tr" in shown.data else "claim"


def page(notebook: nbformat.NotebookNode, name: str) -> str:
    """The HTML of a notebook's slides."""
    need("slides")
    reveal = folder_of("sphinx_revealjs") / "_static" / "revealjs"
    heading = re.search(r"^# (.+)", notebook.cells[0].source, re.MULTILINE)
    styles = [reveal / "dist" / "reset.css", reveal / "dist" / "reveal.css"]
    styles += [TEMPLATES / "slides" / "slides.css", TEMPLATES / "figures.css"]
    scripts = [reveal / "dist" / "reveal.js", reveal / "plugin" / "notes" / "notes.js"]
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES / "slides"), undefined=StrictUndefined, autoescape=True, trim_blocks=True
    )
    environment.filters |= {"rendered": rendered, "coloured": coloured, "kind": kind}
    return environment.get_template("index.html.j2").render(
        title=heading[1] if heading else name,
        styles=[maths.font(), *(path.read_text(encoding="utf-8") for path in styles), code_style()],
        scripts=[path.read_text(encoding="utf-8") for path in scripts],
        slides=slides_of(living.alive(marked(notebook))),
    )


def write(paths: list[Path], folder: Path) -> list[Path]:
    """Write the slides of those of these notebooks that have marked cells into a folder; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        if any("slide" in cell.metadata for cell in notebook.cells):
            written.append(folder / f"{path.stem}.html")
            written[-1].write_text(page(notebook, path.stem), encoding="utf-8")
    return written
