"""Ten modules nobody edited as teachers, three of them as students, on a few colour images of 32×32."""

import subprocess
import sys
import textwrap

import pytest
import torch
from torch import nn

import kdviz as kd

models = pytest.importorskip("torchvision.models")

CLASSES = ["red", "green", "blue", "grey"]


@pytest.fixture(scope="module")
def photographs():
    """Bytes whose mean colour says the class, nearly."""
    random = torch.Generator().manual_seed(0)
    labels = torch.arange(96) % 4
    tint = torch.tensor([[120, 0, 0], [0, 120, 0], [0, 0, 120], [60, 60, 60]])[labels]
    images = (torch.randint(0, 100, (96, 3, 32, 32), generator=random) + tint[..., None, None]).to(torch.uint8)
    return kd.data_of(train=(images[:64], labels[:64]), test=(images[64:], labels[64:]), classes=CLASSES)


class Spoken(nn.Module):
    """Its answer is a mapping."""

    def __init__(self, classes):
        super().__init__()
        self.body, self.last = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 8), nn.ReLU()), nn.Linear(8, classes)

    def forward(self, inputs):
        hidden = self.body(inputs)
        return {"features": hidden, "logits": self.last(hidden)}


def plain(classes):
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, stride=2), nn.BatchNorm2d(6), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(),
        nn.Linear(24, classes),
    )  # fmt: skip


TEACHERS = {
    "resnet18": kd.network(models.resnet18, num_classes=4, outputs={"features": "avgpool", "map 1": "layer1"}),
    "mobilenet_v3_small": kd.network(models.mobilenet_v3_small, num_classes=4, outputs={"features": "avgpool"}),
    "vgg11_bn": kd.network(models.vgg11_bn, num_classes=4, outputs={"features": "classifier.3"}),
    "squeezenet1_1": kd.network(models.squeezenet1_1, num_classes=4),
    "shufflenet": kd.network(models.shufflenet_v2_x0_5, num_classes=4, outputs={"features": "conv5"}),
    "mnasnet0_5": kd.network(models.mnasnet0_5, num_classes=4),
    "regnet": kd.network(models.regnet_x_400mf, num_classes=4, outputs={"features": "avgpool"}),
    "mobilenet_v2": kd.network(models.mobilenet_v2, num_classes=4),
    "sequential": kd.network(plain, 4, outputs={"features": "4"}),
    "mapping": kd.network(Spoken, 4),
}
SHORT = {"epochs": 0.5, "batch_size": 16, "learning_rate": 1e-3}  # two steps


@pytest.mark.parametrize("name", TEACHERS)
def test_any_module_teaches(photographs, name):
    teacher = kd.Recipe(photographs, TEACHERS[name], kd.HardLabels(), **SHORT)
    student = kd.Recipe(photographs, kd.mlp(6), kd.SoftTargets(teacher, temperature=4), **SHORT)
    run = kd.train(student, store=None)
    assert run.logits().shape == (32, 4) and run.history["train_agreement"]


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small", "sequential"])
def test_any_module_learns_looks_inside_and_comes_back_from_disk(photographs, name, store):
    teacher = kd.Recipe(photographs, TEACHERS["resnet18"], kd.HardLabels(), **SHORT)
    objective = kd.Contrastive(teacher, dimensions=4)
    recipe = kd.Recipe(photographs, TEACHERS[name], objective, augment=(kd.Crop(4), kd.Flip()), seed=1, **SHORT)
    run = kd.train(recipe, store=store)
    again = store.find(recipe)
    with torch.no_grad():
        answer = again.network()(photographs.test.inputs.float() / 255)
    torch.testing.assert_close(answer["logits"], run.logits(), atol=1e-4, rtol=1e-4)
    assert answer["features"].ndim == 2


def test_a_network_from_a_script_trains_and_edited_it_trains_again(tmp_path):
    script = tmp_path / "mine.py"
    body = """
    import torch
    from torch import nn
    import kdviz as kd

    def net(width=4):
        return nn.Sequential(nn.Flatten(), nn.Linear(12, width), nn.{layer}(), nn.Linear(width, 2))

    x = torch.rand(40, 3, 2, 2, generator=torch.Generator().manual_seed(0))
    y = torch.arange(40) % 2
    data = kd.data_of(train=(x, y), test=(x, y), classes=["a", "b"])
    recipe = kd.Recipe(data, kd.network(net), kd.HardLabels(), epochs=1, batch_size=8)
    store = kd.Store("store")
    print(recipe.key, store.find(recipe) is None, kd.train(recipe, store=store).logits().shape[0], len(store.recipes()))
    """
    said = []
    for layer in ("ReLU", "ReLU", "Tanh"):
        script.write_text(textwrap.dedent(body.format(layer=layer)), encoding="utf-8")
        done = subprocess.run([sys.executable, script.name], cwd=tmp_path, capture_output=True, text=True, check=True)
        said.append(done.stdout.split())
    (first, second, third) = said
    assert first[0] == second[0] != third[0]
    assert [new for _, new, *_ in said] == ["True", "False", "True"]
