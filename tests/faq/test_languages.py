"""Which language somebody seems to write in; nothing where that is not clear."""

from __future__ import annotations

import pytest

from bot.faq.features import Pieces
from bot.faq.finding import Understanding
from bot.faq.languages import told_apart
from tests.bench import faq


@pytest.mark.parametrize(
    ("text", "locale"),
    [
        ("hello, I need help with my account", "en"),
        ("hola, necesito ayuda con mi cuenta", "es"),
        ("bonjour, j'ai besoin d'aide", "fr"),
        ("hallo, ich brauche hilfe mit meinem handy", "de"),
        ("ciao, ho bisogno di aiuto", "it"),
        ("olá, preciso de ajuda com a minha conta", "pt"),
        ("здравствуйте, мне нужна помощь", "ru"),
        ("вітаю, мені потрібна допомога", "uk"),
        ("مرحبا، أحتاج إلى مساعدة", "ar"),
        ("marhaba biddi mosa3ade law sama7t", "ar"),
        ("kailangan ko po ng tulong", "tl"),
        ("zdravstvuyte mne nuzhna pomosh", "ru"),
    ],
)
def test_the_language_of_a_message_is_told(shipped: Understanding, text: str, locale: str) -> None:
    assert shipped.guess(text) == locale


@pytest.mark.parametrize("text", ["", "?", "123", "7F3K", "🙏", "x" * 10_000])
def test_where_nothing_tells_nothing_is_guessed(shipped: Understanding, text: str) -> None:
    assert shipped.guess(text) is None


def test_held_out_messages_are_in_the_language_that_is_offered(shipped: Understanding) -> None:
    told = [(message.lang, shipped.guess(message.text)) for message in faq.held_out()]
    offered = [(lang, guess) for lang, guess in told if guess is not None]
    assert len(offered) / len(told) > 0.9
    assert sum(lang == guess for lang, guess in offered) / len(offered) > 0.97


def test_without_texts_nothing_is_guessed() -> None:
    assert told_apart({}, Pieces()).guess("hello") is None
    assert told_apart({"en": [], "es": []}, Pieces()).guess("hello") is None
