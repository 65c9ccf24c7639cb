"""Makes a model from what operators wrote down: phrasings, messages that ask for nothing, topics. Deterministic.

It takes seconds and, for as long, more memory than all else that a bot does: one that runs has it done elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bot.faq.features import CHANNELS, Floats, Pieces, Senses, topical
from bot.faq.languages import told_apart
from bot.faq.model import Model, Spelling
from bot.flow.phrasings import Topics
from bot.flow.understand import fold

VERSION = 2  # of how models are made: a kept one of another version is made anew
STEPS = 40  # of the search; more change nothing that can be measured
HELD = 0.4  # how strongly the weights of topics are held back
RIDGE = 0.5  # how strongly those of pieces are
BLOCK = 4_000  # values of a table that are multiplied at once
MANY = 16  # messages with a piece, from which on a whole matrix is less work than pairs of messages
NONE = ""  # the key of a message that asks for no entry

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Lessons:
    """For each language, messages with the key of the entry that each asks for; the topics; and texts to know it by."""

    examples: Mapping[str, Sequence[tuple[str, str]]]
    topics: Mapping[str, Topics]
    texts: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """The lessons as another process can be given them."""
        topics = {
            locale: [list(each.words.items()), each.also, each.prefixes] for locale, each in sorted(self.topics.items())
        }
        examples = {locale: list(each) for locale, each in sorted(self.examples.items())}
        texts = {locale: list(each) for locale, each in sorted(self.texts.items())}
        return json.dumps([examples, topics, texts]).encode()

    def digest(self) -> bytes:
        """The same for the same lessons, and for no others."""
        return hashlib.sha256(f"{VERSION} {np.__version__} ".encode() + self.to_bytes()).digest()

    def keys(self) -> tuple[str, ...]:
        """The entries that are asked for, in their order."""
        return tuple(sorted({key for each in self.examples.values() for _, key in each} - {NONE}))


def lessons_of(said: bytes) -> Lessons:
    """The lessons that these bytes were made of."""
    examples, topics, texts = json.loads(said)
    return Lessons(
        {locale: [(text, key) for text, key in each] for locale, each in examples.items()},
        {
            locale: Topics({name: tuple(known) for name, known in words}, tuple(also), tuple(prefixes))
            for locale, (words, also, prefixes) in topics.items()
        },
        texts,
    )


@dataclass(frozen=True, slots=True)
class _Sparse:
    """Rows of few values: `rows`, in order, and `columns` of each value."""

    rows: Ints
    columns: Ints
    values: Floats
    shape: tuple[int, int]

    def times(self) -> Callable[[Floats], Floats]:
        """Multiplies tables by this one, block by block: what fits a processor's cache is done in half the time."""
        first = np.flatnonzero(np.diff(self.rows, prepend=-1))
        filled = self.rows[first]
        last = [*first[1:].tolist(), len(self.rows)]
        cuts = [0]
        while cuts[-1] < len(first):
            cuts.append(max(cuts[-1] + 1, bisect_right(last, first[cuts[-1]] + BLOCK)))
        blocks = [(slice(one, end), slice(int(first[one]), last[end - 1])) for one, end in pairwise(cuts)]

        def product(table: Floats) -> Floats:
            total = np.zeros((self.shape[0], table.shape[1]), np.float32)
            for rows, cells in blocks:
                said = np.take(table, self.columns[cells], axis=0)
                said *= self.values[cells, None]
                total[filled[rows]] = np.add.reduceat(said, first[rows] - cells.start)
            return total

        return product

    def turned(self) -> _Sparse:
        order = np.argsort(self.columns, kind="stable")
        rows, columns = self.columns[order], self.rows[order]
        return _Sparse(rows, columns, self.values[order], self.shape[::-1])


def train(lessons: Lessons) -> Model:
    """The model of these lessons. A language has at least one message that asks and one that does not, or none."""
    keys = lessons.keys()
    column = {key: place for place, key in enumerate((*keys, NONE))}
    pieces = Pieces()
    values: list[Floats] = []
    classes: list[int] = []
    spellings = {}
    found_ids = [np.zeros(0, np.uint32)]
    for locale, examples in sorted(lessons.examples.items()):
        senses = Senses(lessons.topics, locale)
        of_locale = np.array([column[key] for _, key in examples])
        found_pieces = []
        for text, _ in examples:
            words = senses.words(fold(text))
            topics, weights = topical(text, words, senses)
            found_ids.append(topics)
            values.append(weights)
            found_pieces.append(pieces.of(senses.spelled(words)))
        classes += of_locale.tolist()
        spellings[locale] = _spelling(found_pieces, of_locale, len(column))
    table, columns, counts = np.unique(np.concatenate(found_ids), return_inverse=True, return_counts=True)
    shared = counts > 1  # what no second message has teaches nothing of others
    rows = np.repeat(np.arange(len(values)), [len(each) for each in values])[shared[columns]]
    weighed = np.concatenate([np.zeros(0, np.float32), *values])[shared[columns]]
    table, columns = table[shared], (np.cumsum(shared) - 1)[columns[shared[columns]]]
    sparse = _Sparse(rows, columns, weighed, (len(values), len(table)))
    found = _regress(sparse, np.array(classes, np.intp), len(column))
    halves, bias = found[:-1].astype(np.float16), found[-1]
    return Model(lessons.digest(), keys, table, halves, bias, spellings, told_apart(lessons.texts, pieces))


def _spelling(pieces: Sequence[Sequence[Sequence[int]]], classes: Ints, width: int) -> Spelling:
    """Kernel ridge regression on what pieces messages share, turned into weights of the pieces."""
    size = len(pieces)
    counted = [_counted([each[place] for each in pieces]) for place in range(len(CHANNELS))]
    rows, hashed, often = (np.concatenate(parts) for parts in zip(*counted, strict=True))
    kind = np.repeat(np.arange(len(CHANNELS)), [len(each) for each, _, _ in counted])
    ids, columns = np.unique(hashed.astype(np.uint32), return_inverse=True)
    rarity = np.log((1 + size) / (1 + np.bincount(columns, minlength=len(ids)))) + 1
    values = (1 + np.log(often)) * rarity[columns]
    for place, share in enumerate(CHANNELS):
        of_kind = kind == place
        lengths = np.sqrt(np.bincount(rows[of_kind], values[of_kind] ** 2, minlength=size))
        values[of_kind] *= np.sqrt(share) / lengths[rows[of_kind]]
    turned = _Sparse(rows, columns, values.astype(np.float32), (size, len(ids))).turned()
    alike = _alike(turned)
    np.fill_diagonal(alike, sum(CHANNELS) + RIDGE)
    wanted = np.eye(width)[classes]
    prior = wanted.mean(axis=0)
    duals = np.linalg.solve(alike, wanted - prior).astype(np.float32)
    weights = turned.times()(duals).astype(np.float16)
    rarest = float(np.log(1 + size) + 1)
    return Spelling(ids, rarity.astype(np.float16), weights, prior.astype(np.float32), rarest)


def _alike(turned: _Sparse) -> NDArray[np.float64]:
    """How much each two columns share: the product of the table, turned, with itself."""
    size = turned.shape[1]
    counts = np.bincount(turned.rows, minlength=turned.shape[0])
    of_row = counts[turned.rows]
    cells, shares = [], []
    for count in range(2, MANY):  # most rows have few values: their pairs are less work than a whole matrix
        columns = turned.columns[of_row == count].reshape(-1, count)
        values = turned.values[of_row == count].reshape(-1, count)
        cells.append((columns[:, :, None] * size + columns[:, None, :]).ravel())
        shares.append((values[:, :, None] * values[:, None, :]).ravel())
    rare = np.bincount(np.concatenate(cells), np.concatenate(shares), minlength=size * size)
    many = of_row >= MANY
    kept = np.cumsum(counts >= MANY) - 1
    dense = np.zeros((np.count_nonzero(counts >= MANY), size), np.float32)
    dense[kept[turned.rows[many]], turned.columns[many]] = turned.values[many]
    return rare.reshape(size, size) + dense.T @ dense


def _counted(found: Sequence[Sequence[int]]) -> tuple[Ints, Ints, Ints]:
    """Row, piece, and how often it is there."""
    rows = np.repeat(np.arange(len(found)), [len(each) for each in found])
    pieces = np.fromiter((piece for each in found for piece in each), np.int64, len(rows))
    both, often = np.unique(rows << 32 | pieces, return_counts=True)
    return both >> 32, both & 0xFFFFFFFF, often


def _regress(sparse: _Sparse, classes: Ints, width: int) -> Floats:
    """Multinomial logistic regression; the last row is the bias."""
    times, turned_times = sparse.times(), sparse.turned().times()
    wanted = np.eye(width, dtype=np.float32)[classes]
    here = np.arange(len(classes))

    def cost(flat: Floats) -> tuple[float, Floats]:
        table = flat.reshape(-1, width)
        said = times(table[:-1]) + table[-1]
        said -= said.max(axis=1, keepdims=True)
        odds = np.exp(said)
        sums = odds.sum(axis=1, keepdims=True)
        wrong = odds / sums - wanted
        loss = float((np.log(sums[:, 0]) - said[here, classes]).sum() + HELD / 2 * (table[:-1] ** 2).sum())
        return loss, np.concatenate([turned_times(wrong) + HELD * table[:-1], wrong.sum(axis=0)[None]]).ravel()

    start = np.zeros((sparse.shape[1] + 1) * width, np.float32)
    return _least(cost, start).reshape(-1, width)


def _least(cost: Callable[[Floats], tuple[float, Floats]], at: Floats, memory: int = 8) -> Floats:
    """Where a cost is least, by the limited-memory method of Broyden, Fletcher, Goldfarb and Shanno."""
    value, slope = cost(at)
    moves: list[tuple[Floats, Floats]] = []
    for _ in range(STEPS):
        way = slope.copy()
        factors = []
        for move, bend in reversed(moves):
            factors.append(float(move @ way) / float(move @ bend))
            way -= np.float32(factors[-1]) * bend
        if moves:
            move, bend = moves[-1]
            way *= np.float32(float(move @ bend) / float(bend @ bend))
        else:
            way /= np.float32(max(1.0, float(np.sqrt(slope @ slope))))
        for (move, bend), factor in zip(moves, reversed(factors), strict=True):
            way += np.float32(factor - float(bend @ way) / float(move @ bend)) * move
        length, least = 1.0, float(slope @ way)
        for _ in range(20):
            there = at - np.float32(length) * way
            new, new_slope = cost(there)
            if new <= value - 1e-4 * length * least:
                break
            length /= 2
        move, bend = there - at, new_slope - slope
        if float(move @ bend) > 1e-10:
            moves = [*moves[1 - memory :], (move, bend)]
        settled = abs(value - new) < 1e-5 * abs(value)
        at, value, slope = there, new, new_slope
        if settled:
            break
    return at
