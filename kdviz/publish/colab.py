"""The cell that makes a notebook run on Google Colab, the same in all of them, and does nothing elsewhere."""

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

# The project's public address, once it has one; until then Colab asks for it. `make notebooks` and
# `python -m kdviz.publish assignments --execute` write the cell into the notebooks.
REPOSITORY = ""
# --no-deps: Colab needs its own IPython and ipykernel, a newer one crashes it; torch and the rest are there.
SOURCE = """import sys  # this cell prepares Google Colab; elsewhere it does nothing

if "google.colab" in sys.modules:
    import os
    from subprocess import check_call

    from google.colab import output

    home = os.path.expanduser("~/kdviz")
    if not os.path.exists(home):
        check_call(["git", "clone", "--quiet", {address}, home])
    check_call([sys.executable, "-m", "pip", "install", "--no-deps", "-qe", home, "anywidget", "mnist1d", "psygnal"])
    sys.path.insert(0, home)
    os.chdir(f"{{home}}/notebooks")
    output.enable_custom_widget_manager()"""


def cell() -> NotebookNode:
    """The cell. Slides and pages leave it out, JupyterLab shows it folded."""
    address = f'"{REPOSITORY}"' if REPOSITORY else 'input("Address of the repository this notebook is from: ")'
    metadata = {"jupyter": {"source_hidden": True}, "slideshow": {"slide_type": "skip"}, "tags": ["remove-cell"]}
    return new_code_cell(SOURCE.format(address=address), id="colab", metadata=metadata)


def prepared(notebook: NotebookNode) -> NotebookNode:
    """The notebook with that cell after its title, in the place of an older one."""
    title, *others = (other for other in notebook.cells if other.get("id") != "colab")
    notebook.cells = [title, cell(), *others]
    return notebook
