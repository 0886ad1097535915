import pytest
import torch

import kdviz as kd
from kdviz.data import Split, load_described


def test_digits_have_the_promised_shapes_and_one_fixed_split(digits):
    assert digits.train.inputs.shape == (1000, 1, 8, 8) and digits.test.images.shape == (797, 1, 8, 8)
    assert digits.train.inputs.dtype == torch.float32 and digits.train.labels.dtype == torch.int64
    assert digits.train.images.min() == 0 and digits.train.images.max() == 1
    whole = torch.bincount(torch.cat([digits.train.labels, digits.test.labels]))
    assert ((torch.bincount(digits.train.labels) / whole - 1000 / 1797).abs() < 0.01).all()


def test_the_omitted_class_is_in_no_training_tensor(digits):
    without = digits.without(3)
    assert 3 not in without.train.labels and len(without.train) == (digits.train.labels != 3).sum()
    assert torch.equal(without.train.inputs, digits.train.inputs[digits.train.labels != 3])
    assert torch.equal(without.train.index, (digits.train.labels != 3).nonzero().squeeze(1))
    assert (without.test.labels == 3).sum() == (digits.test.labels == 3).sum()
    assert without.description.missing == [3]


def test_only_keeps_what_it_says(digits):
    only = digits.only([7, "8"])
    assert set(only.train.labels.tolist()) == {7, 8}
    assert only.description.missing == [0, 1, 2, 3, 4, 5, 6, 9]


def test_split_holds_out_of_training_and_take_keeps_the_test_set(digits):
    held = digits.split(200, seed=0)
    assert len(held.train) == 800 and len(held.test) == 200
    assert not set(held.train.index.tolist()) & set(held.test.index.tolist())
    assert torch.bincount(held.test.labels).min() >= 18
    few = digits.take(50, seed=1)
    assert len(few.train) == 50 and torch.equal(few.test.labels, digits.test.labels)
    assert torch.equal(few.train.index, digits.take(50, seed=1).train.index)
    assert not torch.equal(few.train.index, digits.take(50, seed=2).train.index)


def test_a_description_finds_the_same_tensors_again(digits):
    narrowed = digits.without(3).take(100, seed=4)
    again = load_described(narrowed.description)
    assert torch.equal(again.train.index, narrowed.train.index)
    assert torch.equal(again.train.inputs, narrowed.train.inputs)


@pytest.mark.parametrize("classes", [10, -1, "three", [3, 11], []])
def test_a_class_that_does_not_exist_is_a_clear_error(digits, classes):
    with pytest.raises(ValueError, match="no class .* in digits: give one or several of"):
        digits.without(classes)


def test_a_part_is_held_out_before_classes_are_left_out(digits):
    assert 3 in digits.split(200, seed=0).without(3).test.labels
    with pytest.raises(ValueError, match="split first"):
        digits.without(3).split(200, seed=0)


def test_an_empty_training_set_and_an_impossible_draw_are_clear_errors(digits):
    with pytest.raises(ValueError, match="leaves no training example"):
        digits.without(3).only(3)
    with pytest.raises(ValueError, match="cannot draw 5 of 1000 examples: ask for 10 to 990"):
        digits.take(5, seed=0)


def test_an_unknown_data_set_names_the_known_ones():
    with pytest.raises(ValueError, match="unknown data set 'cifar': choose one of digits, mnist"):
        kd.load("cifar")


def test_jitter_shifts_each_image_by_its_own_whole_pixels():
    image = torch.zeros(64, 1, 8, 8)
    image[:, :, 4, 4] = 1
    jitter = kd.Jitter(2)
    moved = jitter(image, jitter.draw(64, torch.Generator().manual_seed(0)))
    places = moved.flatten(1).argmax(-1)
    rows, columns = places // 8, places % 8
    assert moved.shape == image.shape and (moved.sum((1, 2, 3)) == 1).all()
    assert set(rows.tolist()) == set(columns.tolist()) == {2, 3, 4, 5, 6}
    assert len(set(zip(rows.tolist(), columns.tolist(), strict=True))) > 10


def test_a_jitter_of_what_is_no_image_is_a_clear_error():
    with pytest.raises(ValueError, match=r"no image to shift in inputs of shape \(5, 7\): augment must be None"):
        kd.Jitter(2)(torch.zeros(5, 7), torch.zeros(5, 2, dtype=torch.int64))


def test_sentences_stay_with_their_examples():
    split = Split(torch.eye(4), torch.arange(4), torch.arange(4), ("a", "b", "c", "d"))
    assert split[torch.tensor([3, 0])].texts == ("d", "a") and split[torch.arange(4) > 1].texts == ("c", "d")
    assert split[torch.tensor([], dtype=torch.int64)].texts == ()
    with pytest.raises(ValueError, match=r"inputs of shape \(4, 4\) are no images: read .inputs or .texts"):
        _ = split.images


def test_images_have_no_sentences(digits):
    assert digits.train.texts is None and digits.take(50, seed=1).train.texts is None


def test_labels_are_shuffled_among_the_training_examples_alone(digits):
    few = digits.take(100, seed=0)
    shuffled = few.shuffle_labels(1)
    assert torch.equal(shuffled.train.inputs, few.train.inputs) and torch.equal(
        shuffled.test.labels, digits.test.labels
    )
    assert torch.equal(torch.bincount(shuffled.train.labels), torch.bincount(few.train.labels))
    assert (shuffled.train.labels == few.train.labels).double().mean() < 0.3
    assert torch.equal(load_described(shuffled.description).train.labels, shuffled.train.labels)
    untouched = torch.ones(1000, dtype=torch.bool)
    untouched[few.rows] = False
    assert torch.equal(shuffled.full_train.labels[untouched], digits.train.labels[untouched])


def test_inputs_are_replaced_in_training_and_not_in_the_test(digits):
    noise = digits.replace_inputs("noise")
    assert noise.train.inputs.shape == digits.train.inputs.shape and 0.49 < noise.train.inputs.mean() < 0.51
    assert torch.equal(noise.test.inputs, digits.test.inputs) and noise.description.unlabelled
    assert torch.equal(load_described(noise.description).train.inputs, noise.train.inputs)
    held = digits.split(200, seed=0)
    assert torch.equal(held.replace_inputs("noise").test.inputs, held.test.inputs)
    with pytest.raises(ValueError, match="split first"):
        noise.split(200, seed=0)
    with pytest.raises(ValueError, match="unknown data set 'static'"):
        digits.replace_inputs("static")


def test_inputs_of_another_shape_are_a_clear_error(digits, monkeypatch):
    wide = digits.full_train.inputs.new_zeros(1000, 1, 9, 9)
    other = type(digits)(
        digits.description,
        type(digits.train)(wide, digits.train.labels, digits.train.index),
        digits.full_test,
        digits.rows,
    )
    monkeypatch.setattr("kdviz.data.datasets.load", lambda name: other)
    with pytest.raises(
        ValueError, match=r"mnist has inputs of shape \(1000, 1, 9, 9\): digits needs \(1000, 1, 8, 8\)"
    ):
        digits.replace_inputs("mnist")


def test_the_rest_is_what_take_leaves(digits):
    taken, rest = digits.take(300, seed=4), digits.rest(300, seed=4)
    assert sorted([*taken.rows.tolist(), *rest.rows.tolist()]) == list(range(1000))
    fresh = rest.take(200, seed=4)
    assert not {*fresh.rows.tolist()} & {*taken.rows.tolist()} and torch.equal(rest.test.labels, digits.test.labels)
    assert torch.equal(load_described(fresh.description).rows, fresh.rows)


def test_a_share_of_labels_is_made_wrong_and_the_test_stays_right(digits):
    noisy = digits.mislabel(0.4, seed=1)
    wrong = noisy.train.labels != digits.train.labels
    assert wrong.sum() == 400 and torch.equal(noisy.test.labels, digits.test.labels)
    further = (noisy.train.labels - digits.train.labels)[wrong] % 10
    assert torch.bincount(further, minlength=10)[1:].min() > 25  # each other class, about 44 times
    assert torch.equal(load_described(noisy.description).train.labels, noisy.train.labels)
    assert not torch.equal(digits.mislabel(0.4, seed=2).train.labels, noisy.train.labels)
    few = digits.take(100, seed=0).mislabel(0.5, seed=0)
    assert (few.train.labels != digits.take(100, seed=0).train.labels).sum() == 50
    held = digits.split(200, seed=0)
    assert torch.equal(held.mislabel(1, seed=0).test.labels, held.test.labels)
    for share in (0, 1.5):
        with pytest.raises(ValueError, match="a share of the labels is above 0 and at most 1"):
            digits.mislabel(share, seed=0)
