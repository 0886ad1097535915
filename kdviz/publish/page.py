"""A notebook as one HTML page, with its formulas as MathML and nothing that is fetched."""

import nbformat
from jinja2 import pass_context
from nbconvert import HTMLExporter
from traitlets.config import Config

from kdviz.publish import maths
from kdviz.publish.slides import TEMPLATES, rendered

HIDDEN = Config(
    {
        "TagRemovePreprocessor": {
            "enabled": True, "remove_cell_tags": ["remove-cell"], "remove_input_tags": ["hide-input"],
        }
    }
)  # fmt: skip


class Exporter(HTMLExporter):
    """nbconvert's page without its scripts."""

    template_name = "page"

    @pass_context
    def markdown2html(self, context, source: str) -> str:
        """As nbconvert's filter of this name, with our renderer."""
        return rendered(source)


def html(notebook: nbformat.NotebookNode, name: str) -> str:
    """The page of an executed notebook."""
    exporter = Exporter(extra_template_basedirs=[str(TEMPLATES)], config=HIDDEN)
    page, _ = exporter.from_notebook_node(notebook, {"metadata": {"name": name}, "kdviz": {"font": maths.font()}})
    return page
