"""Seconds per student: a loop in the manner of the PyTorch knowledge distillation tutorial against kdviz.train.

The loop: images one by one through PIL, two loader workers, batches of 128, Adam at 1e-3, the teacher's forward pass
in every step, one student at a time; only its training is timed. kdviz: the whole call, with the teacher's logits,
history, checkpoints and the store.
"""

import tempfile
import time

import numpy as np
import torch
import torch.nn.functional as F
from common import device_asked, wait, write
from PIL import Image
from torch.utils.data import DataLoader, Dataset

import kdviz as kd

EPOCHS = 3
TEMPERATURE, SOFT_WEIGHT, HARD_WEIGHT = 2, 0.25, 0.75  # the tutorial's
SWEEPS = {30: [1, 2, 4, 8, 20], 300: [2, 8], 800: [2]}  # width: temperatures, each for five seeds


class Images(Dataset):
    """MNIST as image files are usually read: a PIL image, to a tensor, normalised."""

    def __init__(self, split):
        self.images = split.images[:, 0].mul(255).to(torch.uint8).numpy()
        self.labels = split.labels.tolist()

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        image = np.array(Image.fromarray(self.images[i]))
        tensor = torch.from_numpy(image)[None].to(torch.float32).div(255)
        return tensor.sub_(0.1307).div_(0.3081), self.labels[i]


class Normalised(torch.nn.Module):
    """A network for normalised images, from one for images in [0, 1]."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, images):
        return self.network(images * 0.3081 + 0.1307)["logits"]


def tutorial(teacher, student, loader, device):
    """Seconds of training."""
    optimizer = torch.optim.Adam(student.parameters(), lr=1e-3)
    teacher.eval()
    student.train()
    began = time.perf_counter()
    for _ in range(EPOCHS):
        for images, labels in loader:
            images, labels = images.to(device), labels.to(device)
            optimizer.zero_grad()
            with torch.no_grad():
                teacher_logits = teacher(images)
            logits = student(images)
            targets = (teacher_logits / TEMPERATURE).softmax(-1)
            soft = (targets * (targets.log() - (logits / TEMPERATURE).log_softmax(-1))).sum() / len(logits)
            loss = SOFT_WEIGHT * soft * TEMPERATURE**2 + HARD_WEIGHT * F.cross_entropy(logits, labels)
            loss.backward()
            optimizer.step()
    wait(device)
    return time.perf_counter() - began


def main():
    device = device_asked(__doc__.splitlines()[0])
    mnist = kd.load("mnist")
    teacher = kd.Recipe(mnist, kd.mlp(1200, 1200), kd.HardLabels(), epochs=2)
    with tempfile.TemporaryDirectory() as folder:
        network = kd.train(teacher, store=kd.Store(folder), device=device).network().to(device)
        loader = DataLoader(Images(mnist.train), batch_size=128, shuffle=True, num_workers=2)
        rows = []
        for width, temperatures in SWEEPS.items():
            recipe = kd.Recipe(
                mnist, kd.mlp(width, width), kd.SoftTargets(teacher, TEMPERATURE, HARD_WEIGHT, SOFT_WEIGHT), EPOCHS
            )
            plain = Normalised(recipe.model.build((1, 28, 28), 10)).to(device)
            slow = tutorial(Normalised(network), plain, loader, device)
            plain_errors = errors(kd.models.predict_logits(plain.network, mnist.test.inputs.to(device)), mnist)
            began = time.perf_counter()
            store = kd.Store(folder)
            runs = kd.train(kd.grid(recipe, temperature=temperatures, seed=range(5)), store=store, device=device)
            fast = (time.perf_counter() - began) / len(runs)
            ours = [errors(run.logits(), mnist) for run in runs if run.recipe.objective.temperature == TEMPERATURE]
            rows.append(
                {
                    "units": width,
                    "students": len(runs),
                    "tutorial loop, s per student and epoch": round(slow / EPOCHS, 2),
                    "kdviz.train, s per student and epoch": round(fast / EPOCHS, 4),
                    "ratio": round(slow / fast, 1),
                    "test errors after 3 epochs, loop": plain_errors,
                    "test errors after 3 epochs, kdviz (5 seeds, T = 2)": round(sum(ours) / len(ours)),
                }
            )
    write("tutorial", device, rows)


def errors(logits, mnist):
    return int((logits.cpu().argmax(-1) != mnist.test.labels).sum())


if __name__ == "__main__":
    main()
