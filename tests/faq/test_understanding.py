"""Which question of the FAQ is understood: rightly, or asked back, or not at all."""

from __future__ import annotations

from threading import Event, Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.faq.finding import Understanding
from bot.faq.model import Model
from bot.faq.training import Lessons, train
from bot.flow.loader import load
from bot.flow.questions import Found, How, Perhaps
from bot.flow.understand import LONGEST, Lexicon
from tests.bench import faq

LANGUAGES = ("ar", "de", "en", "es", "fr", "it", "pt", "ru", "tl", "uk")

INCIDENTS = {
    "en": [
        "my instagram got hacked help",
        "they took my phone at the airport and gave it back open",
        "someone reads my mails, i see logins from another country",
        "i get death threats since my article came out",
        "our website is down since this morning, we think it is an attack",
    ],
    "es": [
        "me hackearon el instagram ayuda",
        "la policía se llevó mi celular y lo devolvió abierto",
        "me robaron la cuenta de whatsapp y piden plata a mis contactos",
        "recibo amenazas de muerte desde ayer",
    ],
    "fr": [
        "on a piraté mon compte insta aidez moi",
        "la police a saisi mon ordinateur hier",
        "je reçois des menaces de mort depuis ce matin",
        "quelqu'un lit mes messages je crois",
    ],
    "de": [
        "mein instagram wurde gehackt hilfe",
        "die polizei hat mein handy beschlagnahmt",
        "ich bekomme morddrohungen seit gestern",
        "unsere webseite ist seit heute früh weg",
    ],
    "it": [
        "mi hanno hackerato instagram aiuto",
        "la polizia mi ha sequestrato il telefono",
        "ricevo minacce di morte da ieri",
        "qualcuno è entrato nella mia mail",
    ],
    "pt": [
        "hackearam meu instagram socorro",
        "a polícia levou meu celular ontem",
        "recebo ameaças de morte desde ontem",
        "alguém entrou no meu email",
    ],
    "ru": [
        "взломали мой инстаграм помогите",
        "полиция забрала мой телефон при обыске",
        "мне угрожают смертью со вчерашнего дня",
        "кто-то зашел в мою почту",
    ],
    "uk": [
        "зламали мій інстаграм допоможіть",
        "поліція забрала мій телефон під час обшуку",
        "мені погрожують смертю з учора",
        "хтось зайшов у мою пошту",
    ],
    "ar": [
        "اخترقوا حسابي على انستغرام ساعدوني",
        "الشرطة أخذت هاتفي أمس",
        "تصلني تهديدات بالقتل منذ البارحة",
        "7sabi 3al insta inhakar sa3douni",
    ],
    "tl": [
        "na-hack ang instagram ko tulong",
        "kinuha ng pulis ang cellphone ko kahapon",
        "may nagbabanta sa buhay ko simula kahapon",
        "may nakapasok sa email ko",
    ],
}


@pytest.mark.parametrize(("locale", "text"), [(locale, text) for locale in INCIDENTS for text in INCIDENTS[locale]])
def test_the_report_of_an_incident_is_never_answered(shipped: Understanding, locale: str, text: str) -> None:
    assert not isinstance(shipped(text, locale), Found)


@pytest.mark.parametrize(
    ("locale", "text", "key"),
    [
        ("en", "how much do you charge??", "free_of_charge"),
        ("es", "me cobran algo?", "free_of_charge"),
        ("fr", "c est gratuit ou pas", "free_of_charge"),
        ("de", "kostet das was", "free_of_charge"),
        ("it", "quanto costa il servizio", "free_of_charge"),
        ("pt", "quanto custa o serviço?", "free_of_charge"),
        ("ru", "это бесплатно или надо платить", "free_of_charge"),
        ("uk", "скіки коштує", "free_of_charge"),
        ("ar", "هل الخدمة مجانية؟", "free_of_charge"),
        ("tl", "magkano po ba ang bayad dito", "free_of_charge"),
    ],
)
def test_a_question_in_ones_own_words_is_answered(shipped: Understanding, locale: str, text: str, key: str) -> None:
    found = shipped(text, locale)
    assert isinstance(found, Found)
    assert found.answer == f"faq.{key}"


def test_where_it_is_not_sure_three_are_asked_about(shipped: Understanding) -> None:
    found = shipped("can you come and bring money", "en")
    assert isinstance(found, Perhaps)
    assert len(set(found.answers)) == 3


def test_a_listed_phrasing_is_answered_as_it_was_written_down(shipped: Understanding) -> None:
    found = shipped("c'est gratuit ?", "fr")
    assert isinstance(found, Found)
    assert found.answer == "faq.free_of_charge"


@pytest.mark.parametrize("text", ["", " ", "?", "123", "hello", "ok thanks", "x" * (LONGEST + 1), "is it free " * 60])
def test_what_asks_nothing_is_no_question(shipped: Understanding, text: str) -> None:
    assert not isinstance(shipped(text, "en"), Found)


@settings(max_examples=300, deadline=None)
@given(text=st.text(), locale=st.sampled_from([*LANGUAGES, "xx"]))
def test_whatever_is_written_has_one_of_three_outcomes(shipped: Understanding, text: str, locale: str) -> None:
    verdict = shipped.judge(text, locale)
    assert verdict == shipped.judge(text, locale)
    assert len(set(verdict.ranked)) == len(verdict.ranked) <= 3
    shipped.guess(text)


def test_held_out_messages_are_understood_rightly_or_not_at_all(shipped: Understanding) -> None:
    judged = [(message, shipped.judge(message.text, message.lang)) for message in faq.held_out()]
    found = faq.figures(judged)
    assert found.count > 1500
    assert found.precision >= 0.95
    assert found.coverage >= 0.45
    assert found.in_three >= 0.9
    assert found.false <= 0.02
    for lang, of_lang in faq.by_language(judged).items():
        assert of_lang.precision >= 0.9, lang


FLOWS = """flow: main
steps:
  - end: bye
"""
FAQ = """faq: small
questions:
  free: {title: Is it free?, answer: It is.}
  where: {title: Where are you?, answer: Everywhere.}
"""
ASKED = """phrasings: en
questions:
  free: [what does it cost, do I have to pay]
  where: [in which town are you, can I come by]
"""


def small(*more: str) -> Understanding:
    files = {"main.yaml": FLOWS, "faq.yaml": FAQ, **{f"{place}.yaml": text for place, text in enumerate(more)}}
    flows = load(files)
    labels = {source.id: source.paragraphs[0] for source in flows.sources.values()}
    return Understanding(flows, {"en": Lexicon(labels, {})})


def test_without_messages_of_no_question_only_titles_and_phrasings_count() -> None:
    understood = small(ASKED)
    assert understood.prepare() is None
    assert understood("What does it cost?", "en") == Found("faq.free", How.PHRASING)  # type: ignore[arg-type]
    assert understood("does it cost much", "en") is None


def test_without_phrasings_only_titles_count() -> None:
    assert small()("is it FREE", "en") == Found("faq.free", How.TITLE)  # type: ignore[arg-type]
    assert small()("what does it cost", "en") is None


def test_topics_let_a_word_be_understood_that_no_phrasing_has() -> None:
    none = "none: [hello, my phone is broken, thank you, they took my bag, good morning, it is raining]\n"
    known = ASKED + none
    topics = 'topics: en\nwords: {money: "cost, pay, priced", place: "town, come, quarters"}\n'
    assert small(known, topics).judge("priced how", "en").ranked[0] == "free"
    assert small(known, topics).judge("your quarters", "en").ranked[0] == "where"


def test_a_word_of_incidents_keeps_from_answering() -> None:
    none = "none: [hello, my phone is broken, thank you]\nincidents: [stolen]\n"
    understood = small(ASKED + none)
    assert not isinstance(understood("what does it cost, it was stolen", "en"), Found)


def test_where_nobody_may_wait_no_message_is_what_teaches() -> None:
    flows, _, lexicons = faq.shipped()
    lexicons = {"en": lexicons["en"], "es": lexicons["es"]}
    made = []

    def counted(lessons: Lessons) -> Model:
        made.append(lessons)
        return train(lessons)

    understood = Understanding(flows, lexicons, counted, wait=False)
    assert understood.judge("do i have to pay for this", "en").ranked == ()
    assert understood.guess("Hola, necesito ayuda con mi cuenta") is None
    assert not made
    understood.prepare()
    understood.prepare()
    assert len(made) == 1
    assert understood.judge("do i have to pay for this", "en").ranked[0] == "free_of_charge"
    assert understood.guess("Hola, necesito ayuda con mi cuenta") == "es"


def test_nobody_is_kept_waiting_while_it_learns() -> None:
    """It answers inside of a transaction: whoever waits there keeps everybody waiting."""
    begun, may_end = Event(), Event()

    def slowly(lessons: Lessons) -> Model:
        begun.set()
        may_end.wait()
        return train(lessons)

    learning = faq.understanding(slowly)
    thread = Thread(target=learning.prepare)
    thread.start()
    begun.wait()
    try:
        assert learning.guess("Hola, necesito ayuda con mi cuenta") is None
        assert learning.judge("do i have to pay for this", "en").ranked == ()
    finally:
        may_end.set()
        thread.join()
    assert learning.guess("Hola, necesito ayuda con mi cuenta") == "es"
    assert learning.judge("do i have to pay for this", "en").ranked[0] == "free_of_charge"
