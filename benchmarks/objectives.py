"""What each objective adds to a step: one small convolutional student, batch 128, MNIST."""

from common import device_asked, write
from convolutions import milliseconds

import kdviz as kd


def main():
    device = device_asked(__doc__)
    mnist = kd.load("mnist")
    teacher = kd.Recipe(mnist, kd.cnn(16, 32, hidden=(128,)), kd.HardLabels(), epochs=0.02)
    parents = {teacher: kd.train(teacher, store=None, device=device)}
    student = kd.Recipe(mnist, kd.cnn(4, 8), kd.HardLabels())
    objectives = {
        "hard labels": kd.HardLabels(),
        "soft targets": kd.SoftTargets(teacher, temperature=4, hard_weight=0.1, soft_weight=0.9),
        "hints, first stage": kd.Hints(teacher),
        "attention transfer": kd.AttentionTransfer(teacher),
        "CRD": kd.Contrastive(teacher),
    }
    times = {name: milliseconds([student.replace(objective=o)], device, parents) for name, o in objectives.items()}
    rows = [
        {
            "objective": name,
            "ms a step": round(time, 2),
            "against labels": f"{time / times['hard labels']:.2f}×",
            "added, µs an image": round(1000 * (time - times["hard labels"]) / student.batch_size, 1),
        }
        for name, time in times.items()
    ]
    write("objectives", device, rows)


if __name__ == "__main__":
    main()
