"""What cannot be meant is refused in a sentence that says what was given and what to do, wherever it is given."""

import numpy as np
import pandas as pd
import pytest
import torch

import kdviz as kd
from kdviz import arguments, checks

DRAWS = torch.Generator().manual_seed(0)
Z, V = (3 * torch.randn(12, 4, generator=DRAWS) for _ in range(2))
Y, IMAGES = torch.arange(12) % 4, torch.rand(12, 1, 8, 8, generator=DRAWS)
R, NAN = torch.corrcoef(Z.T), float("nan")
DIGITS = kd.load("digits")
TEACHER = kd.Recipe(DIGITS, kd.mlp(12), kd.HardLabels(), epochs=1)
STUDENT = kd.Recipe(DIGITS, kd.mlp(8), kd.SoftTargets(TEACHER, temperature=2), epochs=1)
F, E, B = kd.figures, kd.explorers, kd.bench
CLOUD = pd.DataFrame({"accuracy": [0.5], "agreement": [0.6], "varied": ["a"]})

BAD = {
    # recipes and what they are made of
    "mlp of a list": (lambda: kd.mlp([30, 30]), "hidden must be a whole number, not a list of 2"),
    "mlp of a string": (lambda: kd.mlp("30"), "hidden must be a whole number, not '30'"),
    "dropout in words": (lambda: kd.mlp(30, dropout="half"), "dropout must be a number, not 'half'"),
    "hidden of a cnn": (lambda: kd.cnn(6, hidden=30), "hidden must be a tuple of whole numbers, not 30"),
    "many epochs": (lambda: STUDENT.replace(epochs="many"), "epochs of a recipe must be a number, not 'many'"),
    "half a batch": (lambda: STUDENT.replace(batch_size=2.5), "batch_size of a recipe must be a whole number, not 2.5"),
    "a seed in words": (lambda: STUDENT.replace(seed="0"), "seed of a recipe must be a whole number, not '0'"),
    "frozen in words": (lambda: STUDENT.replace(frozen="yes"), "frozen of a recipe must be bool, not str"),
    "data by name": (lambda: kd.Recipe("digits", kd.mlp(8), kd.HardLabels()), r"write kd.load\('digits'\)"),
    "Contrastive of logits": (lambda: STUDENT.replace(objective=kd.Contrastive(Z)), "a recipe, not a tensor of logits"),
    "layers of no list": (lambda: kd.AttentionTransfer(TEACHER, layers="map 1"), "layers must be a list of names"),
    "tau in words": (lambda: kd.Contrastive(TEACHER, tau="x"), "tau must be a number, not 'x'"),
    "a grid of letters": (lambda: kd.grid(STUDENT, seed="012"), r"write seed=\[...\], not '012'"),
    "a grid of a number": (lambda: kd.grid(STUDENT, temperature=torch.tensor(4.0)), r"write temperature=\[...\], not"),
    "a grid of nothing": (lambda: kd.grid(None, seed=[1]), "a grid is made of a recipe, not of None"),
    # data
    "an unknown data set": (lambda: kd.load(["digits"]), "unknown data set a list of 1"),
    "half an example": (lambda: DIGITS.take(2.5, 0), "n must be a whole number, not 2.5"),
    "a negative seed": (lambda: DIGITS.shuffle_labels(-1), "seed must be a whole number, at least 0, not -1"),
    "no class": (lambda: DIGITS.without(None), r"no class \[None\] in digits"),
    "half a class": (lambda: DIGITS.only(2.5), r"no class \[2.5\] in digits"),
    "other inputs": (lambda: DIGITS.replace_inputs(3), "unknown data set 3"),
    "half a pixel": (lambda: kd.Jitter(1.5), "pixels must be a whole number, not 1.5"),
    "a jitter out of sight": (lambda: kd.Jitter(8)(IMAGES, torch.zeros(12, 2, dtype=torch.int64)),
                              "a jitter of 8 pixels moves 8×8 images out of sight"),
    # training and runs
    "train a string": (lambda: kd.train("x"), "a list of recipes, not 'x'"),
    "train nothing": (lambda: kd.train(None), "a recipe, or a list of recipes, not None"),
    "a store of a number": (lambda: kd.train(TEACHER, store=3), "a store is a kd.Store, a folder or None, not 3"),
    "an unknown device": (lambda: kd.train(TEACHER, store=None, device="gpu"), "no device 'gpu' is here"),
    "a table of numbers": (lambda: kd.Runs([1]).table(), "a table is made of runs, as kd.train returns them, not of 1"),
    # figures
    "bars of too few names": (lambda: F.by_class({"a": Z}, "abc", {"a": "C0"}), "classes must be 4 names, one each"),
    "bars of no group": (lambda: F.by_class({}, "abcd", {}), "groups must be a mapping.* not a dict of 0"),
    "bars of no colour": (lambda: F.by_class({"a": Z}, "abcd", {}), "colours has none for 'a'"),
    "a group without seeds": (lambda: F.by_seed({"a": []}), "'a' of groups must have shape"),
    "settings too few": (lambda: F.by_setting([1, 2], {"a": Z}, {"a": "C0"}), "'a' of groups must have shape .* S = 2"),
    "curves too short": (lambda: F.by_temperature([1, 2], {"a": [1]}), "'a' of curves must have shape .* B = 2"),
    "temperatures below 0": (lambda: F.soft_target(Z[0], "abcd", [1, -1]), "temperatures must be above 0, not -1"),
    "classes as a dict": (lambda: F.soft_target(Z[0], {0: "cat"}, [1]), "a list of names, not a mapping"),
    "logits of several": (lambda: F.two_opinions(Z, V, "abcd"), r"teacher must have shape \(C,\)"),
    "nan for logits": (lambda: F.soft_target(Z[0] * NAN, "abcd", [1]), "some are nan"),
    "captions too few": (lambda: F.gallery(IMAGES, ["x"], [True] * 12), "captions must be 12 names"),
    "an order of others": (lambda: F.heat_map(R, order=[0, 0, 1, 2]), "order must name each of the classes 0..3 once"),
    "a map that is not square": (lambda: F.heat_map(Z), r"matrix must have shape \(C, C\)"),
    "a method named teacher": (lambda: F.ties({"teacher": [0.1]}, 0.3), "a method cannot be named 'teacher'"),
    "a pair of one": (lambda: F.pair_scatter(Z, Y, (1, 1), "abcd"), "a pair is of two classes, not of 1 twice"),
    "a table without a column": (lambda: F.agreement_against_accuracy(CLOUD[["accuracy"]], 0.9), "needs the columns"),
    "percent for a share": (lambda: F.agreement_against_accuracy(CLOUD, 90), "divide percentages by 100"),
    "ax of a figure": (lambda: F.image(IMAGES[0], ax=F.image(IMAGES[0]).figure), "ax must be matplotlib Axes"),
    "a card of wrong labels": (lambda: F.card({"student": [kd.measures.scores(Z, V, Y)]}, [Z], V, Y + 1, "abcd"),
                               "labels must be whole numbers in 0..3"),
    # explorers
    "a cloud of no rows": (lambda: E.agreement_cloud(CLOUD[:0], 0.9, {}, [], None, IMAGES, Y, "abcd"), "a row or more"),
    "ties of no teacher": (lambda: E.correlations({"raw": {"a": [R]}}, None, IMAGES, Y, "abcd"), "the 'teacher' and a"),
    "a pad of 7 pixels": (lambda: E.pad({"a": torch.nn.Linear(49, 4)}, 7, "abcd"), "size is 28 or 8, not 7"),
    "a pad of a temperature in words": (lambda: E.pad({"a": torch.nn.Linear(64, 4)}, 8, "abcd", temperature="4"),
                                        "the pad's T is one of 0.5, .* not '4'"),
    "bounds in words": (lambda: E.bounds("high", 0.8), "a must be a number, not 'high'"),
    "an agreement in percent": (lambda: E.bounds(0.9, 0.8, agreement=60), "agreement is a share in .* not 60"),
    "answers of no class": (lambda: E.omitted_digit(lambda *at: Y + 4, {(0, 1.0): 1}, IMAGES, Y, "abcd", digit=0),
                            r"what predictions gives must be whole numbers in 0..3"),
    "a digit that is not left out": (lambda: E.omitted_digit(lambda *at: Y, {(0, 1.0): 1}, IMAGES, Y, "abcd", digit=1),
                                     r"left out in bias, one of \[0\], not 1"),
    "answers of one net": (lambda: E.agreement_cloud(CLOUD.assign(name="a", recipe="a"), 0.9, {}, [{"epoch": [1]}],
                                                     lambda row: (Y, Y[1:]), IMAGES, Y, "abcd"),
                           r"what predictions gives must have shape \(N,\), N = 12"),
    "answers of others": (lambda: E.correlations({"raw": {"teacher": [R], "a": [R]}}, lambda *at: Y[1:], IMAGES, Y,
                                                 "abcd"), r"what predictions gives must have shape \(N,\), N = 12"),
    "reliability of no net": (lambda: E.reliability({}, Y), "answers must be a mapping"),
    "reliability of others' labels": (lambda: E.reliability({"a": Z}, Y[1:]), r"labels must have shape \(N,\), N = 12"),
    "a scatter of no rows": (lambda: E.scatter(CLOUD[:0]), "a row or more"),
    "a shared start of no share": (lambda: E.shared_start([], [], []), r"shares must have shape \(S,\)"),
    "a bench of no card": (lambda: E.bench({}, print, {}, {}), "cards must be a mapping"),
    "a control of no widget": (lambda: E.Explorer(print, (3, 3), a=3), "controls are ipywidgets with a value: a is 3"),
    # bench
    "a plan of given logits": (lambda: B.plan(STUDENT.replace(teacher=torch.randn(797, 10))),
                               "students have a tensor of 797 logits: compare their logits with .*card_of_logits"),
    "a plan of runs": (lambda: B.plan([3]), "students must be recipes, one a seed, not 3"),
    "an unknown lane": (lambda: B.settings("mnst"), "unknown data set 'mnst': choose one of digits"),
    "a card without controls": (lambda: B.card({"student": [3]}), "runs of a card lack 'labels alone'"),
    "classes of a card as a dict": (lambda: B.card_of_logits([Z], V, Y, {0: "cat", 1: "dog", 2: "cow", 3: "hen"}),
                                    "classes must be a list of names, not a mapping"),
    "no path": (lambda: B.read_logits("a.npz", Z, "b.npz"), "give the path of a file, not an array"),
    # papers and claims
    "an entry of no name": (lambda: kd.papers.facts(None), "no entry None in data/papers.yaml"),
    "a row too short": (lambda: kd.papers.beside(("a", "b")), r"each of \(what, entry, quantity, here\)"),
    "a claim decided by words": (lambda: kd.claims.check("It is so.", "yes", rule="interval", unit="nets"),
                                 "numbers, one a unit"),
    "a claim of no rule": (lambda: kd.claims.check("It is so.", [1.0], rule="always"), "one of the rules interval, "),
    "numbers in words": (lambda: kd.claims.check("It is so.", True, rule="fact", numbers={"a": "x"}),
                         "'a' of numbers must be"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("named", BAD)
def test_a_likely_mistake_is_told_what_to_do(named):
    call, said = BAD[named]
    with pytest.raises(ValueError, match=said):
        call()


def test_a_tensor_is_made_of_whatever_holds_numbers():
    sizes = {}
    rows = [Z.numpy()[::-1], [[1, 2, 3, 4]], [Z[0], Z[1]], Z.half(), Z.clone().requires_grad_()]
    for given in (*rows, pd.DataFrame(Z.numpy()), Z.numpy().astype(">f8"), np.float64([[0.1] * 4])):
        found = arguments.tensor("z", given, "n C", {})
        assert found.shape[1] == 4 and not found.requires_grad
    assert arguments.tensor("z", [0.1, 5.1], "n").tolist() == [0.1, 5.1]  # double, as they are written
    arguments.tensor("z", Z, "N C", sizes)
    with pytest.raises(ValueError, match=r"y must have shape \(N,\), N = 12, none of them 0, not \(11,\)"):
        arguments.indices("y", Y[1:], "N", sizes, 4)
    for kind in (torch.uint8, torch.uint16, torch.int16, torch.float16):
        assert torch.equal(arguments.indices("y", Y.to(kind).numpy(), "N", sizes, 4), Y)
        with pytest.raises(ValueError, match=r"y must be whole numbers in 0..3, not in 3..6"):
            arguments.indices("y", (Y + 3).to(kind), "N", sizes, 4)
    assert arguments.logits("z", [[0.0, -torch.inf]], "N C").isinf().any()


def test_an_axis_may_be_numbers_in_an_array():
    for temperatures in (torch.linspace(1, 4, 3), np.linspace(1, 4, 3)):
        recipes = kd.grid(STUDENT, temperature=temperatures, seed=np.arange(2))
        assert [r.key for r in recipes] == [r.key for r in kd.grid(STUDENT, temperature=[1, 2.5, 4], seed=range(2))]


def test_a_store_may_be_a_folder_and_a_device_a_device(tmp_path):
    run = kd.train(TEACHER, store=str(tmp_path / "runs"), device=torch.device("cpu"))
    assert (tmp_path / "runs" / f"{run.key}.safetensors").exists()
    assert kd.train(TEACHER, store=tmp_path / "runs").facts == run.facts


@pytest.mark.parametrize("said", ["no", "false", "2"])
def test_an_unknown_word_in_the_environment_is_refused(monkeypatch, store, said):
    monkeypatch.setenv("KDVIZ_TRAIN", said)
    with pytest.raises(ValueError, match=f"KDVIZ_TRAIN is 0 .* or unset, not '{said}'"):
        kd.train(TEACHER, store=store)
    assert not list(store.folder.glob("*.safetensors"))


def test_data_that_are_not_found_are_looked_for_by_name(monkeypatch, tmp_path):
    monkeypatch.setenv("KDVIZ_DATA", str(tmp_path / "MNIST"))
    with pytest.raises(FileNotFoundError) as error:
        kd.load("mnist")
    said = f"the folder that holds MNIST/, not to {tmp_path / 'MNIST'}, which has no MNIST/raw/train-images-idx3-ubyte"
    assert said in str(error.value)


RETURNED = {"'0.5'": "0.5", "a list of 2": [0.5, "x"], "a tuple of 2": (0.5, "x"), "a dict of 1": {"T": 1}}
ASKED = {"agreement": "a number", "soft_targets": "a tensor of shape (6, 10)", "agreement_bounds": "a tuple of 2"}


@pytest.mark.parametrize("check", ASKED)
@pytest.mark.parametrize("returned", [*RETURNED, "a Run"])
def test_a_classrooms_function_is_told_what_to_return(check, returned):
    given = kd.Run(TEACHER, {}, {}) if returned == "a Run" else RETURNED[returned]
    with pytest.raises(checks.Mistake) as mistake:
        getattr(checks, check)(lambda *arguments: given)
    assert f" must be {ASKED[check]}" in str(mistake.value)
    assert f"and your function returns {returned}." in str(mistake.value)


@pytest.mark.parametrize("given", ["x", [1], {"a": 1}, kd.Run(TEACHER, {}, {})])
def test_a_function_that_returns_no_recipe_is_told_so(given):
    with pytest.raises(checks.Mistake, match="`return` a kd.Recipe, which is not trained yet"):
        checks.blind_student(lambda digit, seed: given, TEACHER)


def test_a_function_of_other_arguments_is_told_so():
    for check, function in ((checks.agreement, lambda logits: 0.5), (checks.own_digit, lambda digit: 4)):
        with pytest.raises(checks.Mistake, match="is called with . arguments, and takes others"):
            check(function)


def test_biases_of_no_run_are_not_right():
    with pytest.raises(ValueError, match="runs must be a list of runs, at least one"):
        checks.fitted_bias(lambda run: 0.0, [])
