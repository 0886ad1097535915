"""The step seam: a generator and its adversary end where a plain loop ends, whatever happens on the way."""

import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn

import kdviz as kd
from kdviz.explorers.view import unpacked
from kdviz.networks import Patches
from kdviz.objectives.adversarial import MAPS
from kdviz.recipes import restored
from kdviz.recipes.descriptions import describe
from kdviz.recipes.schedules import one_cycle
from kdviz.runs import drawn
from kdviz.runs.files import read_header
from kdviz.training import starting, work
from kdviz.training.adversarial import Turns
from kdviz.training.checkpoints import state
from kdviz.training.schedule import seed_of


@pytest.fixture
def wide(digits):
    return kd.Recipe(digits, kd.unet(4), kd.Adversarial(), epochs=0.5, batch_size=20, learning_rate=5e-3)


@pytest.fixture
def narrow(wide):
    taught = kd.Adversarial(wide, hard_weight=0.5, soft_weight=0.7, feature_weight=0.2, inherit=True)
    return wide.replace(model=kd.unet(2), objective=taught, seed=1)


def plain(recipe, teacher=None, judge=None):
    """Generator and discriminator, with modules, two of torch's optimizers and the loss written out."""
    dtype, said, data = torch.get_default_dtype(), recipe.objective, kd.load(recipe.data.name)
    torch.manual_seed(seed_of(recipe.seed, "initialisation"))
    draws = recipe.model.build(tuple(data.train.inputs.shape[1:]), 10).to(dtype)
    torch.manual_seed(seed_of(recipe.seed, "extra"))
    one = data.test.images[:1].to(dtype)
    leads = nn.ModuleDict()
    if said.feature_weight:
        mine, theirs = draws.eval()(one), teacher(one)
        leads.update({n: nn.Conv2d(mine[n].shape[1], theirs[n].shape[1], 1) for n in MAPS})
    torch.manual_seed(seed_of(recipe.seed, "adversary"))
    judges = Patches(1, said.adversary).to(dtype)
    if judge is not None:
        judges.load_state_dict(judge)
    ours = torch.optim.AdamW([*draws.parameters(), *leads.parameters()], weight_decay=0.01, foreach=False)
    its = torch.optim.AdamW(judges.parameters(), weight_decay=0.01, foreach=False)
    steps = round(recipe.epochs * 1000 / recipe.batch_size)
    generator, rows = torch.Generator().manual_seed(seed_of(recipe.seed, "order")), torch.empty(0, dtype=torch.int64)
    draws.train()
    for step in range(1, steps + 1):
        while len(rows) < recipe.batch_size:
            rows = torch.cat([rows, torch.randperm(1000, generator=generator)])
        y, rows = data.train.images[rows[: recipe.batch_size]].to(dtype), rows[recipe.batch_size :]
        rate = torch.tensor(one_cycle(step, steps, recipe.learning_rate), dtype=torch.float32).item()
        ours.param_groups[0]["lr"] = its.param_groups[0]["lr"] = rate
        out = draws(y)
        if said.adversary_weight:
            its.zero_grad()
            judged = judges(out["image"].detach())["scores"]
            (0.5 * ((judges(y)["scores"] - 1) ** 2).mean() + 0.5 * (judged**2).mean()).backward()
            its.step()
        right = out["image"][..., 4:]
        loss = said.hard_weight * (right - y[..., 4:]).abs().mean()
        if teacher is not None:
            with torch.no_grad():
                taught = teacher(y)
            loss = loss + said.soft_weight * (right - taught["image"][..., 4:]).abs().mean()
            for name in leads:
                loss = loss + said.feature_weight * F.mse_loss(leads[name](out[name]), taught[name])
        if said.adversary_weight:
            loss = loss + said.adversary_weight * ((judges(out["image"])["scores"] - 1) ** 2).mean()
        ours.zero_grad()
        loss.backward()
        ours.step()
    return draws, judges


def assert_near(run, draws, judges):
    for kind, net in (("weights/", draws), ("adversary/", judges)):
        for name, weight in net.state_dict().items():
            assert torch.allclose(run.arrays[kind + name].double(), weight.double(), atol=1e-9, rtol=0), name


def test_it_ends_where_a_plain_loop_ends(narrow, wide, double):
    teacher, student = kd.train([wide, narrow], store=None)
    assert_near(teacher, *plain(wide))
    judge = {n.removeprefix("adversary/"): w for n, w in teacher.arrays.items() if n.startswith("adversary/")}
    assert_near(student, *plain(narrow, teacher.network(), judge))
    assert student.history["loss"][-1] > 0 and len(student.history["test_error"]) == 1


def test_without_an_adversary_it_ends_where_a_plain_loop_ends(wide, double):
    alone = wide.replace(adversary_weight=0)
    run = kd.train(alone, store=None)
    draws, _ = plain(alone)
    assert not [name for name in run.arrays if name.startswith("adversary/")]
    for name, weight in draws.state_dict().items():
        assert torch.allclose(run.arrays[f"weights/{name}"].double(), weight.double(), atol=1e-9, rtol=0)


@pytest.mark.parametrize("part", ["hard_weight", "soft_weight", "feature_weight", "adversary_weight", "inherit"])
def test_each_part_of_the_loss_changes_what_is_learnt(narrow, wide, part):
    own = narrow.replace(inherit=part == "inherit")
    _, one, other = kd.train([wide, own, own.replace(**{part: False if part == "inherit" else 0.0})], store=None)
    assert not torch.equal(one.arrays["weights/up.1.bias"], other.arrays["weights/up.1.bias"])


def test_it_sees_the_left_half_alone(digits):
    torch.manual_seed(0)
    draws = kd.unet(4).build((1, 8, 8), 10).eval()
    images = digits.test.images[:5]
    other = torch.cat([images[..., :4], torch.rand(5, 1, 8, 4)], -1)
    with torch.no_grad():
        outputs, again = draws(images), draws(other)
    assert all(torch.equal(outputs[name], again[name]) for name in kd.unet(4).outputs)
    assert torch.equal(outputs["image"][..., :4], images[..., :4])
    assert not torch.equal(outputs["image"][..., 4:], images[..., 4:])


def test_each_score_of_the_adversary_is_of_a_patch():
    torch.manual_seed(0)
    judge, images = Patches(1, 3), torch.zeros(1, 1, 28, 28)
    with torch.no_grad():
        before = judge(images)["scores"]
        images[..., 13, 13] = 1
        rows, columns = (judge(images)["scores"] != before)[0, 0].nonzero().T
    assert before.shape == (1, 1, 7, 7)
    assert {*rows.tolist()} == {*columns.tolist()} and 0 < len({*rows.tolist()}) < 7


def test_errors_of_completed_images_count_the_right_half():
    truth = torch.rand(3, 1, 4, 6, dtype=torch.float64)
    images = truth.clone()
    images[0, ..., :3] += 9
    images[1, ..., 3:] += 0.5
    images[2, 0, 0, 5] -= 0.6
    before = images.clone()
    assert kd.measures.completion_errors(images, truth).tolist() == pytest.approx([0, 0.5, 0.05])
    assert torch.equal(images, before)
    with pytest.raises(ValueError, match="shape"):
        kd.measures.completion_errors(images[:2], truth)
    with pytest.raises(ValueError, match="no right half"):
        kd.measures.completion_errors(truth[..., :1], truth[..., :1])


def test_resumed_it_ends_as_undisturbed(narrow, wide):
    recipe = narrow.replace(epochs=5)  # two segments and more, several measurements
    parents = {wide: kd.train(wide, store=None)}
    with work.as_it_was("cpu"):
        loop = Turns([recipe], parents, "cpu")
        while loop.step < 150:
            loop.advance()
        header, kept = state(loop)
        kept = {name: tensor.clone() for name, tensor in kept.items()}
        while not loop.done:
            loop.advance()
        (undisturbed,) = loop.runs()
        again = Turns([recipe], parents, "cpu")
        assert starting.put_back(again, (header, kept)) == "" and again.step == header["step"] > 0
        while not again.done:
            again.advance()
        (resumed,) = again.runs()
    assert resumed.history == undisturbed.history
    assert all(torch.equal(resumed.arrays[name], undisturbed.arrays[name]) for name in undisturbed.arrays)
    changed = {name for name, tensor in kept.items() if name.startswith(("parameter", "adversary", "buffer"))}
    assert any("second_moment" in name for name in changed) and any("running_var" in name for name in changed)


def train_a_pair(folder: Path) -> None:
    torch.set_num_threads(1)
    work.CHECKPOINT_SECONDS = 0.0
    wide = kd.Recipe(kd.load("digits"), kd.unet(4), kd.Adversarial(), epochs=6, batch_size=20, learning_rate=5e-3)
    narrow = wide.replace(model=kd.unet(2), objective=kd.Adversarial(wide, soft_weight=1, inherit=True), seed=1)
    (folder / "begun").touch()
    kd.train(narrow, store=kd.Store(folder))


@pytest.fixture(scope="module")
def start():
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["kdviz", "sklearn.datasets"])

    def begin(folder: Path):
        process = context.Process(target=train_a_pair, args=(folder,))
        process.start()
        return process

    return begin


def contents(folder: Path) -> dict:
    return {path.name: (load_file(path), read_header(path)["history"]) for path in folder.glob("*.safetensors")}


@pytest.mark.parametrize("killed_at", [100, 300])  # the teacher's steps, and the student's, of 300 each
def test_killed_it_goes_on_to_the_same_result(start, tmp_path, killed_at):
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    whole = start(tmp_path / "whole")
    whole.join()
    process, folder = start(tmp_path / "killed"), tmp_path / "killed" / "unfinished"
    finished = killed_at // 300
    while process.is_alive() and not (
        len([*folder.parent.glob("*.safetensors")]) == finished
        and any(int(path.stem.partition("-")[2]) >= 100 for path in folder.glob("*.safetensors"))
    ):
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    left = [*folder.glob("*.safetensors")]
    assert process.exitcode == -signal.SIGKILL and left
    again = start(tmp_path / "killed")
    again.join()
    assert whole.exitcode == again.exitcode == 0
    expected, found = contents(tmp_path / "whole"), contents(tmp_path / "killed")
    assert expected.keys() == found.keys() and len(found) == 2
    for name, (arrays, history) in expected.items():
        assert history == found[name][1] and arrays.keys() == found[name][0].keys()
        assert all(torch.equal(array, found[name][0][key]) for key, array in arrays.items())
    assert not list(folder.glob("*.safetensors"))


def test_store_key_watch_and_description_serve_it(narrow, wide, store, digits):
    seen = []
    run = kd.train(narrow, store=store, watch=lambda recipes, histories, done: seen.append((recipes, done)))
    assert seen == [([wide], True), ([narrow], True)]
    found = store.find(narrow, weights=True)
    images = drawn(run, digits.test.inputs)
    assert torch.equal(drawn(found, digits.test.inputs), images) and found.history == run.history
    error = kd.measures.completion_errors(images, digits.test.images).mean().item()
    assert run.history["test_error"][-1] == pytest.approx(error, abs=1e-6)
    assert restored(describe(narrow)) == narrow and {narrow.key, wide.key} == {r.key for r in store.recipes()}
    assert narrow.replace(feature_weight=0.3).key != narrow.key and str(narrow).startswith("U-Net of 2c on digits")


def test_a_diverged_generator_is_lost_and_its_student_with_it(narrow, wide, store):
    wild = wide.replace(learning_rate=1e30, weight_decay=10.0)
    with pytest.raises(kd.Diverged, match="no longer finite") as caught:
        kd.train([wide, wild, narrow.replace(teacher=wild)], store=store)
    assert [run.recipe for run in caught.value.finished] == [wide]
    assert store.find(wild) is None and not list((store.folder / "unfinished").glob("*.safetensors"))


def test_what_cannot_be_trained_says_why(narrow, wide, digits):
    with pytest.raises(ValueError, match="trains a network's 'image'.*choose another network"):
        wide.replace(model=kd.mlp(8))
    with pytest.raises(ValueError, match="trains a network's 'logits'"):
        wide.replace(objective=kd.HardLabels())
    with pytest.raises(ValueError, match="choose another layer or network"):
        narrow.replace(teacher=kd.Recipe(digits, kd.mlp(8), kd.HardLabels()))
    for said in ({"soft_weight": 1}, {"inherit": True}, {"feature_weight": 1}):
        with pytest.raises(ValueError, match="need a teacher"):
            kd.Adversarial(**said)
    with pytest.raises(ValueError, match="nothing of this teacher"):
        kd.Adversarial(wide)
    with pytest.raises(ValueError, match="inherit begins with"):
        kd.Adversarial(wide, inherit=True, adversary_weight=0)
    with pytest.raises(ValueError, match="adversary, channels"):
        kd.Adversarial(adversary=0)
    with pytest.raises(ValueError, match="at least 0"):
        kd.Adversarial(hard_weight=-1)
    with pytest.raises(ValueError, match="at least one channel"):
        kd.unet(0)
    with pytest.raises(ValueError, match="multiples of 4"):
        kd.unet(2).build((1, 10, 10), 10)
    with pytest.raises(ValueError, match="holds no discriminator"):
        kd.train(narrow.replace(teacher=wide.replace(adversary_weight=0)), store=None)
    with pytest.raises(ValueError, match="of another size"):
        kd.train(narrow.replace(adversary=3), store=None)
    with pytest.raises(ValueError, match="trained whole"):
        kd.train(wide.replace(init=wide, frozen=True), store=None)


def test_runs_of_images_and_of_logits_are_told_apart(wide, teacher, digits):
    drawing, naming = kd.train([wide, teacher], store=None)
    with pytest.raises(ValueError, match="answers with map 1, .*, image, not with logits"):
        drawing.logits()
    with pytest.raises(ValueError, match="ended with a classifier"):
        drawn(naming, digits.test.inputs)


@pytest.mark.parametrize("side", [8, 28])
def test_multiplications_are_those_one_counts_by_hand(side):
    half, quarter, c = (side // 2) ** 2, (side // 4) ** 2, 4
    by_hand = 16 * c * half + 16 * c * 2 * c * quarter + 3 * 9 * (2 * c) ** 2 * quarter
    by_hand += quarter * 16 * 2 * c * c + half * 16 * 2 * c  # each place of the input meets each weight
    network, images = kd.unet(c).build((1, side, side), 10), torch.zeros(3, 1, side, side)
    assert kd.compression.multiplications(network, images) == by_hand
    table = kd.compression.cost_table({"small": network, "smaller": kd.unet(2).build((1, side, side), 10)}, images, 3)
    assert table.multiplications["small"] == by_hand > 3 * table.multiplications["smaller"]
    assert table.weights["small"] == sum(w.numel() for w in network.parameters())
    assert (table["time, ms"] > 0).all() and (table["file, kB"] > 4 * table.weights / 1000).all()
    with pytest.raises(ValueError, match="no product and no convolution"):
        kd.compression.multiplications(nn.ReLU(), images)


def test_the_grid_has_a_row_for_each_generator_and_an_image_for_each_half(digits):
    rows = {"truth": digits.test.images[:5], "a $1$ net": digits.test.images[:5] / 2}
    ax = kd.figures.completed(rows)
    assert [label.get_text() for label in ax.get_yticklabels()] == list(rows)
    assert len(ax.images) == 10 and len(ax.lines) == 10
    assert (ax.images[7].get_array() == digits.test.images[2, 0].numpy() / 2).all()
    for image, line in zip(ax.images, ax.lines, strict=True):  # the line is where the drawn half begins
        left, right, *_ = image.get_extent()
        assert line.get_xdata()[0] == pytest.approx((left + right) / 2)
    with pytest.raises(ValueError, match="pixels lie in"):
        kd.figures.completed({"truth": 2 + digits.test.images[:5]})


def test_the_explorer_carries_images_and_opens_where_it_is_told(digits):
    truth, labels = digits.test.images[:6], digits.test.labels[:6]
    drawn_by = {"teacher": truth / 2, "small": truth / 4}
    opened = dict(student="small", image=2, share=25)
    view = kd.explorers.completed(truth, labels, drawn_by, digits.classes, **opened)
    assert view.state == opened and view.data["students"] == ["small"]
    kept = unpacked(view.data["images"]["small"])
    assert torch.equal(kept, (255 * truth[:, 0] / 4).round().byte())
    assert view.picture().startswith(b"\x89PNG")
    for wrong in ({"student": "teacher"}, {"student": "large"}, {"image": 6}, {"share": 101}):
        with pytest.raises(ValueError, match="opens"):
            kd.explorers.completed(truth, labels, drawn_by, digits.classes, **opened | wrong)
