"""The explorers that need a kernel, found by what they are: an output with controls and a picture; each is moved."""

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import get_type_hints

import times
from live import Notebook
from playwright.sync_api import Locator

from kdviz import explorers

FORM = ".kdviz-form *"  # says what to train: only its button changes the picture
PICTURE = f".widget-box > img.widget-image:not({FORM})"
BOX = f".jp-OutputArea-output:has({PICTURE})"
KEYS = ["ArrowRight"] * 4 + ["ArrowLeft"] * 5

Moves = list[Callable]


def constructed(source: str, kind: type = explorers.Explorer) -> list[str]:
    """Names of the explorers of a kind that code makes, in order."""
    called = [(name, getattr(explorers, name)) for name in re.findall(r"kd\.explorers\.(\w+)\(", source)]
    return [name for name, made in called if kind in (made, get_type_hints(made).get("return"))]


def found(notebook: Notebook) -> list[Locator]:
    return notebook.page.locator(BOX).all()


def explore(notebook: Notebook, box: Locator) -> Iterator[tuple[str, float]]:
    """Move every control of an explorer; gives (what was moved, milliseconds) for each answer.

    Fails where a control never changes the picture, where anything goes wrong, and where a label is missing or cut.
    """
    notebook.page.bring_to_front()
    box.scroll_into_view_if_needed()
    assert box.locator(PICTURE).count() == 1, f"{notebook.name}: an explorer has one picture"
    _settled(notebook, box)
    _fill(notebook, box)
    for name, moves in controls(notebook, box, f":not({FORM})"):
        times = [took for move in moves if (took := answered(notebook, box, move)) is not None]
        assert times, f"{notebook.name}: {name} never changes the picture"
        yield from ((name, took) for took in times)


def _settled(notebook: Notebook, box: Locator) -> None:
    """Wait until no picture comes any more: the first one may be on its way."""
    digests = ["", "-"]
    while digests[-1] != digests[-2]:
        notebook.page.wait_for_timeout(1000)
        digests.append(box.locator(PICTURE).evaluate("picture => seen.digest(picture)"))


def screenshot(notebook: Notebook, box: Locator, name: str) -> None:
    """Of the whole explorer, in a window that is high enough for it; see :func:`times.picture`."""
    if not times.PICTURES:
        return
    usual = notebook.page.viewport_size
    notebook.page.set_viewport_size({**usual, "height": 2 * usual["height"]})
    notebook.page.mouse.move(0, 0)
    times.picture(box, name)
    notebook.page.set_viewport_size(usual)


def _fill(notebook: Notebook, box: Locator) -> None:
    """Move what is in a form, and press its button."""
    for name, moves in reversed(list(controls(notebook, box, f":is({FORM})"))):
        changed = [answered(notebook, box, move) is not None for move in moves[-2:]]
        is_button = len(moves) == 1
        assert changed[-1] == is_button, f"{notebook.name}: of a form, only the button changes the picture, not {name}"


def answered(notebook: Notebook, box: Locator, move: Callable) -> float | None:
    """Milliseconds from the event to the last new picture it brought; None if the picture stayed."""
    before = box.locator(PICTURE).evaluate("picture => seen.digest(picture)")
    box.locator(PICTURE).evaluate("picture => seen.watch(picture)")
    took = "picture => picture.took"
    move()
    if notebook.wait(lambda: notebook.unanswered or box.locator(PICTURE).evaluate(took), 1):
        assert notebook.wait(lambda: not notebook.unanswered, 180), f"{notebook.name}: the kernel does not answer"
        notebook.wait(lambda: box.locator(PICTURE).evaluate(took), 0.5)
    notebook.sound()
    blank = box.locator("select").evaluate_all("all => all.filter(each => each.selectedIndex < 0).map(seen.label)")
    assert not blank, f"{notebook.name}: dropdowns that show none of their options: {blank}"
    changed = box.locator(PICTURE).evaluate("picture => seen.digest(picture)") != before
    return box.locator(PICTURE).evaluate(took)[-1] if changed else None


def controls(notebook: Notebook, box: Locator, which: str) -> Iterator[tuple[str, Moves]]:
    """Name and moves of each control that ``which`` matches; buttons first, for one may clear what others change."""
    for button in box.locator(f"button{which}").all():
        yield _name(button), [button.click]
    for handle in box.locator(f".noUi-handle{which}").all():
        track = handle.locator("xpath=ancestor::*[contains(@class, 'noUi-target')]")
        yield _name(handle), [partial(handle.press, key) for key in KEYS] + [partial(_tap, track, 0.3)]
    for select in box.locator(f"select{which}").all():
        chosen = select.evaluate("select => select.selectedIndex")
        others = [i for i in range(select.locator("option").count()) if i != chosen][:6]
        if not others:  # a menu of one: nothing to choose
            continue
        yield _name(select), [partial(select.select_option, index=i) for i in [*others, chosen]]
    unknown = box.locator(f":is(input, textarea){which}").evaluate_all("all => all.map(each => each.outerHTML)")
    assert not unknown, f"{notebook.name}: controls that this test cannot move: {unknown}"


def _name(control: Locator) -> str:
    """What stands beside the control, or on it, or is read out for it."""
    name, cut = control.evaluate("control => seen.label(control)")
    assert name, f"a control without a label: {control.evaluate('each => each.outerHTML')[:300]}"
    assert not cut, f"the label {name} is cut off"
    return name


def _tap(track: Locator, share: float) -> None:
    box = track.bounding_box()
    track.click(position={"x": share * box["width"], "y": box["height"] / 2})
