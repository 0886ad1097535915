"""Tian et al. 2019 on CIFAR-100: a row of their table 1, with the schedule of their code (240 epochs).

ResNet-20 from ResNet-56: labels, soft targets, CRD with the memory bank; last epoch, never the best. Never run on
CIFAR-100 itself, nor timed.
"""

import pandas as pd

import kdviz as kd
from kdviz.objectives import ContrastiveBank

SETTING = {"batch_size": 64, "learning_rate": 0.05, "weight_decay": 5e-4}


def main(data, depths=(56, 20), epochs=240, milestones=(150, 180, 210), negatives=16384, seeds=range(5), **where):
    """Test accuracy of the teacher and of each method's students, in %, one row a run."""
    setting = SETTING | {"optimizer": kd.SGD(0.9, milestones=milestones), "augment": (kd.Crop(4), kd.Flip())}
    large, small = map(kd.resnet, depths)
    teacher = kd.train(kd.Recipe(data, large, kd.HardLabels(), epochs, **setting), **where)
    methods = {
        "labels": kd.HardLabels(),
        "soft targets": kd.SoftTargets(teacher.recipe, temperature=4, hard_weight=0.1, soft_weight=0.9),
        "CRD": ContrastiveBank(teacher.recipe, negatives=negatives, contrastive_weight=0.8),
    }
    rows = [{"method": "teacher", "accuracy": 100 * teacher.history["test_accuracy"][-1]}]
    for name, objective in methods.items():
        recipe = kd.Recipe(data, small, objective, epochs, **setting)
        runs = kd.train(kd.grid(recipe, seed=seeds), **where)
        rows += [{"method": name, "accuracy": 100 * run.history["test_accuracy"][-1]} for run in runs]
    return pd.DataFrame(rows)


if __name__ == "__main__":
    print(main(kd.load("cifar100")).groupby("method").accuracy.describe()[["count", "mean", "std"]])
