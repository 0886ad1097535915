"""Sentences as word pieces: byte-pair encoding (Sennrich et al. 2016), learnt from training sentences alone."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

PADDING, UNKNOWN = "", "�"  # pieces 0 and 1
END = "·"  # closes the last piece of a word


def learnt_pieces(sentences: Iterable[str], size: int) -> tuple[str, ...]:
    """The vocabulary, of ``size`` pieces at most: padding, what is unknown, every character, then merges, in order.

    A merge joins the two neighbouring pieces that occur together most often in the words of all sentences; of
    several such pairs, the first in the order of their characters.
    """
    counts = Counter(word for sentence in sentences for word in words_of(sentence))
    words = {word: [*word[:-1], word[-1] + END] for word in counts}
    characters = sorted({piece for pieces in words.values() for piece in pieces} | {c for word in words for c in word})
    vocabulary = dict.fromkeys([PADDING, UNKNOWN, *characters])
    together, holders = Counter(), defaultdict(set)
    for word, pieces in words.items():
        for pair in pairwise(pieces):
            together[pair] += counts[word]
            holders[pair].add(word)
    while len(vocabulary) < size and together:
        best = min(together, key=lambda pair: (-together[pair], pair))
        vocabulary.setdefault("".join(best))
        for word in sorted(holders.pop(best)):
            for pair in pairwise(words[word]):
                together[pair] -= counts[word]
            words[word] = _joined(words[word], best)
            for pair in pairwise(words[word]):
                together[pair] += counts[word]
                holders[pair].add(word)
        together = +together  # without pairs that are gone
    return tuple(vocabulary)


def as_pieces(sentences: Sequence[str], vocabulary: Sequence[str], length: int) -> np.ndarray:
    """Tokens, shape (N, length), int64: a sentence's pieces by their place in ``vocabulary``, then padding, 0.

    Pieces join in the order learnt; what lies beyond ``length`` is cut off.
    """
    rank = {piece: place for place, piece in enumerate(vocabulary)}
    known: dict[str, list[int]] = {}
    tokens = np.zeros((len(sentences), length), dtype=np.int64)
    for row, sentence in enumerate(sentences):
        said = []
        for word in words_of(sentence):
            if word not in known:
                known[word] = [rank.get(piece, 1) for piece in _pieces(word, rank)]
            said += known[word]
        tokens[row, : len(said)] = said[:length]
    return tokens


def as_text(tokens: Iterable[int], vocabulary: Sequence[str]) -> str:
    """The words that tokens stand for, in lower case, a space between any two of them."""
    return "".join(vocabulary[token] for token in tokens).replace(END, " ").strip()


def words_of(sentence: str) -> list[str]:
    """Lower-case words and single signs."""
    return re.findall(r"\w+|[^\w\s]", sentence.lower())


def _pieces(word: str, rank: dict[str, int]) -> list[str]:
    pieces = [*word[:-1], word[-1] + END]
    while len(pieces) > 1:
        pair = min(pairwise(pieces), key=lambda pair: rank.get("".join(pair), len(rank)))
        if "".join(pair) not in rank:
            break
        pieces = _joined(pieces, pair)
    return pieces


def _joined(pieces: list[str], pair: tuple[str, str]) -> list[str]:
    joined, place = [], 0
    while place < len(pieces):
        both = tuple(pieces[place : place + 2]) == pair
        joined.append("".join(pair) if both else pieces[place])
        place += 2 if both else 1
    return joined
