import pytest
import torch
from serving import load_on_disk
from test_banking77 import TEST, TRAIN, small_banking  # noqa: F401

import kdviz as kd
from kdviz.data.wordpieces import END, as_pieces, as_text, learnt_pieces, words_of


def test_the_most_frequent_neighbours_are_joined_first_and_ties_by_their_characters():
    vocabulary = learnt_pieces(["low low low", "lower lower", "news"], 99)
    characters = sorted({*"lowern", "s" + END, "w" + END, "r" + END, "s"})
    assert vocabulary[:2] == ("", "�") and [*vocabulary[2 : 2 + len(characters)]] == characters
    # l-o stands in 5 words, o-w· in 3, then o-w, w-e and e-r· in 2 (and w-s· in 1)
    assert vocabulary[2 + len(characters) :][:3] == ("lo", "low" + END, "er" + END)


def test_tokens_stand_for_their_sentences_whatever_the_words():
    sentences = ["Where is my card?", "my card, my card: lost", "is a card lost?"]
    vocabulary = learnt_pieces(sentences, 60)
    tokens = as_pieces(sentences, vocabulary, 32)
    assert tokens.shape == (3, 32) and tokens.dtype == "int64" and (tokens < len(vocabulary)).all()
    for sentence, row in zip(sentences, tokens, strict=True):
        said = (row > 0).sum()
        assert (row[:said] > 0).all() and not row[said:].any() and 1 not in row
        assert as_text(row, vocabulary) == " ".join(words_of(sentence))
    strange = as_pieces(["my żcard 1"], vocabulary, 32)[0]
    assert as_text(strange, vocabulary).startswith("my �card") and (strange == 1).sum() == 2


def test_a_longer_sentence_is_cut_off():
    vocabulary = learnt_pieces(["a b c d"], 50)
    assert as_text(as_pieces(["a b c d"], vocabulary, 3)[0], vocabulary) == "a b c"


def test_pieces_are_joined_as_they_were_learnt():
    sentences = ["hat hats that those hot hottest those that"] * 2
    vocabulary = learnt_pieces(sentences, 999)
    assert all(END in vocabulary[token] for token in as_pieces(sentences, vocabulary, 8)[0])  # every word is one piece
    fewer = learnt_pieces(sentences, len(vocabulary) - 4)
    assert vocabulary[: len(fewer)] == fewer


def test_test_sentences_have_no_say(small_banking, monkeypatch):  # noqa: F811
    data = kd.load("banking77_pieces")
    assert data.vocabulary == learnt_pieces([text for text, _ in TRAIN], 1500)
    assert data.train.inputs.shape == (4, 64) and data.train.inputs.dtype == torch.int64
    assert data.train.texts == tuple(text for text, _ in TRAIN)
    for part, rows in ((data.train, TRAIN), (data.test, TEST)):
        assert [data.decode(tokens) for tokens in part.inputs] == [" ".join(words_of(text)) for text, _ in rows]
    with pytest.raises(ValueError, match=r"inputs of shape \(4, 64\) are no images"):
        _ = data.train.images


def test_bankings_pieces_are_the_same_on_every_machine():
    data = load_on_disk("banking77_pieces")
    assert len(data.vocabulary) == 1500 and len({*data.vocabulary}) == 1500
    assert data.train.inputs.max() < 1500 and data.train.inputs.shape == (10_003, 64)
    assert not (data.train.inputs == 1).any() and (data.test.inputs == 1).sum() < 10
    assert ((data.train.inputs > 0).sum(1) == 64).float().mean() < 0.005
    assert data.decode(data.train.inputs[0]) == "i am still waiting on my card ?"
    assert data.train.inputs[0][:9].tolist() == FIRST and data.classes == kd.load("banking77").classes


FIRST = [69, 271, 312, 673, 132, 111, 127, 51, 0]
