"""BANKING77: what 13,083 customers wrote to a bank, in 77 intents. Casanueva et al. (2020), licence CC BY 4.0."""

import csv
import io
import json

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer

from kdviz.data.files import content, paths
from kdviz.data.intents import INTENTS
from kdviz.data.wordpieces import as_pieces, learnt_pieces

# Pieces of the vocabulary, and of a sentence: one in 270 is longer than 64 of 1,500, one in 11 than 32 of 800.
SIZES = {"banking77_pieces": (1500, 64), "banking77_short": (800, 32)}


def read_banking77() -> tuple[tuple, tuple]:
    """The training and the test part: bags of words, shape (N, V), labels, shape (N,), and the N sentences.

    A bag of words is 1 where the sentence has the word, however often. Of the words, of two characters or more
    in lower case, those are counted that at least two training sentences have; test sentences have no say.
    """
    (texts, labels), (test_texts, test_labels) = _parts()
    words = CountVectorizer(binary=True, min_df=2, dtype=np.uint8)
    bags = words.fit_transform(texts).toarray()
    return (bags, labels, texts), (words.transform(test_texts).toarray(), test_labels, test_texts)


def read_banking77_pieces(name: str) -> tuple[tuple, tuple, tuple[str, ...]]:
    """The training and the test part as word pieces, and the vocabulary, which training sentences alone make.

    A part is tokens, shape (N, L), int64, padded with 0 or cut off; labels, shape (N,); and the N sentences.
    :data:`SIZES` says L and how many pieces there are, by the data set's ``name``.
    """
    parts, (pieces, length) = _parts(), SIZES[name]
    vocabulary = learnt_pieces(parts[0][0], pieces)
    train, test = ((as_pieces(texts, vocabulary, length), labels, texts) for texts, labels in parts)
    return train, test, vocabulary


def _parts() -> tuple[tuple, tuple]:
    """Sentences and labels of the training and the test part."""
    train, test, categories = (content(path, "banking77").decode("utf-8") for path in paths("banking77"))
    if tuple(json.loads(categories)) != INTENTS:
        raise ValueError("categories.json of banking77 lists other intents than kdviz/data/intents.py: correct that")
    return _sentences(train), _sentences(test)


def _sentences(table: str) -> tuple[tuple[str, ...], np.ndarray]:
    rows = list(csv.DictReader(io.StringIO(table, newline="")))
    labels = [INTENTS.index(row["category"]) for row in rows]
    return tuple(row["text"] for row in rows), np.array(labels, dtype=np.uint8)
