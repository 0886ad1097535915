"""Explorers on pages without a kernel: what a notebook's outputs carry, as HTML that holds script, data and picture."""

import html
import json
from copy import deepcopy

from nbformat import NotebookNode

from kdviz.explorers import modules
from kdviz.explorers.view import VIEW, told_of


def place(data: dict, alt: str) -> str:
    """The HTML of one explorer: its picture, and what its view needs to take the picture's place."""
    told = json.dumps(told_of(data[VIEW]), separators=(",", ":"), ensure_ascii=False).replace("</", "<\\/")
    picture = data["image/png"].replace("\n", "")
    return (
        f'<div class="kdviz-place"><img class="kdviz-still" alt="{html.escape(alt)}" '
        f'src="data:image/png;base64,{picture}"><script type="application/json">{told}</script></div>'
    )


def script(names: list[str]) -> str:
    """Style and script, once for a page, that bring these views to life."""
    return f"<style>{modules.style()}</style><script>{modules.page(names)}</script>"


def alive(notebook: NotebookNode) -> NotebookNode:
    """A copy whose explorers answer in the page; what brings them to life stands after the last."""
    notebook, found = deepcopy(notebook), []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if VIEW in output.get("data", {}):
                found.append((output, output.data[VIEW]["view"]))
                output.data = NotebookNode({"text/html": place(output.data, cell.metadata.get("alt", ""))})
    if found:
        last, _ = found[-1]
        last.data["text/html"] += script(list(dict.fromkeys(view for _, view in found)))
    return notebook
