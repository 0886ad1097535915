"""A notebook as a presentation: one HTML file that holds reveal.js, the formulas and the figures."""

import re
from pathlib import Path

import nbformat
from jinja2 import pass_context
from nbconvert import SlidesExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from kdviz.publish import living, maths, notebooks
from kdviz.publish.deck import deck
from kdviz.publish.needed import folder_of, need

TEMPLATES = Path(__file__).parent / "templates"


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


class Exporter(SlidesExporter):
    """nbconvert's slides with our page around them; nothing in it is fetched."""

    template_name = "slides"

    def __init__(self, **options):
        super().__init__(
            extra_template_basedirs=[str(TEMPLATES)], exclude_input_prompt=True, exclude_output_prompt=True, **options
        )

    @pass_context
    def markdown2html(self, context, source: str) -> str:
        """As nbconvert's filter of this name, with our renderer."""
        return rendered(source)


def page(notebook: nbformat.NotebookNode, name: str) -> str:
    """The HTML of a notebook's slides."""
    need("slides")
    reveal = folder_of("sphinx_revealjs") / "_static" / "revealjs"
    heading = re.search(r"^# (.+)", notebook.cells[0].source, re.MULTILINE)
    styles = [reveal / "dist" / "reset.css", reveal / "dist" / "reveal.css", TEMPLATES / "slides" / "slides.css"]
    scripts = [reveal / "dist" / "reveal.js", reveal / "plugin" / "notes" / "notes.js"]
    parts = {
        "title": heading[1] if heading else name,
        "styles": [maths.font(), *(path.read_text(encoding="utf-8") for path in styles)],
        "scripts": [path.read_text(encoding="utf-8") for path in scripts],
    }
    html, _ = Exporter().from_notebook_node(deck(living.alive(notebook)), {"metadata": {"name": name}, "kdviz": parts})
    return html


def write(paths: list[Path], folder: Path) -> list[Path]:
    """Write the slides of these notebooks into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / f"{path.stem}.html" for path in paths]
    for path, target in zip(paths, written, strict=True):
        target.write_text(page(nbformat.read(path, as_version=4), path.stem), encoding="utf-8")
    return written
