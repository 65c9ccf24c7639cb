"""A trained model: how likely each entry of the FAQ is what a message asks for, and how likely none is.

Two opinions are multiplied: that of the topics, which all languages share, and that of the pieces of words of the
language. It goes into bytes and comes out of them; bytes that are not what was put in are no model. The tables are
kept in half precision, in memory too: a bot has them as long as it runs.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.faq.features import CHANNELS, Floats, Ids, Pieces, Senses, topical
from bot.faq.languages import Languages

MAGIC = b"vestibule faq 2\n"
SHARE = 4.0  # how much the pieces of words say beside the topics, found by cross-validation


Halves = NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class Spelling:
    """What the pieces of words say in one language: their ids, in order, how rare each is, and what each speaks for."""

    ids: Ids
    rarity: Halves
    weights: Halves
    prior: Floats
    rarest: float


@dataclass(frozen=True, slots=True)
class Model:
    """`keys` are the entries that it knows; the last column of every table stands for none of them.

    `languages` tells what a message is written in.
    """

    digest: bytes
    keys: tuple[str, ...]
    topics: Ids
    weights: Halves
    bias: Floats
    spellings: Mapping[str, Spelling]
    languages: Languages

    def likely(self, text: str, words: list[str], locale: str, senses: Senses) -> Floats:
        """How likely each entry is, and at the end, none. The words are folded; the language is one that it knows."""
        ids, values = topical(text, words, senses)
        places, known = _places(self.topics, ids)
        said = values[known] @ self.weights[places].astype(np.float32) + self.bias
        said -= said.max()
        opinion = said - np.log(np.exp(said).sum()) + SHARE * spelled(self.spellings[locale], senses.spelled(words))
        odds = np.exp(opinion - opinion.max())
        return np.asarray(odds / odds.sum(), np.float32)

    def to_bytes(self) -> bytes:
        """The model as it is kept, with a digest of itself."""
        arrays = {"topics": self.topics, "weights": self.weights, "bias": self.bias, "told": self.languages.weights}
        for locale, each in self.spellings.items():
            arrays |= {f"{locale}/ids": each.ids, f"{locale}/rarity": each.rarity}
            arrays |= {f"{locale}/weights": each.weights, f"{locale}/prior": each.prior}
        rarest = {locale: each.rarest for locale, each in self.spellings.items()}
        said = json.dumps({"keys": self.keys, "rarest": rarest, "told": self.languages.locales}).encode()
        content = io.BytesIO()
        np.savez(content, said=np.frombuffer(said, np.uint8), **arrays)  # type: ignore[arg-type]  # names are ours
        kept = self.digest + content.getvalue()
        return MAGIC + hashlib.sha256(kept).digest() + kept


def from_bytes(kept: bytes, digest: bytes) -> Model | None:
    """The model of these bytes, if it was trained on what has this digest and nothing happened to them since."""
    begun = len(MAGIC) + hashlib.sha256().digest_size
    content = memoryview(kept)[begun:]
    if not kept.startswith(MAGIC) or hashlib.sha256(content).digest() != kept[len(MAGIC) : begun]:
        return None
    if content[: len(digest)] != digest:
        return None
    with np.load(io.BytesIO(content[len(digest) :]), allow_pickle=False) as arrays:
        said = json.loads(arrays["said"].tobytes())
        spellings = {
            locale: Spelling(
                arrays[f"{locale}/ids"],
                arrays[f"{locale}/rarity"],
                arrays[f"{locale}/weights"],
                arrays[f"{locale}/prior"],
                rarest,
            )
            for locale, rarest in said["rarest"].items()
        }
        languages = Languages(tuple(said["told"]), arrays["told"])
        keys = tuple(said["keys"])
        return Model(digest, keys, arrays["topics"], arrays["weights"], arrays["bias"], spellings, languages)


def spelled(spelling: Spelling, words: Sequence[str]) -> Floats:
    """What the pieces of these words speak for."""
    said = spelling.prior.copy()
    for share, found in zip(CHANNELS, Pieces().of(words), strict=True):
        if not found:
            continue
        ids, counts = np.unique(np.array(found, np.uint32), return_counts=True)
        often = 1 + np.log(counts.astype(np.float32))
        places, known = _places(spelling.ids, ids)
        values = often * spelling.rarest
        values[known] = often[known] * spelling.rarity[places]
        values *= np.sqrt(share) / np.sqrt(values @ values)
        said += values[known] @ spelling.weights[places].astype(np.float32)
    return said


def _places(table: Ids, ids: Ids) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Where these ids stand in a table in order, and which of them stand there."""
    places = np.minimum(np.searchsorted(table, ids), max(len(table) - 1, 0))
    known = table[places] == ids if len(table) else np.zeros(len(ids), np.bool_)
    return places[known], known
