"""Seconds of training in the digits lane: every recipe of the notebooks, in arrays and one student after another."""

import os
import time

os.environ |= {"KDVIZ_DATASET": "digits", "MPLBACKEND": "agg"}

from common import device_asked, write

import kdviz as kd
from kdviz.publish import reference
from kdviz.training import work


def seconds(recipes: list[kd.Recipe], device: str) -> float:
    began = time.perf_counter()
    kd.train(recipes, store=None, device=device)
    return time.perf_counter() - began


def main():
    device = device_asked(__doc__)
    rows = []
    for notebook in sorted(reference.NOTEBOOKS.glob("*.ipynb")):
        recipes = reference.recipes_of(notebook)
        if not recipes:
            continue
        fused = seconds(recipes, device)
        together = work.grouped
        work.grouped = lambda ready, apart: [[recipe] for recipe in ready]
        try:
            alone = seconds(recipes, device)
        finally:
            work.grouped = together
        rows.append(
            {
                "notebook": notebook.stem,
                "runs": len(recipes),
                "one after another, s": round(alone, 1),
                "in arrays, s": round(fused, 1),
                "ratio": f"{alone / fused:.1f}×",
            }
        )
    write("lane", device, rows)


if __name__ == "__main__":
    main()
