"""The reference runs: what the MNIST lane reads."""

import pytest

from kdviz.runs import WEIGHTS, store

FILES = sorted(store.SHIPPED.glob("*.safetensors"))


def test_they_are_light_and_hold_no_images():
    assert FILES and sum(path.stat().st_size for path in FILES) < 24_000_000
    allowed = {"test_logits", "errors/row", "errors/predicted", "doubt", "calibration_error", "train_logits"}
    allowed |= {"correlation/raw", "correlation/centred", "class_means"}
    allowed |= {"rivals/margin", "rivals/pair", "error_count", "soft_scores", "label_free_bias", "shifted_right"}
    allowed |= {"answer_scores", "shifted_error_count", "exit_counts", "exit_answers", "groups", "class_error_counts"}
    allowed |= {"insides", "training_error_count", "attention_maps", "hidden_weights"}
    for path in FILES:
        names = [name for name in store.StoredArrays(path) if not name.startswith(WEIGHTS)]
        assert set(names) <= allowed


def test_every_file_is_named_by_its_recipes_key():
    import hashlib
    import json

    for path in FILES:
        said = json.dumps(store.read_header(path)["recipe"], sort_keys=True)
        assert hashlib.sha256(said.encode()).hexdigest()[:16] == path.stem


def test_the_recipes_of_the_notebooks_find_their_runs(monkeypatch):
    """Keys are stable: today's code still finds yesterday's runs."""
    from kdviz.data.sources import on_disk
    from kdviz.publish import notebooks, reference

    if not all(map(on_disk, ("mnist", "fashion_mnist", "banking77"))):
        pytest.skip("MNIST, Fashion-MNIST or BANKING77 is not on disk")
    monkeypatch.setenv("KDVIZ_DATASET", "mnist")
    of_notebooks = [reference.recipes_of(path) for path in notebooks.FOLDER.glob("*.ipynb")]
    assert {recipe.key for recipes in of_notebooks for recipe in recipes} == {path.stem for path in FILES}
