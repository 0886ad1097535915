"""Seconds per student: a loop in the manner of the PyTorch knowledge distillation tutorial against kdviz.train.

The loop: images one by one through PIL, two loader workers, batches of 128, Adam at 1e-3, the teacher's forward pass
in every step, one student at a time; only its training is timed. kdviz: the whole call, with the teacher's logits,
history, checkpoints and the store.
"""

import copy
import tempfile
import time

import numpy as np
import torch
import torch.nn.functional as F
from common import device_asked, wait, write
from PIL import Image
from torch.utils.data import DataLoader, Dataset

import kdviz as kd
from kdviz.data import sources
from kdviz.networks import predict_logits

EPOCHS = 3
TEMPERATURE, SOFT_WEIGHT, HARD_WEIGHT = 2, 0.25, 0.75  # the tutorial's
SWEEPS = [(30, [1, 2, 4, 8, 20]), (300, [2, 8]), (800, [2])]  # units, and temperatures, each for five seeds
LARGER = [(30, [1 + i / 5 for i in range(50)])]  # on a GPU as well, for five other seeds
RATES = {30: 1e-2, 300: 3e-3, 800: 2e-3}  # peaks for three epochs, chosen on 10,000 images held out of training


MEAN, STD = 0.1307, 0.3081  # of MNIST's pixels, as everyone writes them


class Images(Dataset):
    """MNIST one image at a time, for who has no torchvision: a PIL image, to a tensor, normalised."""

    def __init__(self, split):
        self.images = split.images[:, 0].mul(255).to(torch.uint8).numpy()
        self.labels = split.labels.tolist()

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        image = torch.from_numpy(np.array(Image.fromarray(self.images[i])))
        return image[None].to(torch.float32).div(255).sub_(MEAN).div_(STD), self.labels[i]


def images(split):
    """The data set as the tutorial reads it, and who reads it."""
    try:
        from torchvision import datasets, transforms
    except (ImportError, RuntimeError):  # absent, or of another build than torch
        return Images(split), "PIL"
    steps = transforms.Compose([transforms.ToTensor(), transforms.Normalize((MEAN,), (STD,))])
    return datasets.MNIST(sources.folder(), train=True, transform=steps), "torchvision"


class OfNormalised(torch.nn.Module):
    """The logits of a network for images in [0, 1], given normalised ones: the first layer undoes it, at no cost."""

    def __init__(self, network):
        super().__init__()
        self.network = copy.deepcopy(network)
        first = next(layer for layer in self.network.modules() if isinstance(layer, torch.nn.Linear))
        with torch.no_grad():
            first.bias += MEAN * first.weight.sum(1)
            first.weight *= STD

    def forward(self, images):
        return self.network(images)["logits"]


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
    dataset, reader = images(mnist.train)
    loader = DataLoader(dataset, batch_size=128, shuffle=True, num_workers=2)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        network = kd.train(teacher, store=kd.Store(folder), device=device).network().to(device)
        loops = {}
        for width, temperatures in SWEEPS + (LARGER if device == "cuda" else []):
            objective = kd.SoftTargets(teacher, TEMPERATURE, HARD_WEIGHT, SOFT_WEIGHT)
            recipe = kd.Recipe(mnist, kd.mlp(width, width), objective, EPOCHS, learning_rate=RATES[width])
            plain = OfNormalised(recipe.model.build((1, 28, 28), 10).to(device))
            if width not in loops:
                slow = tutorial(OfNormalised(network), plain, loader, device)
                inputs = mnist.test.inputs.to(device).sub(MEAN).div(STD)
                loops[width] = slow, errors(predict_logits(plain.network, inputs), mnist)
            slow, theirs = loops[width]
            began = time.perf_counter()
            sweep = kd.grid(recipe, temperature=temperatures, seed=range(5) if len(temperatures) <= 5 else range(5, 10))
            runs = kd.train(sweep, store=kd.Store(folder), device=device)
            fast = (time.perf_counter() - began) / len(runs)
            ours = [errors(run.logits(), mnist) for run in runs if run.recipe.objective.temperature == TEMPERATURE]
            rows.append(
                {
                    "units": width,
                    "students": len(runs),
                    f"loop ({reader}), s per student and epoch": round(slow / EPOCHS, 2),
                    "kdviz, s per student and epoch": round(fast / EPOCHS, 4),
                    "ratio": f"{slow / fast:.1f}×",
                    f"errors after {EPOCHS} epochs, loop": theirs,
                    f"errors after {EPOCHS} epochs, kdviz": f"{sum(ours) / len(ours):.0f}",
                }
            )
    write("tutorial", device, rows)


def errors(logits, mnist):
    return int((logits.cpu().argmax(-1) != mnist.test.labels).sum())


if __name__ == "__main__":
    main()
