"""How long an explorer takes to answer: what is aimed at, the table, the file; and pictures of it, if asked for."""

import csv
import os
import statistics
from collections.abc import Iterable
from pathlib import Path

from playwright.sync_api import Locator, Page

from kdviz.publish import notebooks

FOLDER = notebooks.BUILD / "browser"
EVENTS = Path(__file__).with_name("seen.js")
FIRST = 300  # milliseconds from a page's end to its first explorer
# Milliseconds, (median, 95th percentile), on two cores with nothing else to do.
NEEDS_A_KERNEL = (900, 1300)  # matplotlib draws the bench's card anew, five panels and a table of 90 cells
IN_THE_PAGE, TO_THE_FRAME = (8, 20), (24, 56)  # of a handler; of Event Timing, to the next frame
# A test machine has other things to do: what fails is an explorer that became slow, not a second that was.
SLACK = 3
PICTURES = bool(os.environ.get("KDVIZ_SCREENSHOTS"))

Answer = tuple[str, str, str, float]  # notebook, explorer, what was moved, milliseconds


def summary(answers: Iterable[Answer]) -> list[tuple[str, int, float, float]]:
    """Explorer, number of moves, median and 95th percentile."""
    times: dict[str, list[float]] = {}
    for notebook, explorer, moved, took in answers:
        times.setdefault(f"{notebook} {explorer}{' to the frame' if moved == 'event' else ''}", []).append(took)
    return [(name, len(some), *_middle_and_late(some)) for name, some in times.items()]


def _middle_and_late(times: list[float]) -> tuple[float, float]:
    return statistics.median(times), sorted(times)[int(0.95 * (len(times) - 1))]  # of a dozen, one may be chance


def missed(answers: Iterable[Answer], slack: float = 1) -> list[str]:
    """The explorers that take longer than ``slack`` times what is aimed at."""
    rows = [(name, took, aim(name)) for name, _, *took in summary(answers)]
    return [name for name, took, aims in rows if any(t > slack * a for t, a in zip(took, aims, strict=True))]


def aim(name: str) -> tuple[int, int]:
    if name.endswith("to the frame"):
        return TO_THE_FRAME
    return NEEDS_A_KERNEL if name.split()[-1].split("_")[0] == "bench" else IN_THE_PAGE


def table(answers: list[Answer]) -> list[str]:
    """Lines to print."""
    load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores" if hasattr(os, "getloadavg") else ""
    lines = [f"{f'from event to picture, ms ({load})':<60}  moves  median    (aim)  95th %    (aim)"]
    for name, moves, middle, late in summary(answers):
        aims = aim(name)
        lines.append(f"{name:<60}  {moves:5}  {middle:6.0f}  {aims[0]:7}  {late:6.0f}  {aims[1]:7}")
    return lines


def picture(of: Page | Locator, name: str, **options) -> None:
    """Write a screenshot into :data:`FOLDER`, where KDVIZ_SCREENSHOTS is set: they take minutes, and test nothing."""
    if PICTURES:
        of.screenshot(path=FOLDER / f"{name}.png", **options)


def write(answers: list[Answer]) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with open(FOLDER / "latency.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("notebook", "explorer", "moved", "milliseconds"), *answers])
