"""An explorer of notebook 08: whose students are best, by what is known of the teachers and by T."""

import pandas as pd
from matplotlib.figure import Figure

from kdviz import figures, measures
from kdviz.arguments import columns, told
from kdviz.explorers.view import View

AGAINST = {
    "error": "teacher's error, %",
    "NLL": "NLL of the teacher's probabilities at T, nats",
    "entropy": "entropy of the soft targets at T, nats",
}


def which_teacher(table: pd.DataFrame, *, temperature: float = 1.0, against: str = "error") -> View:
    """The students' error against their teacher's error, NLL or entropy, as T turns, for several groups of students.

    Parameters
    ----------
    table : DataFrame
        A row a student: ``group``, ``T``, ``teacher`` (its name), ``student`` and ``error`` (the student's and its
        teacher's, %), ``NLL`` and ``entropy`` (of the teacher's probabilities at T, nats). Each group has the same
        temperatures and teachers, in the order in which they are joined.
    temperature : float
        At first; one of the table's.
    against : {"error", "NLL", "entropy"}
        What stands below, at first.
    """
    columns("table", table, ("group", "T", "teacher", "student", *AGAINST))
    temperatures, groups = sorted(map(float, table["T"].unique())), list(map(str, table.group.unique()))
    if temperature not in temperatures:
        raise ValueError(f"T is one of {', '.join(f'{t:g}' for t in temperatures)}, not {told(temperature)}")
    if against not in AGAINST:
        raise ValueError(f"against is one of {', '.join(AGAINST)}, not {told(against)}")
    points = {group: [_points(table, group, t) for t in temperatures] for group in groups}
    if len({tuple(each["name"] for each in at) for of in points.values() for at in of}) > 1:
        raise ValueError("each group needs the same teachers at each temperature, in one order")

    def still(figure: Figure, group: str, temperature: float, against: str) -> None:
        rows = table[(table.group == group) & (table["T"] == temperature)]
        ax = figures.students_by_teacher(rows, against, {group: figures.COLOURS["student"]}, ax=figure.subplots())
        ax.set(xlabel=AGAINST[against], title=f"At T = {temperature:g}")

    data = {"temperatures": temperatures, "against": AGAINST, "groups": points}
    state = {"group": groups[0], "temperature": float(temperature), "against": against}
    return View("which_teacher", data, still, (8, 4.4), **state)


def _points(table: pd.DataFrame, group: str, temperature: float) -> list[dict]:
    """What is told of each teacher: means, and half of the interval of its students' error."""
    rows, found = table[(table.group == group) & (table["T"] == temperature)], []
    for name, of in rows.groupby("teacher", sort=False):
        mean, half = measures.mean_and_interval(of.student.tolist())
        told = {known: round(float(of[known].mean()), 4) for known in AGAINST}
        half = round(half, 4) if half == half else 0.0  # of one seed there is none
        found.append({"name": str(name), "student": round(mean, 4), "half": half, **told})
    return found
