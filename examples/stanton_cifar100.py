"""Stanton et al. 2021 on CIFAR-100: does a student do what its teacher does? Their section 4 and appendix A.

ResNet-56 from ResNet-56, T = 4, soft targets alone; agreement with the own teacher and with a stranger, and accuracy.
Their nets are pre-activation ResNets; these are He et al.'s. Never run on CIFAR-100 itself, nor timed.
"""

import pandas as pd

import kdviz as kd
from kdviz.measures import accuracy, agreement, predictive_kl

TEACHER = {"batch_size": 256, "learning_rate": 0.1, "weight_decay": 1e-4, "optimizer": kd.SGD(0.9)}
STUDENT = {"batch_size": 128, "learning_rate": 0.05, "weight_decay": 1e-4, "optimizer": kd.SGD(0.9, nesterov=True)}


def main(data, depth=56, teacher_epochs=200, epochs=300, seeds=range(3), **where) -> pd.DataFrame:
    """Agreement (share of test images) and KL (nats) of each student, and of strangers with its teacher."""
    views = {"augment": (kd.Crop(4), kd.Flip())}
    net = kd.resnet(depth)
    first = kd.Recipe(data, net, kd.HardLabels(), teacher_epochs, **TEACHER, **views)
    teachers = kd.train(kd.grid(first, seed=seeds), **where)
    students = [
        kd.Recipe(data, net, kd.SoftTargets(teacher.recipe, temperature=4), epochs, seed=100 + i, **STUDENT, **views)
        for i, teacher in enumerate(teachers)
    ]
    labels, rows = data.test.labels, []
    for i, student in enumerate(kd.train(students, **where)):
        mine, other = teachers[i].logits(), teachers[(i + 1) % len(teachers)].logits()
        for name, logits in (("student", student.logits()), ("another teacher", other)):
            measured = {"agreement": agreement(mine, logits), "KL": predictive_kl(mine, logits)}
            rows.append({"seed": i, "who": name, **measured, "accuracy": accuracy(logits, labels)})
    return pd.DataFrame(rows)


if __name__ == "__main__":
    print(main(kd.load("cifar100")).groupby("who").mean())
