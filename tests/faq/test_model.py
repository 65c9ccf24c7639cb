"""A model that is kept: the same when it comes back, and none where it is not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.faq.features import Senses
from bot.faq.finding import Understanding
from bot.faq.model import Model, from_bytes
from bot.faq.training import NONE, Lessons, train
from bot.flow.phrasings import Topics
from bot.flow.understand import fold

TOPICS = {
    "en": Topics({"cost": ("cost*", "pay"), "place": ("where", "come by")}),
    "de": Topics({"cost": ("kost*", "zahlen"), "place": ("wo",)}),
}
LESSONS = Lessons(
    {
        "en": [
            ("what does it cost", "free"),
            ("do I pay", "free"),
            ("where are you", "where"),
            ("can I come by", "where"),
            ("hello", NONE),
            ("my phone is broken", NONE),
        ],
        "de": [("was kostet das", "free"), ("wo seid ihr", "where"), ("hallo", NONE)],
    },
    TOPICS,
)


@pytest.fixture(scope="module")
def kept() -> bytes:
    return train(LESSONS).to_bytes()


def chances(model: Model | None, text: str, locale: str) -> list[float]:
    assert model is not None
    return model.likely(text, fold(text).split(), locale, Senses(TOPICS, locale)).tolist()


def test_a_kept_model_says_the_same(kept: bytes) -> None:
    model, again = train(LESSONS), from_bytes(kept, LESSONS.digest())
    for text in ("what does it cost", "where", "wo kostet", "", "xyz", "costs?"):
        for locale in ("en", "de"):
            assert chances(model, text, locale) == chances(again, text, locale)


def test_training_is_the_same_every_time(kept: bytes) -> None:
    again = from_bytes(train(LESSONS).to_bytes(), LESSONS.digest())
    model = from_bytes(kept, LESSONS.digest())
    assert again is not None
    assert model is not None
    assert np.array_equal(again.weights, model.weights)


def test_a_topic_of_one_language_teaches_the_other() -> None:
    model = train(LESSONS)
    said = chances(model, "muss ich zahlen", "de")
    assert said.index(max(said)) == model.keys.index("free")


@settings(max_examples=200, deadline=None)
@given(place=st.integers(0, 10_000), flipped=st.integers(1, 255))
def test_a_broken_model_is_none(kept: bytes, place: int, flipped: int) -> None:
    place %= len(kept)
    broken = kept[:place] + bytes([kept[place] ^ flipped]) + kept[place + 1 :]
    assert from_bytes(broken, LESSONS.digest()) is None
    assert from_bytes(kept[:place], LESSONS.digest()) is None


@given(st.binary(max_size=200))
def test_other_bytes_are_no_model(content: bytes) -> None:
    assert from_bytes(content, LESSONS.digest()) is None


def test_a_model_of_other_phrasings_is_none(kept: bytes) -> None:
    other = Lessons({**LESSONS.examples, "de": [*LESSONS.examples["de"], ("gratis?", "free")]}, TOPICS)
    assert from_bytes(kept, other.digest()) is None


def test_the_shipped_model_is_the_same_when_it_comes_back(shipped: Understanding) -> None:
    model = shipped.prepare()
    assert model is not None
    again = from_bytes(model.to_bytes(), model.digest)
    assert again is not None
    assert again.keys == model.keys
    assert np.array_equal(again.weights, model.weights)
    for locale, spelling in model.spellings.items():
        assert np.array_equal(again.spellings[locale].weights, spelling.weights)
