import csv
import hashlib
import json
import re

import pytest
import torch
from serving import load_on_disk, served

import kdviz as kd
from kdviz.data import intents, sources

TRAIN = [
    ("Where is my card?", "card_arrival"),
    ("My card, my card, where is it", "card_arrival"),
    ('\n"Change" the PIN\n\n', "change_pin"),
    ("the PIN, twice: zebra zebra", "change_pin"),
]
TEST = [("zebra zebra: where is Change", "country_support")]


@pytest.fixture
def small_banking(tmp_path, monkeypatch):
    """A folder with BANKING77's three files of five sentences in all, and :func:`vouch` for their content."""
    place = tmp_path / "text" / "BANKING77"
    place.mkdir(parents=True)
    for part, rows in (("train", TRAIN), ("test", TEST)):
        with open(place / f"{part}.csv", "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("text", "category"), *rows])
    (place / "categories.json").write_text(json.dumps(intents.INTENTS))
    monkeypatch.setenv("KDVIZ_DATA", str(tmp_path))
    vouch(place, monkeypatch)
    return place


def vouch(place, monkeypatch):
    """Make the checksums those of the files in ``place``."""
    where, address, files = sources.FILES["banking77"]
    sums = {file: "sha256:" + hashlib.sha256((place / file).read_bytes()).hexdigest() for file in files}
    monkeypatch.setitem(sources.FILES, "banking77", (where, address, sums))


@pytest.fixture
def served_banking(small_banking, tmp_path, monkeypatch):
    with served("banking77", small_banking, sources.FILES["banking77"][2], monkeypatch, tmp_path / "target") as sums:
        yield sums


def test_a_bag_holds_the_words_that_two_training_sentences_have(small_banking):
    banking = kd.load("banking77")
    words = ["card", "is", "my", "pin", "the", "where"]  # zebra: twice in one sentence; change: once in training
    assert banking.train.texts == tuple(text for text, _ in TRAIN)
    wanted = [["card", "is", "my", "where"], ["card", "is", "my", "where"], ["pin", "the"], ["pin", "the"]]
    assert banking.train.inputs.tolist() == [[float(word in bag) for word in words] for bag in wanted]
    assert banking.test.inputs.tolist() == [[0, 1, 0, 0, 0, 1]] and banking.test.texts == (TEST[0][0],)
    assert [banking.classes[i] for i in banking.train.labels] == ["card arrival"] * 2 + ["change pin"] * 2
    assert banking.test.labels.tolist() == [76]


def test_a_truncated_or_altered_sentence_file_is_a_clear_error(small_banking):
    path = small_banking / "train.csv"
    whole = path.read_bytes()
    for content in (whole[: whole.index(b"the PIN, twice")], whole.replace(b"zebra", b"horse"), b""):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="^train.csv of banking77 is truncated or altered: .* run `make data`"):
            kd.load("banking77")


def test_other_intents_than_the_written_ones_are_a_clear_error(small_banking, monkeypatch):
    (small_banking / "categories.json").write_text(json.dumps(intents.INTENTS[::-1]))
    vouch(small_banking, monkeypatch)
    with pytest.raises(ValueError, match="categories.json of banking77 lists other intents than"):
        kd.load("banking77")


def test_sentences_are_downloaded_when_asked(served_banking):
    assert len(kd.load("banking77", download=True).train) == 4 and sources.on_disk("banking77")


def test_sentences_of_another_content_are_refused(served_banking):
    served_banking["test.csv"] = "sha256:" + "0" * 64
    with pytest.raises(OSError, match=r"could not download test.csv of banking77 \(.*put it into .*BANKING77$"):
        kd.load("banking77", download=True)
    assert not sources.on_disk("banking77")


def test_banking77_is_what_its_authors_say():
    banking = load_on_disk("banking77")
    path = sources.folder() / "text" / "BANKING77" / "categories.json"
    assert tuple(json.loads(path.read_text())) == intents.INTENTS and len(set(banking.classes)) == 77
    assert not any("_" in name for name in banking.classes) and banking.classes[0] == "card arrival"
    for part, n in ((banking.train, 10_003), (banking.test, 3_080)):
        assert len(part) == len(part.texts) == len(part.inputs) == n and part.inputs.dtype == torch.float32
        assert part.inputs.unique().tolist() == [0, 1] and part.labels.unique().tolist() == list(range(77))
    assert (torch.bincount(banking.test.labels) == 40).all()


def test_banking77s_bags_count_the_words_of_their_sentences():
    banking = load_on_disk("banking77")
    train, test = ([set(re.findall(r"\b\w\w+\b", t.lower())) for t in p.texts] for p in (banking.train, banking.test))
    often = {word for word in set().union(*train) if sum(word in sentence for sentence in train) > 1}
    assert banking.train.inputs.shape[1] == banking.test.inputs.shape[1] == len(often)
    for part, sentences in ((banking.train, train), (banking.test, test)):
        assert part.inputs.sum(1).tolist() == [len(sentence & often) for sentence in sentences]


def test_sentences_follow_their_examples_and_are_no_images():
    banking = load_on_disk("banking77")
    few = banking.without("card arrival").take(200, seed=0)
    assert few.train.texts == tuple(banking.full_train.texts[i] for i in few.train.index)
    assert few.shuffle_labels(0).train.texts == few.train.texts and few.description.missing == [0]
    noise = banking.replace_inputs("noise")
    assert noise.train.inputs.shape == banking.train.inputs.shape and noise.train.texts is None
    assert noise.test.texts == banking.test.texts
    with pytest.raises(ValueError, match="inputs of shape .* are no images"):
        _ = banking.test.images
    with pytest.raises(ValueError, match=r"digits has inputs of shape \(1000, 1, 8, 8\): banking77 needs \(10003, "):
        banking.replace_inputs("digits")
