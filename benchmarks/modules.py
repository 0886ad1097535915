"""Milliseconds a step of a residual student: the loop of most public code against kdviz's second engine.

The loop: images one by one through PIL and torchvision's transforms, two loader workers, batches of 64, SGD, the
teacher's forward pass in every step, ``.item()`` twice a step. Both sides train on the same synthetic images. With
crop and flip both run the teacher in each step; without, kdviz has its answers from a table.
"""

import time

import torch
import torch.nn.functional as F
from common import device_asked, wait, write
from PIL import Image
from torch.utils.data import DataLoader, Dataset

import kdviz as kd
from kdviz.training.arrays import Array
from kdviz.training.starting import as_it_was

BATCH, STEPS, TEMPERATURE = 64, 60, 4.0
NETWORKS = {"cpu": (8, 20), "cuda": (20, 56)}  # student's and teacher's layers


class Images(Dataset):
    """Synthetic images one at a time, as torchvision's CIFAR gives them."""

    def __init__(self, inputs, labels, transform):
        self.images = [Image.fromarray(image) for image in inputs.permute(0, 2, 3, 1).numpy()]
        self.labels, self.transform = labels.tolist(), transform

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return self.transform(self.images[i]), self.labels[i], i


def of_loop(data, student, teacher, augmented: bool, device: str) -> float:
    from torchvision import transforms

    changes = [transforms.RandomCrop(32, padding=4), transforms.RandomHorizontalFlip()] if augmented else []
    transform = transforms.Compose([*changes, transforms.ToTensor(), transforms.Normalize([0.5] * 3, [0.25] * 3)])
    dataset = Images(data.full_train.inputs, data.full_train.labels, transform)
    loader = DataLoader(dataset, BATCH, shuffle=True, num_workers=2, pin_memory=device == "cuda", drop_last=True)
    student, teacher = student.to(device).train(), teacher.to(device).eval()
    optimizer = torch.optim.SGD(student.parameters(), 0.05, momentum=0.9, weight_decay=5e-4)
    began, losses, right = None, 0.0, 0
    for step, (inputs, labels, _) in enumerate(loader):
        if step == 5:
            wait(device)
            began = time.perf_counter()
        inputs, labels = inputs.to(device, non_blocking=True), labels.to(device, non_blocking=True)
        logits = student(inputs)["logits"]
        with torch.no_grad():
            taught = teacher(inputs)["logits"]
        soft = F.kl_div((logits / TEMPERATURE).log_softmax(1), (taught / TEMPERATURE).softmax(1), reduction="batchmean")
        loss = 0.1 * F.cross_entropy(logits, labels) + 0.9 * TEMPERATURE**2 * soft
        losses, right = losses + loss.item(), right + (logits.argmax(1) == labels).sum().item()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step == STEPS + 4:
            break
    wait(device)
    return (time.perf_counter() - began) / STEPS * 1000


def of_kdviz(recipe: kd.Recipe, parents: dict, device: str) -> float:
    with as_it_was(device):
        array = Array([recipe], parents, device)
        array.schedule.prepare(0, 5)
        array._take_steps(5)
        wait(device)
        began = time.perf_counter()
        array.schedule.prepare(5, STEPS)
        array._take_steps(STEPS)
        wait(device)
    return (time.perf_counter() - began) / STEPS * 1000


def main():
    device = device_asked(__doc__.splitlines()[0])
    small, large = NETWORKS[device]
    random = torch.Generator().manual_seed(0)
    inputs = torch.randint(0, 256, ((STEPS + 8) * BATCH, 3, 32, 32), dtype=torch.uint8, generator=random)
    labels = torch.arange(len(inputs)) % 100
    names = [f"class {i}" for i in range(100)]
    data = kd.data_of(train=(inputs, labels), test=(inputs[:200], labels[:200]), classes=names)
    teacher = kd.Recipe(data, kd.resnet(large), kd.HardLabels(), epochs=2 * BATCH / len(inputs), batch_size=BATCH)
    parents = {teacher: kd.train(teacher, store=None, device=device)}
    objective = kd.SoftTargets(teacher, TEMPERATURE, hard_weight=0.1, soft_weight=0.9)
    sgd = kd.SGD(milestones=(150, 180, 210))
    recipe = kd.Recipe(data, kd.resnet(small), objective, 240, BATCH, 0.05, 5e-4, optimizer=sgd)
    rows = []
    for augment in ((kd.Crop(4), kd.Flip()), None):
        student = recipe.model.build((3, 32, 32), 100)
        loop = of_loop(data, student, parents[teacher].network(), bool(augment), device)
        for precision in ("highest", "medium") if device == "cpu" else ("highest", "high", "medium"):
            torch.set_float32_matmul_precision(precision)
            ours = of_kdviz(recipe.replace(augment=augment), parents, device)
            torch.set_float32_matmul_precision("highest")
            rows.append(
                {
                    "student": str(recipe.model),
                    "teacher": str(teacher.model),
                    "images": "crop and flip" if augment else "as they are",
                    "precision": precision,
                    "loop, ms a step": round(loop, 2),
                    "kdviz, ms a step": round(ours, 2),
                    "ratio": f"{loop / ours:.1f}×",
                }
            )
    write("modules", device, rows)


if __name__ == "__main__":
    main()
