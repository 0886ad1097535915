import json

import numpy as np
import pytest
import torch

import kdviz as kd
from kdviz.objectives.labels import cross_entropy_terms
from kdviz.recipes import restored
from kdviz.recipes.descriptions import describe


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def numbered(n=64, channels=3, height=6, width=5):
    """Images of which each pixel of each has a number of its own, from 1."""
    return 1 + torch.arange(n * channels * height * width, dtype=torch.float32).view(n, channels, height, width)


SEVERAL = [kd.Jitter(2), kd.Crop(2), kd.Crop(2, reflect=True), kd.Flip(), kd.Erase(), kd.MixUp(0.4)]


def test_a_jitters_draws_are_what_they_were():
    assert kd.Jitter(2).draw(6, generator()).tolist() == JITTERED


JITTERED = [[4, 2], [4, 3], [3, 2], [0, 3], [3, 1], [4, 1]]


@pytest.mark.parametrize("augment", SEVERAL, ids=str)
def test_each_example_has_a_row_of_draws_that_its_seed_repeats(augment):
    drawn = augment.draw(64, generator())
    assert len(drawn) == 64 and drawn.ndim == 2 and len(drawn.unique(dim=0)) > 1
    assert torch.equal(drawn, augment.draw(64, generator())) and not torch.equal(drawn, augment.draw(64, generator(1)))
    images = numbered()
    changed = augment(images, drawn)
    assert changed.shape == images.shape and changed.dtype == images.dtype and not torch.equal(changed, images)


@pytest.mark.parametrize("augment", SEVERAL[:-1], ids=str)
def test_an_example_is_changed_by_its_own_row_alone(augment):
    images, drawn = numbered(), augment.draw(64, generator())
    changed = augment(images, drawn)
    for i in range(0, 64, 7):
        assert torch.equal(augment(images[i : i + 1], drawn[i : i + 1])[0], changed[i])


@pytest.mark.parametrize("augment", SEVERAL, ids=str)
def test_no_change_waits_for_the_device(augment):
    images, drawn = numbered().to("meta"), augment.draw(64, generator()).to("meta")  # where no number can be read
    assert augment(images, drawn).shape == images.shape
    if isinstance(augment, kd.MixUp):
        assert augment.labels(torch.empty(64, 5, device="meta"), drawn).shape == (64, 5)


@pytest.mark.parametrize("augment", SEVERAL[:-1], ids=str)
def test_bytes_stay_bytes(augment):
    images, drawn = (numbered() % 255).byte(), augment.draw(64, generator())
    assert augment(images, drawn).dtype == torch.uint8
    assert torch.equal(augment(images, drawn).float(), augment(images.float(), drawn))


@pytest.mark.parametrize("augment", SEVERAL[:-1], ids=str)
def test_what_is_no_image_is_a_clear_error(augment):
    with pytest.raises(ValueError, match=r"no image to .* in inputs of shape \(5, 7\): augment must be None"):
        augment(torch.zeros(5, 7), augment.draw(5, generator()))


@pytest.mark.parametrize("reflect", [False, True])
def test_a_crop_is_cut_from_the_padded_image(reflect):
    images, crop = numbered(), kd.Crop(3, reflect=reflect)
    drawn = crop.draw(64, generator())
    padded = torch.nn.functional.pad(images, [3] * 4, mode="reflect" if reflect else "constant")
    for image, whole, (down, right) in zip(crop(images, drawn), padded, drawn.tolist(), strict=True):
        assert torch.equal(image, whole[:, down : down + 6, right : right + 5])
    assert {*drawn.flatten().tolist()} == {*range(7)}


def test_a_reflection_needs_as_many_pixels():
    with pytest.raises(ValueError, match="images of 6 × 5 pixels have no 5 to mirror: pad by fewer"):
        kd.Crop(5, reflect=True)(numbered(), torch.zeros(64, 2, dtype=torch.int64))


def test_a_flip_mirrors_about_half_of_the_images():
    images = numbered(1000)
    drawn = kd.Flip().draw(1000, generator())
    mirrored = drawn[:, 0] == 1
    flipped = kd.Flip()(images, drawn)
    assert 430 < mirrored.sum() < 570
    assert torch.equal(flipped[mirrored], images[mirrored].flip(-1))
    assert torch.equal(flipped[~mirrored], images[~mirrored])


def test_an_erased_rectangle_is_one_rectangle_of_the_promised_size():
    images, erase = torch.ones(2000, 2, 32, 32), kd.Erase(chance=0.5, largest=0.4)
    gone = erase(images, erase.draw(2000, generator())) == 0
    assert torch.equal(gone[:, 0], gone[:, 1])
    share = gone[:, 0].float().mean((1, 2))
    assert 0.45 < (share > 0).float().mean() < 0.55
    assert share[share > 0].min() > 0.013 and 0.36 < share.max() < 0.44  # sides are whole pixels
    for lost in gone[:, 0][share > 0][:100]:
        rows, columns = lost.any(1), lost.any(0)
        assert torch.equal(lost, rows[:, None] & columns[None])
        for side in (rows, columns):
            assert (side.int().diff() != 0).sum() <= 2  # in one piece
    ratio = (gone[:, 0].any(2).sum(1) / gone[:, 0].any(1).sum(1))[share > 0.05]
    assert 0.25 < ratio.min() < 0.45 and 2.2 < ratio.max() < 4
    corners = gone[:, 0].any(0)
    assert corners.all()  # every place can be lost


def test_mixed_examples_and_labels_lie_between_two_in_the_same_share():
    mixup = kd.MixUp(0.4)
    drawn = mixup.draw(64, generator())
    partner = (drawn[:, 0] + torch.arange(64)).long()
    assert sorted(partner.tolist()) == [*range(64)] and ((drawn[:, 1] >= 0) & (drawn[:, 1] <= 1)).all()
    onehot = torch.eye(64)
    mixed = mixup.labels(onehot, drawn)
    assert torch.allclose(mixed, drawn[:, 1:] * onehot + (1 - drawn[:, 1:]) * onehot[partner])
    images = numbered().double()
    assert torch.allclose(mixup(images, drawn), torch.einsum("np,p...->n...", mixed.double(), images))


def test_the_share_of_a_mixture_follows_its_beta_distribution():
    from scipy import stats

    share = kd.MixUp(0.4).draw(4000, generator())[:, 1].double().numpy()
    assert stats.kstest(share, stats.beta(0.4, 0.4).cdf).pvalue > 0.01
    first = kd.MixUp(1).draw(3, generator())[:, 1].numpy()
    assert np.allclose(first, MIXED, atol=1e-6)  # whatever the version of NumPy


MIXED = [0.795862, 0.121404, 0.006139]


def test_batches_that_stand_one_after_another_mix_within_themselves():
    mixup, images = kd.MixUp(1.0), numbered(12)
    drawn = [mixup.draw(6, generator(seed)) for seed in (0, 1)]
    together = mixup(images, torch.cat(drawn))
    assert torch.equal(together, torch.cat([mixup(images[:6], drawn[0]), mixup(images[6:], drawn[1])]))


def test_what_cannot_be_mixed_is_a_clear_error():
    for inputs in (torch.zeros(4, 9, dtype=torch.int64), torch.zeros(4, 1, 2, 2, dtype=torch.uint8)):
        with pytest.raises(ValueError, match="cannot be mixed: bytes are made numbers first, tokens have no mixture"):
            kd.MixUp(1)(inputs, kd.MixUp(1).draw(4, generator()))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: kd.Crop(0), "a crop pads by at least one pixel, not 0"),
        (lambda: kd.Erase(chance=0), r"chance is in \(0, 1\] and largest in \(0.02, 1\), not 0.0 and 0.4"),
        (lambda: kd.Erase(largest=1), "not 0.5 and 1.0"),
        (lambda: kd.MixUp(0), "alpha is above 0 and finite, not 0.0"),
        (lambda: kd.MixUp(float("nan")), "not nan"),
    ],
)
def test_impossible_changes_are_clear_errors(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def test_probabilities_as_labels_are_what_indices_are():
    logits, labels = torch.randn(2, 7, 5, generator=generator()).double(), torch.arange(14).view(2, 7) % 5
    onehot = torch.nn.functional.one_hot(labels, 5).double()
    assert torch.allclose(cross_entropy_terms(logits, onehot), cross_entropy_terms(logits, labels))
    mixed = 0.3 * onehot + 0.7 * onehot.roll(1, 1)
    wanted = torch.nn.functional.cross_entropy(logits.flatten(0, 1), mixed.flatten(0, 1), reduction="none")
    assert torch.allclose(cross_entropy_terms(logits, mixed).flatten(), wanted)
    smoothing = torch.tensor([0.0, 0.2]).double()
    losses = kd.HardLabels.losses({"logits": logits}, mixed, None, {}, smoothing)
    for own, z, target, a in zip(losses, logits, mixed, (0.0, 0.2), strict=True):
        assert torch.allclose(own, torch.nn.functional.cross_entropy(z, target, label_smoothing=a))


def test_several_changes_are_a_tuple_in_a_recipe_and_one_is_itself(digits):
    recipe = kd.Recipe(digits, kd.mlp(5), kd.HardLabels(), augment=[kd.Crop(1), kd.Flip(), kd.Erase(), kd.MixUp(0.2)])
    assert recipe.augment == (kd.Crop(1), kd.Flip(), kd.Erase(), kd.MixUp(0.2))
    assert restored(json.loads(json.dumps(describe(recipe)))) == recipe
    assert recipe.replace(augment=(kd.Jitter(1),)).key == recipe.replace(augment=kd.Jitter(1)).key
    assert recipe.replace(augment=()).key == recipe.replace(augment=None).key
    keys = {recipe.replace(augment=each).key for each in (*SEVERAL, (kd.Flip(), kd.Crop(1)), (kd.Crop(1), kd.Flip()))}
    assert len(keys) == len(SEVERAL) + 2


@pytest.mark.parametrize("augment", ["flip", (kd.Flip(), "crop"), [None, kd.Flip()]])
def test_what_changes_nothing_is_a_clear_error(digits, augment):
    with pytest.raises(ValueError, match="augment is a Jitter, Crop, Flip, Erase or MixUp, or a tuple of them, not"):
        kd.Recipe(digits, kd.mlp(5), kd.HardLabels(), augment=augment)


def test_contrast_and_mixture_do_not_go_together(teacher, digits):
    objective = kd.Contrastive(teacher)
    with pytest.raises(ValueError, match="Contrastive asks which examples are of one class"):
        kd.Recipe(digits, kd.mlp(5), objective, augment=(kd.Jitter(1), kd.MixUp(1)))
