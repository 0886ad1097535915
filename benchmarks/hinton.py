"""Hinton's table from nothing: notebook 02's recipes on MNIST. On a CPU one seed and three omitted digits."""

import os
import tempfile
import time

os.environ |= {"KDVIZ_DATASET": "mnist", "MPLBACKEND": "agg"}

import torch
from common import device_asked, write

import kdviz as kd
from kdviz.publish import reference


def main():
    device = device_asked(__doc__)
    recipes = reference.recipes_of(reference.NOTEBOOKS / "02_dark_knowledge.ipynb")
    if device == "cpu":
        recipes = [recipe for recipe in recipes if recipe.seed == 0 and not {*recipe.data.missing} & {*range(3, 10)}]
    torch.set_float32_matmul_precision("medium" if device == "cpu" else "high")
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        runs = kd.train(recipes, store=kd.Store(folder), device=device)
        seconds = time.perf_counter() - began
        errors = runs.table().groupby("model").errors.mean()
    row = {"runs": len(recipes), "seconds": round(seconds, 1), "precision": torch.get_float32_matmul_precision()}
    write("hinton", device, [row | {f"mean errors, {model}": round(mean, 1) for model, mean in errors.items()}])


if __name__ == "__main__":
    main()
