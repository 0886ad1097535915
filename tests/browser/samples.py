"""One explorer of each view, small and always the same, and the numbers that its page must show in a state."""

from functools import cache
from itertools import pairwise
from pathlib import Path

import nbformat
import pandas as pd
import torch
from carried import unpacked
from IPython.display import display

import kdviz as kd
from kdviz.data.wordpieces import words_of
from kdviz.explorers import View, drawing
from kdviz.explorers.inside import as_carried, looks
from kdviz.explorers.pad import answer, layers_of
from kdviz.explorers.view import VIEW, told_of
from kdviz.publish import notebooks

HERE = Path(__file__).parent
BEGIN = f"import sys\nsys.path[:0] = {[str(HERE), str(HERE.parent)]}\nimport samples"  # of a notebook that says so
CLASSES = tuple("0123456789")
TWO = ("$5 to $10", "<b>")


def as_on_its_page(name: str) -> None:
    """Show the explorers of a walkthrough as its page carries them."""
    for cell in nbformat.read(notebooks.FOLDER / f"{name}.ipynb", as_version=4).cells:
        for output in cell.get("outputs", []):
            if VIEW in output.get("data", {}):
                told = told_of(output.data[VIEW])
                display(View(told["view"], told["data"], lambda figure, **_: None, (1, 1), **told["state"]))


@cache
def digits():
    data = kd.load("digits")
    generator = torch.Generator().manual_seed(0)
    right = torch.nn.functional.one_hot(data.test.labels, 10).float()
    nets = [3 * right + 2 * torch.randn(len(right), 10, generator=generator) for _ in range(4)]
    return data, nets


def net(*sides: int, seed: int) -> torch.nn.Sequential:
    torch.manual_seed(seed)
    layers = [part for ends in pairwise(sides) for part in (torch.nn.Linear(*ends), torch.nn.ReLU())]
    return torch.nn.Sequential(torch.nn.Flatten(), *layers[:-1])


def temperature():
    data, (teacher, *students) = digits()
    several = {"first student": students[0][:40], "second student": students[1][:40]}
    return kd.explorers.temperature(data.test.images[:40], data.test.labels[:40], teacher[:40], several, CLASSES)


def of_two():
    """Logits of two classes, one masked."""
    _, (teacher, student, *_) = digits()
    masked = teacher[:20, :2].clone()
    masked[1, 0] = -torch.inf
    return {"teacher": masked, "of $1 or $2": student[:20, :2]}


def two_classes():
    data, answers = digits()[0], of_two()
    colours = data.test.images[:20].repeat(1, 3, 1, 1)
    colours[:, 0] = 1.0
    return kd.explorers.temperature(colours, data.test.labels[:20] % 2, answers.pop("teacher"), answers, TWO)


def answers_to(omitted, temperature, bias):
    _, nets = digits()
    return kd.measures.shifted(nets[omitted % 4] / temperature, [omitted], bias - 4).argmax(-1)


def omitted_digit():
    data, _ = digits()
    fitted = {(c, t): 2.1 + t / 8 for c in (3, 5) for t in (1.0, 4.0)}
    return kd.explorers.omitted_digit(answers_to, fitted, data.test.images, data.test.labels, CLASSES)


def cloud_table():
    data, (teacher, *students) = digits()
    rows = [(a, t, (students[a] * t + teacher).argmax(-1)) for a in range(3) for t in (0.1, 0.5, 1.0, 2.0)]
    right, alike = data.test.labels, teacher.argmax(-1)
    table = pd.DataFrame({
        "varied": [f"group {a}" for a, *_ in rows],
        "name": [f"group {a}, weight {t:g}" for a, t, _ in rows],
        "recipe": [f"student {a} at {t:g}" for a, t, _ in rows],
        "accuracy": [(answers == right).double().mean().item() for *_, answers in rows],
        "agreement": [(answers == alike).double().mean().item() for *_, answers in rows],
        "weight": [t for _, t, _ in rows],
    })  # fmt: skip
    return table, [answers for *_, answers in rows]


def agreement_cloud():
    data, (teacher, *_) = digits()
    table, answers = cloud_table()
    curve = {"epoch": [1, 2, 3], "test_accuracy": [0.4, 0.7, 0.8], "train_agreement": [0.5, 0.8, 0.9]}
    mine = (teacher.argmax(-1) == data.test.labels).double().mean().item()
    return kd.explorers.agreement_cloud(
        table, mine, {"two teachers": (0.7, 0.6)}, [curve] * len(table), lambda i: (teacher.argmax(-1), answers[i]),
        data.test.images, data.test.labels, CLASSES,
    )  # fmt: skip


def matrices():
    _, (teacher, *students) = digits()
    both = {"teacher": [teacher, teacher + students[2]], "hard labels": students[:2], "CRD": students[1:]}
    return {
        kind: {name: [kd.measures.logit_correlation(z, kind == "centred") for z in some] for name, some in both.items()}
        for kind in ("centred", "raw")
    }


def correlations():
    data, (teacher, *students) = digits()
    nets = {"teacher": [teacher, teacher + students[2]], "hard labels": students[:2], "CRD": students[1:]}
    said = kd.explorers.correlations
    images, labels = data.test.images, data.test.labels
    return said(matrices(), lambda name, seed: nets[name][seed], images, labels, CLASSES)


def drawn_rows(labels):
    """The examples of a scatter: the first of each class, then the second of each, up to 200."""
    turns = [(int((labels[:i] == label).sum()), i) for i, label in enumerate(labels.tolist())]
    return [i for _, i in sorted(turns)][:200]


@cache
def networks():
    return {"teacher": net(64, 40, 10, seed=0), "student": net(64, 20, 10, seed=1)}


def pad():
    return kd.explorers.pad(networks(), 8, CLASSES, temperature=0.5)


def reliability():
    data, (teacher, student, *_) = digits()
    return kd.explorers.reliability({"teacher": teacher, "student": student}, data.test.labels)


def bounds():
    return kd.explorers.bounds(0.9, 0.8, agreement=0.82)


def shared_start():
    runs = [[{"epoch": [1, 2], "train_agreement": [0.1 * i, 0.2 * i + 0.01 * s]} for s in range(3)] for i in range(4)]
    return kd.explorers.shared_start([0, 0.25, 0.5, 0.75], [[0.1 * i] * 3 for i in range(4)], runs)


LEFT = [16, 8, 4]


def shares(score: str, left: int) -> list[float]:
    return [0.5 + left / 40 + 0.05 * (score == "sensitivity") + 0.01 * seed for seed in range(2)]


def apart(score: str, left: int) -> list[list[float]]:
    return [[(1 + seed + (score == "random")) / left / k for k in (1, 2, 4)] for seed in range(2)]


def pruned():
    scores = ("sensitivity", "random")
    right = {name: [shares(name, left) for left in LEFT] for name in scores}
    told = {
        name: [[{"kl_epoch": [1, 2, 3], "train_kl": kl} for kl in apart(name, left)] for left in LEFT]
        for name in scores
    }
    return kd.explorers.pruned([32, 32], LEFT, right, told, 0.987, score="sensitivity", shown=8)


@cache
def quantised_nets():
    data, _ = digits()
    network = net(64, 16, 10, seed=0)
    said = {"rounded after training": {}, "rounded after training, a scale per row": {"per": "row"}}
    found = {}
    for name, how in said.items():
        for bits in (1, 2, 4):
            smaller = kd.compression.quantised(network, bits, **how)
            with torch.no_grad():
                found.setdefault(name, {})[bits] = smaller[1].weight, smaller(data.test.images[:40]).argmax(-1)
    with torch.no_grad():
        return network[1].weight, found, network(data.test.images[:40]).argmax(-1)


def rounded():
    data, (weight, nets, whole) = digits()[0], quantised_nets()
    images, labels = data.test.images[:40], data.test.labels[:40]
    said = kd.explorers.rounded
    return said(weight.detach(), nets, whole, images, labels, CLASSES, scheme="rounded after training", bits=2)


def teachers_table():
    rows = [
        {"group": f"students {g}", "T": t, "teacher": f"net {n}", "student": 20 + g + abs(n - 1) * t + 0.2 * seed,
         "error": 19.0 - n, "NLL": 0.5 + 0.1 * n / t, "entropy": 0.9 - 0.2 * n + 0.1 * t}
        for g in range(2) for t in (1.0, 4.0) for n in range(4) for seed in range(3)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def which_teacher():
    return kd.explorers.which_teacher(teachers_table())


@cache
def voting():
    """Five nets, the generalist first, and two specialists that share the class 3; some images ask neither."""
    data, nets = digits()
    generator = torch.Generator().manual_seed(7)
    nets = torch.stack([each[:40] for each in nets] + [3 * torch.randn(40, 10, generator=generator)])
    experts = {f"those of {group}": (2 * torch.randn(40, len(group) + 1, generator=generator), group)
               for group in ([3, 5, 8], [1, 3, 7])}  # fmt: skip
    return data.test.images[:40], data.test.labels[:40], nets, experts


def votes():
    return kd.explorers.votes(*voting(), CLASSES, count=2, image=3)


def self_distillation():
    return kd.explorers.self_distillation()


@cache
def half_drawn():
    """The first twelve digits, and their right halves paler, in part, from three generators."""
    images = digits()[0].test.images[:12]
    paler = {"teacher": 0.9, "from scratch": 0.5, "<b> $2$": 0.25}
    whole = {name: images.clone() for name in paler}
    for name, part in paler.items():
        whole[name][..., 4:] *= part
    return images, whole


def completed():
    (images, whole), data = half_drawn(), digits()[0]
    said = kd.explorers.completed
    return said(images, data.test.labels[:12], whole, CLASSES, student="from scratch", image=3, share=50)


@cache
def exit_answers():
    """Of two nets with three exits, one that is surer: doubts, and predicted classes."""
    generator, labels = torch.Generator().manual_seed(0), digits()[0].test.labels[:200]
    found = {}
    for name, sharp in (("labels", 3.0), ("the deepest exit", 5.0)):
        z = torch.randn(3, 200, 10, generator=generator)
        z += torch.tensor([1.2, 2.0, 2.6])[:, None, None] * torch.nn.functional.one_hot(labels, 10)
        p = (sharp * z / 2).softmax(-1)
        found[name] = 1 - p.amax(-1), p.argmax(-1)
    return found


def exits():
    data = digits()[0]
    images, labels = data.test.images[:40], data.test.labels[:200]
    said = kd.explorers.exits
    return said(exit_answers(), [4, 11, 15], images, labels, CLASSES, net="the deepest exit", sure=0.9)


def deep_nets():
    """Of two ways and two depths: % of the training and of the test images wrong, five nets each."""
    wrong = {"labels": {4: [3.0, 4.5, 2.5, 6.0, 3.5], 8: [88.0, 90.0, 61.5, 49.0, 89.5]},
             "<b> $2$": {4: [2.0, 2.5, 3.0, 2.0, 4.0], 8: [9.0, 7.5, 55.0, 8.0, 11.0]}}  # fmt: skip
    return wrong, {name: {d: [w + 1.2 for w in seeds] for d, seeds in of.items()} for name, of in wrong.items()}


def depths():
    return kd.explorers.depths(*deep_nets(), way="labels", layers=8)


def crowds():
    """Of three ways and one to four peers: % wrong of each peer and of their averaged answers, five seeds each."""
    wrong = {"not listening": [24.1, 23.4, 23.6, 23.2], "T = 1": [24.1, 22.7, 22.1, 23.3],
             "<b> $2$": [24.1, 22.2, 21.4, 21.1]}  # fmt: skip
    seeds = torch.tensor([0.0, 1.17, -0.61, 2.33, -1.42], dtype=torch.float64)
    each = {name: {n: mean + seeds.roll(2 * place * (n > 1)) for n, mean in enumerate(of, 1)}
            for place, (name, of) in enumerate(wrong.items())}  # fmt: skip
    less = {"not listening": 2.6, "T = 1": 0.9, "<b> $2$": 0.4}
    return each, {name: {n: of - less[name] * (n > 1) for n, of in by.items()} for name, by in each.items()}


def peers():
    return kd.explorers.peers(*crowds(), way="T = 1", count=3)


@cache
def encoders():
    torch.manual_seed(0)
    words = kd.load("lookup").vocabulary
    nets = {name: kd.transformer(deep, 8, 2, vocabulary=len(words)).build((6,), 4) for name, deep in
            (("teacher", 4), ("student", 2))}  # fmt: skip
    for weight in (weight for net in nets.values() for weight in net.parameters()):
        torch.nn.init.normal_(weight, std=0.7)
    return nets


def inside():
    data = kd.load("lookup")
    row = data.test.inputs[0]
    return kd.explorers.inside(encoders(), row, data.vocabulary, data.classes, data.decode(row), layer=2)


MADE = (
    temperature, omitted_digit, agreement_cloud, correlations, pad, reliability, bounds, shared_start, pruned, rounded,
    self_distillation, which_teacher, completed, exits, votes, depths, peers, inside,
)  # fmt: skip


def shown(name: str, state: dict) -> list[str]:
    """What the page of an explorer must say in words for a state, reckoned with torch."""
    return globals()[f"_{name}"](**state)


def _temperature(temperature, image, shown, factor):
    _, (teacher, *students) = digits()
    nets = {"teacher": teacher, "first student": students[0], "second student": students[1]}
    logits = nets[shown][image].double()
    learner = nets["first student" if shown == "teacher" else shown][image][None]
    shares = (logits / temperature).softmax(-1)
    length = kd.measures.soft_target_gradient(learner, teacher[image][None], temperature).norm().item()
    length = length if factor else length / temperature**2
    nats = kd.measures.entropy(logits[None], temperature).item()
    return [
        f"Entropy {nats:.3f} nats",
        f"{CLASSES[shares.argmax()]} has {shares.max():.3f}",
        f"Gradient {_precise(length)}",
    ]


def _omitted_digit(omitted, temperature, bias_added):
    data, _ = digits()
    called, labels = answers_to(omitted, temperature, bias_added), data.test.labels
    own = labels == omitted
    errors = (called != labels).sum(), (answers_to(omitted, temperature, 0.0) != labels).sum()
    right = (called[own] == omitted).sum()
    return [f"{errors[0]} errors of 797 ({errors[1]} without a shift)", f"{right} of {own.sum()} {omitted}s right"]


def _agreement_cloud(student, colour, where, hidden):
    data, (teacher, *_) = digits()
    table, answers = cloud_table()
    chosen, taught = table.loc[student], teacher.argmax(-1)
    wrong = taught != data.test.labels
    alike = {"all": chosen.agreement, "wrong": (answers[student] == taught)[wrong].double().mean().item()}
    apart = (answers[student] != taught).sum()
    return [
        f"{chosen['name']}: accuracy {100 * chosen.accuracy:.2f} %",
        f" {100 * alike[where]:.2f} %.",
        f"{apart} disagreements",
    ]


def _correlations(matrix, method, seed, shown, first, second, tree):
    of = matrices()[matrix]
    teacher, student = of["teacher"][seed], of[method][seed]
    r = [each[first, second].item() for each in (teacher, student)]
    mean = kd.measures.mean_off_diagonal(teacher - student)
    signs = [f"{value:+.2f}".replace("-", "−") for value in (*r, r[0] - r[1])]
    return [f"teacher {signs[0]}, {method} {signs[1]}, difference {signs[2]}", f"of all pairs: {mean:.3f}"]


def _pad(strokes, temperature, example):
    points = torch.tensor([point for stroke in strokes for point in stroke]).reshape(-1, 2)
    if len(points) < 2 or (points.amax(0) - points.amin(0)).max() < 0.05:  # a dot is no digit yet
        return ["Draw a digit on the pad"]
    image = drawing.normalised(drawing.bitmap(strokes), 8)
    said = []
    for name, network in networks().items():
        shares = (answer(layers_of(name, network, 64, 10), image) / temperature).softmax(-1)
        said.append(f"{name}: {shares.argmax()} ({100 * shares.max():.1f}\u00a0%)")
    return said


def _reliability(shown, bins, temperature):
    data, (teacher, student, *_) = digits()
    logits = {"teacher": teacher, "student": student}[shown].double() / temperature
    sure, right = logits.softmax(-1).max(-1).values, logits.argmax(-1) == data.test.labels
    error = kd.measures.calibration_error(sure, right, bins)
    return [
        f"sure {100 * sure.mean():.2f} %, right {100 * right.double().mean():.2f} %",
        f"{bins} bins {100 * error:.2f} %",
    ]


def _bounds(a, b):
    low, high = kd.measures.agreement_bounds(a, b)
    return [f"{100 * low:.1f} % of the images at least, {100 * high:.1f} % at most"]


def _self_distillation(round, tolerance, noise, points, draw):
    spread = torch.from_numpy(unpacked(self_distillation().data["noise"]).copy())[draw, :points].double()
    at = torch.arange(1, points + 1).double() / (points + 1)
    truth = torch.sin(2 * torch.pi * at)
    curves, _ = kd.measures.self_distilled_curves(at, truth + noise * spread, tolerance, at, 12)
    far = (curves - truth).square().mean(-1)
    if len(far) < round:
        return [f"After {len(far)} rounds what is left is within ε of 0"]
    return [
        f"distance to the truth {far[round - 1]:.3f}, after round 1 {far[0]:.3f}",
        f"round {far.argmin() + 1} is nearest",
    ]


def _shared_start(share):
    i = [0, 0.25, 0.5, 0.75].index(share)
    return [f"agreement {10.0 * i:.1f} % before training, {20 * i + 1:.1f} % after"]


def _which_teacher(group, temperature, against):
    table = teachers_table()
    means = table[(table.group == group) & (table["T"] == temperature)].groupby("teacher")[["student", "error"]].mean()
    best, net = means.student.idxmin(), means.error.idxmin()
    return [
        f"At T = {temperature:g} the best students, {means.student[best]:.2f} % errors, have the teacher {best};",
        f"the best net, {net}, makes {means.error[net]:.2f} %, and its students {means.student[net]:.2f} %.",
    ]


def _votes(count, image, shown):
    _, labels, nets, experts = voting()
    p = nets.double().softmax(-1)
    if shown == "nets":
        mean = p[:count].mean(0)
        right = (mean.argmax(-1) == labels).sum()
        said = f"{count} net{'s' * (count > 1)}: {mean[image].argmax()} with {mean[image].max():.3f}."
        return [f"{said} Right on {right} of 40 images."]
    joint = kd.measures.with_specialists(nets[0], *zip(*experts.values(), strict=True)).exp()
    first, best = p[0, image].argmax().item(), joint[image].argmax().item()
    asked = ", ".join(name for name, (_, group) in experts.items() if first in group) or "no specialist"
    right = (joint.argmax(-1) == labels).sum()
    said = f"The generalist says {first} with {p[0, image, first]:.3f}. Asked: {asked}."
    return [f"{said} Together: {best} with {joint[image, best]:.3f}. Right on {right} of 40 images."]


def _inside(sentence, layer, head):
    tokens = lookup_tokens(sentence)
    if not len(tokens):
        return ["Type a sentence"]
    said = [f"{len(tokens)} pieces"]
    for name, net in encoders().items():
        shares = looks(as_carried(name, net), tokens, layer, head)[1].softmax(-1)
        said.append(f"{name}: {shares.argmax()} ({100 * shares.max():.1f}\u00a0%)")
    return said


def lookup_tokens(sentence: str) -> torch.Tensor:
    """Places of whole words in the look-up task's vocabulary, 1 for each character of any other."""
    words = kd.load("lookup").vocabulary
    known = [[words.index(f"{word}·")] if f"{word}·" in words else [1] * len(word) for word in words_of(sentence)]
    return torch.tensor([token for each in known for token in each][:6], dtype=torch.int64)


def _precise(value: float) -> str:
    """As JavaScript's ``toPrecision(3)`` for what stands here."""
    return f"{value:#.3g}" if value >= 1e-6 else f"{value:.2e}"


def _pruned(score, left_in_each):
    right, kls = torch.tensor(shares(score, left_in_each)), torch.tensor(apart(score, left_in_each))
    return [
        f"{left_in_each} of 32 neurons, chosen by {score}: {100 * right.mean():.1f} % right (teacher 98.7 %)",
        f"{kls.mean():.3f} nats on the way, {kls.max():.3f} at most",
    ]


def _rounded(scheme, bits):
    data, (_, nets, whole) = digits()[0], quantised_nets()
    weight, mine = nets[scheme][bits]
    same, right = int((mine == whole).sum()), int((mine == data.test.labels[:40]).sum())
    changed = f"First those whose answer changed, {40 - same} of 40." if same < 40 else "No answer changed."
    agreed = f"answered as in full precision {same} of 40 images, right {right}."
    return [f"{bits} bit{'s' * (bits > 1)}, {scheme}: {agreed}", changed, f"{len(weight.unique())} different numbers"]


def _completed(image, student, share):
    truth, whole = half_drawn()
    one = {name: (255 * each[image]).round() / 255 for name, each in {"truth": truth, **whole}.items()}
    between = (1 - share / 100) * one["teacher"] + share / 100 * one[student]
    pairs = [(one["teacher"], "truth"), (one[student], "truth"), (between, "truth"), (one[student], "teacher")]
    told = [1000 * kd.measures.completion_errors(a[None], one[b][None]).item() for a, b in pairs]
    return [
        f"teacher {told[0]:.1f}, {student} {told[1]:.1f}, between {told[2]:.1f}",
        f"teacher and student are {told[3]:.1f} apart",
    ]


def _depths(way, layers):
    wrong = torch.tensor(deep_nets()[0][way][layers])
    said = f"{layers} layers, {way}: {(wrong < 50).sum()} of 5 networks train"
    medians = (
        f"{wrong.median():.1f} % of the training images are wrong, {wrong.median() + 1.2:.1f} % of the test images"
    )
    return [said, f"in the median {medians}"]


def _peers(way, count):
    each, averaged = ({name: by[count] for name, by in of.items()} for of in crowds())
    if count == 1:
        return [f"1 peer hears nobody: it has {each[way].mean():.1f} % of the test images wrong in the mean."]
    fewer = [int((of[way] < of["not listening"]).sum()) for of in (each, averaged)]
    compared = f" Fewer than not listening: each in {fewer[0]} of 5 seeds, averaged in {fewer[1]} of 5."
    return [
        f"{count} peers, {way}: each has {each[way].mean():.1f} % of the test images wrong in the mean",
        f"averaged {averaged[way].mean():.1f} %.{compared if way != 'not listening' else ''}",
    ]


def _exits(net, sure):
    doubts, called = exit_answers()[net]
    labels, costs = digits()[0].test.labels[:200], torch.tensor([4.0, 11, 15])
    at = torch.full((200,), 2)
    if sure < 1:
        for exit in (1, 0):
            at[doubts[exit].float() <= torch.tensor(1 - sure, dtype=torch.float32)] = exit
    right = (called[at, torch.arange(200)] == labels).double().mean()
    whole = (called[2] == labels).double().mean()
    return [
        f"{(at < 2).double().mean() * 100:.1f} % of the images leave early",
        f"{100 * costs[at].mean() / 15:.1f} % of the operations, {100 * right:.2f} % right",
        f"without leaving {100 * whole:.2f} %",
    ]
