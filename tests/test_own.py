import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

import kdviz as kd
from kdviz.data import Description, as_numbers, classes_of, load_described, names
from kdviz.data.datasets import MADE
from kdviz.recipes import restored
from kdviz.recipes.descriptions import describe


def colours(n, seed=0, size=6):
    return torch.randint(0, 256, (n, 3, size, size), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)


def own(**changes):
    given = {
        "train": (colours(12), torch.arange(12) % 3),
        "test": (colours(6, 1), torch.arange(6) % 3),
        "classes": ["cat", "dog", "eel"],
    }
    return kd.data_of(**given | changes)


def test_data_of_ones_own_are_bytes_with_names_and_a_digest():
    data = own(unlabelled=colours(20, 2))
    assert data.train.inputs.dtype == torch.uint8 and torch.equal(data.train.inputs, colours(12))
    assert data.classes == ("cat", "dog", "eel") and data.name.startswith("own:") and len(data.name) == 16
    assert data.without("dog").description.missing == [1] and len(data.without("dog").train) == 8
    assert torch.equal(data.unlabelled().train.inputs, colours(20, 2))
    images = data.test.images
    assert images.dtype == torch.float32 and torch.equal(images, colours(6, 1).float() / 255)


def test_the_same_data_have_one_name_and_others_another():
    name = own().name
    assert own(train=(colours(12).numpy(), np.arange(12, dtype=np.int32) % 3)).name == name
    assert own(classes=("cat", "dog", "eel")).name == name == "own:a4a40f2926f7"
    others = [
        own(classes=["dog", "cat", "eel"]), own(train=(colours(12, 5), torch.arange(12) % 3)),
        own(test=(colours(6, 1), torch.tensor([0, 1, 2, 0, 1, 1]))), own(unlabelled=colours(1)),
        own(train=(colours(12).flatten(1), torch.arange(12) % 3), test=(colours(6, 1).flatten(1), torch.arange(6) % 3)),
    ]  # fmt: skip
    assert len({name, *(other.name for other in others)}) == 6


def test_they_are_found_again_by_name_and_by_description():
    data = own()
    assert kd.load(data.name) is data is own()
    few = data.without(2).take(4, seed=1)
    assert torch.equal(load_described(few.description).train.inputs, few.train.inputs)


def test_what_was_given_may_change_afterwards():
    x, y = colours(12), np.arange(12) % 3
    data = own(train=(x, y))
    before = data.train.inputs.clone(), data.train.labels.clone()
    x.zero_()
    y[:] = 0
    assert torch.equal(data.train.inputs, before[0]) and torch.equal(data.train.labels, before[1])


def test_a_recipe_of_them_is_restored_from_a_store(store):
    recipe = kd.Recipe(own(), kd.mlp(5), kd.HardLabels())
    assert restored(describe(recipe)) == recipe


def test_another_process_gets_an_error_that_names_them(monkeypatch):
    recipe = kd.Recipe(own().without(0), kd.mlp(5), kd.HardLabels())
    script = (
        "import pickle, sys; from kdviz.data import load_described; recipe = pickle.load(sys.stdin.buffer); "
        "print(recipe.key, recipe)\nload_described(recipe.data)"
    )
    done = subprocess.run([sys.executable, "-c", script], input=pickle.dumps(recipe), capture_output=True)
    said = done.stderr.decode().splitlines()[-1]
    assert said.startswith(f"LookupError: {recipe.data.name} is data of one's own, which this process has not made")
    assert "kd.data_of or kd.image_folder" in said
    assert done.stdout.decode().split()[0] == recipe.key
    with pytest.raises(LookupError, match="own:000000000000 is data of one's own, which this process has not made"):
        _ = Description("own:000000000000", (("without", 0),)).missing


def test_floats_of_other_kinds_than_images_keep_their_range_and_tokens_are_integers():
    x = torch.randn(12, 1, 40).double()
    data = own(train=(x, torch.arange(12) % 3), test=(x[:6], torch.arange(6) % 3))
    assert data.train.inputs.dtype == torch.float32 and torch.equal(data.train.inputs, x.float())
    tokens = torch.randint(0, 50, (12, 7), dtype=torch.int32)
    data = own(train=(tokens, torch.arange(12) % 3), test=(tokens[:6], torch.arange(6) % 3), classes=None)
    assert data.train.inputs.dtype == torch.int64 and data.classes == ("0", "1", "2")
    with pytest.raises(ValueError, match="are not of a kind: tokens cannot stand for numbers"):
        data.replace_inputs("noise")
    with pytest.raises(ValueError, match="the inputs of own:.* are no tokens: there is nothing to decode"):
        own().decode([1, 2])


def test_numbers_are_made_of_bytes_and_floats_and_not_of_tokens():
    every = torch.arange(256, dtype=torch.uint8)
    for dtype in (torch.float32, torch.float64):
        assert torch.equal(as_numbers(every, dtype), torch.arange(256, dtype=dtype) / 255)
    assert every[7] == 7
    assert as_numbers(every, torch.bfloat16).dtype == torch.bfloat16
    assert as_numbers(torch.rand(3), torch.float64).dtype == torch.float64
    tokens = torch.arange(3)
    assert as_numbers(tokens, torch.float32) is tokens


X, Y = colours(12), torch.arange(12) % 3
IMAGES = X.float() / 255


def holding(value, place=(4, 0, 0, 0)):
    changed = IMAGES.clone()
    changed[place] = value
    return changed


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"train": X}, r"train is a pair \(inputs, labels\), not Tensor"),
        ({"train": (X.tolist(), Y)}, "the inputs of train are a tensor or an array, not list"),
        ({"train": (np.array(["a"] * 12)[:, None], Y)}, "the inputs of train are an array of numbers, not of <U1"),
        ({"train": (X[:0], Y[:0])}, r"the inputs of train have shape \(0, 3, 6, 6\): a row an example"),
        ({"train": (X[:, 0, 0, 0], Y)}, r"the inputs of train have shape \(12,\)"),
        ({"train": (X > 9, Y)}, "the inputs of train are torch.bool: give bytes, floats or integer tokens"),
        ({"train": (X.movedim(1, 3), Y)}, r"shape \(12, 6, 6, 3\): channels come first, permute\(0, 3, 1, 2\)"),
        ({"train": (X[:, 0], Y)}, r"shape \(12, 6, 6\): grey ones have one channel, unsqueeze\(1\)"),
        ({"train": (holding(float("nan")), Y)}, "the inputs of train are not all finite: NaN or inf in example 4"),
        ({"train": (holding(float("-inf")), Y)}, "the inputs of train are not all finite: NaN or inf in example 4"),
        ({"train": (X.float(), Y)}, r"the images of train reach from 0 to 255: floats are in \[0, 1\]; give bytes"),
        ({"train": (holding(-0.5), Y)}, "the images of train reach from -0.5 to 1: floats"),
        ({"train": (X.int(), Y)}, r"integer inputs of train are tokens, shape \(N, L\), not .*: give images as uint8"),
        ({"train": (torch.arange(24).view(12, 2) - 3, Y)}, "the tokens of train count from 0: example 0 has -3"),
        ({"train": (X, Y.float())}, "the labels of train are torch.float32: give the classes' indices, integers"),
        ({"train": (X, Y[:9])}, r"train has 12 inputs and labels of shape \(9,\): give \(12,\)"),
        ({"train": (X, torch.eye(12)[:, :3].long())}, r"train has 12 inputs and labels of shape \(12, 3\)"),
        ({"test": (X, Y + 1)}, "example 2 of test has label 3: 3 classes count from 0 to 2"),
        ({"train": (X, Y - 1)}, "example 0 of train has label -1: 3 classes count from 0 to 2"),
        ({"train": (X, Y * 0 + 1)}, "no training example is of cat, eel: leave out classes that none has"),
        ({"classes": ["cat", "dog", "eel", "fox"]}, "no training example is of fox"),
        ({"classes": "cde"}, "classes are the names of several, not one text: 'cde'"),
        ({"classes": ["cat", "dog", "cat"]}, "classes are two or more names that differ"),
        ({"train": (X[:3], Y[:3] * 0), "test": (X[:3], Y[:3] * 0), "classes": None}, "classes are two or more names"),
        ({"test": (colours(6, 1, 7), Y[:6])}, r"has shape \(3, 6, 6\), torch.uint8, one of test \(3, 7, 7\)"),
        ({"unlabelled": IMAGES}, r"torch.uint8, one of unlabelled \(3, 6, 6\), torch.float32: they must be alike"),
        ({"unlabelled": holding(2.0)}, "the images of unlabelled reach from 0 to 2"),
    ],
)
def test_data_that_cannot_be_trained_on_are_clear_errors(changes, said):
    before = {*MADE}, {*names.OWN}
    with pytest.raises(ValueError, match=said):
        own(**changes)
    assert ({*MADE}, {*names.OWN}) == before


@pytest.fixture
def folder(tmp_path):
    """Images of three classes and sizes, some of them grey, transparent or with a palette."""
    modes = ["RGB", "L", "P", "RGBA"]
    for part, n in (("train", 4), ("test", 2)):
        for c, label in enumerate(("cat", "dog", "eel")):
            (tmp_path / part / label).mkdir(parents=True)
            for i in range(n):
                pixels = np.full((20 + 4 * c, 30, 3), 80 * c, np.uint8)
                pixels[:, 10:20] = 10 * i
                Image.fromarray(pixels).convert(modes[i]).save(tmp_path / part / label / f"{i}.png")
    return tmp_path


def test_a_folder_of_images_is_read_in_colour_and_resized(folder):
    data = kd.image_folder(folder, size=8)
    assert data.classes == ("cat", "dog", "eel") and data.full_unlabelled is None
    assert data.train.inputs.shape == (12, 3, 8, 8) and data.train.inputs.dtype == torch.uint8
    assert data.test.inputs.shape == (6, 3, 8, 8) and data.train.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert kd.image_folder(folder).train.inputs.shape == (12, 3, 32, 32)
    eel = data.train.inputs[9].float()  # its middle is 10, to its left and right is 160
    assert eel[:, :, 3:5].mean() < 40 < 120 < eel[:, :, [0, -1]].mean()


def test_images_without_labels_lie_beside(folder):
    for n, place in enumerate(("unlabelled", "unlabelled/deeper")):
        (folder / place).mkdir()
        Image.new("RGB", (40, 20), (10 * n, 0, 0)).save(folder / place / "image.jpg")
    data = kd.image_folder(folder, size=8)
    assert data.full_unlabelled.inputs.shape == (2, 3, 8, 8)


def test_a_folder_that_cannot_be_read_is_a_clear_error(folder):
    with pytest.raises(
        FileNotFoundError, match=r"no folder train in .*: images lie in train/<class>/ and test/<class>/"
    ):
        kd.image_folder(folder / "train")
    (folder / "unlabelled").mkdir()
    with pytest.raises(FileNotFoundError, match="no image in unlabelled: leave the folder out, or fill it"):
        kd.image_folder(folder)
    (folder / "unlabelled").rmdir()
    (folder / "train" / "eel" / "9.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match="eel/9.png is no image that can be read"):
        kd.image_folder(folder)
    (folder / "train" / "eel" / "9.png").unlink()
    (folder / "test" / "eel").rename(folder / "test" / "fox")
    with pytest.raises(
        ValueError, match=r"train and test have other classes: \['eel', 'fox'\] is in one of them alone"
    ):
        kd.image_folder(folder)
    (folder / "train" / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="empty"):
        kd.image_folder(folder)


def test_every_name_has_its_classes():
    assert {len(classes_of(name)) for name in names.CLASSES} == {4, 6, 10, 26 + 21, 77, 100}
    for called in names.CLASSES.values():
        assert len({*called}) == len(called)
    with pytest.raises(ValueError, match="unknown data set 'nist': choose one of digits, mnist"):
        classes_of("nist")
