"""An explorer of one's own runs: any two columns of a table against each other."""

import base64
import json
import os

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from kdviz import figures
from kdviz.arguments import columns
from kdviz.explorers.view import png_of
from kdviz.figures.look import plain

PLOTLY = "application/vnd.plotly.v1+json"


class Scatter:
    """Points of a table; live a plotly chart with a menu for each axis, in a file a picture."""

    def __init__(self, table: pd.DataFrame, x: str, y: str, colour: str):
        columns("table", table, ())
        numbers = [name for name, values in table.items() if pd.api.types.is_numeric_dtype(values)]
        for axis in (x, y):
            if axis not in numbers:
                raise ValueError(f"{axis!r} is no column of numbers: there are {', '.join(map(str, numbers))}")
        if colour not in table:
            raise ValueError(f"{colour!r} is no column: there are {', '.join(map(str, table))}")
        self.table, self.numbers, self.x, self.y, self.colour = table, numbers, x, y, colour

    def groups(self) -> list[tuple[str, str, pd.DataFrame]]:
        """Name, colour and rows of each value of the column that colours."""
        hues = figures.hues(self.table[self.colour].astype(str))
        return [
            (name, to_hex(hue), self.table[self.table[self.colour].astype(str) == name]) for name, hue in hues.items()
        ]

    def picture(self) -> bytes:
        with plt.style.context(figures.STYLE):
            figure = Figure((7.5, 4.2))
            ax = figure.subplots()
            for name, hue, rows in self.groups():
                ax.plot(rows[self.x], rows[self.y], "o", color=hue, alpha=0.8, label=name)
            ax.set(xlabel=self.x, ylabel=self.y)
            legend = ax.legend(title=self.colour, loc="upper left", bbox_to_anchor=(1, 1))
            plain(ax.xaxis.label, ax.yaxis.label, legend)
            return png_of(FigureCanvasAgg(figure))

    def chart(self) -> dict:
        """The plotly chart as its page reads it: all columns of a point where one hovers."""
        import plotly.graph_objects as go

        figure, groups = (
            go.Figure(layout={"height": 460, "margin": {"t": 70}, "legend": {"title": self.colour}}),
            self.groups(),
        )
        for name, hue, rows in groups:
            told = [
                "<br>".join(f"{column}: {value}" for column, value in row.items()) for row in rows.to_dict("records")
            ]
            trace = go.Scatter(x=rows[self.x].tolist(), y=rows[self.y].tolist(), text=told, name=name, mode="markers")
            figure.add_trace(trace.update(marker={"color": hue, "size": 9}, hovertemplate="%{text}<extra></extra>"))
        menus = [self._menu(axis, groups, place) for axis, place in (("x", 0.0), ("y", 0.35))]
        figure.update_layout(xaxis_title=self.x, yaxis_title=self.y, updatemenus=menus)
        return {**json.loads(figure.to_json()), "config": {"showSendToCloud": False, "responsive": True}}

    def _menu(self, axis: str, groups: list, place: float) -> dict:
        buttons = [
            {"label": f"{axis}: {name}", "method": "update",
             "args": [{axis: [rows[name].tolist() for *_, rows in groups]}, {f"{axis}axis.title.text": name}]}
            for name in self.numbers
        ]  # fmt: skip
        chosen = self.numbers.index(getattr(self, axis))
        return {"buttons": buttons, "active": chosen, "x": place, "y": 1.18, "xanchor": "left", "yanchor": "top"}

    def __repr__(self) -> str:
        return f"Scatter({self.y} against {self.x}, {len(self.table)} points, colour={self.colour})"

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        bundle = {"text/plain": repr(self), "image/png": base64.b64encode(self.picture()).decode()}
        return bundle if os.environ.get("KDVIZ_STATIC") == "1" else bundle | {PLOTLY: self.chart()}


def scatter(table: pd.DataFrame, x: str = "epochs", y: str = "accuracy", colour: str = "objective") -> Scatter:
    """Any two columns of a table of runs against each other: menus choose them, hovering tells a run's whole row.

    Parameters
    ----------
    table : DataFrame
        Such as ``runs.table()``.
    x, y : str
        Columns of numbers, at first.
    colour : str
        A column that colours the points.
    """
    return Scatter(table, x, y, colour)
