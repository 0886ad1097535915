"""What the tests of the walkthroughs must not let pass: small explorers, each with its own fault."""

import explorers
import pytest

# What each draws with, and the text that its failure must hold.
FAULTS = {
    "an error in a callback": ("1 / (n - 2)", "ZeroDivisionError"),
    "an error in a thread": ("n != 2 or Thread(target=int, args=['no number']).start()", "ValueError.*no number"),
    "a control without effect": ("n = 0", "n never changes the picture"),
    "a label that is cut": ("None", "is cut off"),
    "a control without a label": ("None", "without a label"),
}
BEGIN = "from threading import Thread\nimport ipywidgets as widgets\nimport kdviz as kd"
CELL = """
def draw(figure, n):
    {body}
    figure.text(0.5, 0.5, n)

kd.explorers.Explorer(draw, (3, 2), n=widgets.IntSlider(0, max=9, description="{label}"))
"""
LABELS = {"a label that is cut": "much too long for its place", "a control without a label": ""}


@pytest.fixture(scope="module")
def small(executed):
    """A notebook with a sound explorer and, in their order, those with faults."""
    bodies = {"": "None", **{fault: body for fault, (body, _) in FAULTS.items()}}
    return executed("small", [BEGIN, *(CELL.format(body=bodies[one], label=LABELS.get(one, "n")) for one in bodies)])


def test_a_sound_explorer_passes(small):
    moved = [name for name, _ in explorers.explore(small, explorers.found(small)[0])]
    assert set(moved) == {"n"} and len(moved) >= 8


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found(small, fault):
    box = explorers.found(small)[1 + [*FAULTS].index(fault)]
    small.forget()  # the fault before
    with pytest.raises(AssertionError, match=FAULTS[fault][1]):
        list(explorers.explore(small, box))


def test_an_error_in_a_cell_is_found(executed):
    notebook = executed("wrong", ["1 + '1'"])
    with pytest.raises(AssertionError, match="TypeError"):
        notebook.sound()
