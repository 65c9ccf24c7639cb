"""Texts in every language: what is filled in, what is left out, and which way it reads."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from bot import library
from bot.domain import TextId
from bot.flow.model import FlowError, Library, Mark, Source
from bot.flow.understand import fold
from bot.i18n import Catalogs, Texts, language_name, read_catalog, split_words

ROOT = Path(__file__).parent.parent
FSI, PDI, RLM, LRM = "\u2068", "\u2069", "\u200f", "\u200e"
HELPLINE = {"name": "Helpline", "help_address": "help@example.org", "legal_address": "", "link_terms": ""}
SHIPPED = ["en", "ar", "fr", "de", "it", "pt", "ru", "es", "tl", "uk"]
FULL = {
    "name": "Digital Security Helpline",
    "help_address": "help@example.org",
    "legal_address": "legal@example.org",
    "general_address": "info@example.org",
    "first_response": "2 hours",
    **{
        f"link_{name}": f"https://example.org/{name}"
        for name in ("eligibility", "first_steps", "guides", "services", "terms", "grants", "contact")
    },
}


def made_library(texts: Mapping[str, str | Sequence[str]], words: Mapping[str, str] | None = None) -> Library:
    def source(name: str, text: str | Sequence[str]) -> Source:
        return Source(TextId(name), (text,) if isinstance(text, str) else tuple(text), "", Mark("flows/a.yaml", 1, 1))

    sources = {TextId(name): source(name, text) for name, text in texts.items()}
    return Library({}, {}, sources, {name: source(name, listed) for name, listed in (words or {}).items()})


def made_texts(
    texts: Mapping[str, str | Sequence[str]],
    arabic: Mapping[str, Mapping[str, str]] | None = None,
    words: Mapping[str, str] | None = None,
    helpline: Mapping[str, str] = HELPLINE,
) -> Texts:
    translations = {
        "ar": {(text, english): said for text, pairs in (arabic or {}).items() for english, said in pairs.items()}
    }
    return Texts(made_library(texts, words), Catalogs(translations), lambda _: helpline, ["en", "ar"])


def say(text: str | Sequence[str], **params: str) -> str:
    return made_texts({"a.b": text}).say(TextId("a.b"), "en", params)


def say_arabic(translation: str, english: str = "x", **params: str) -> str:
    return made_texts({"a.b": english}, {"a.b": {english: translation}}).say(TextId("a.b"), "ar", params)


@pytest.fixture(scope="module")
def shipped() -> Library:
    return library.read(ROOT / "flows")


@pytest.fixture(scope="module")
def shipped_texts(shipped: Library) -> Texts:
    return Texts(shipped, Catalogs.read(ROOT / "locales"), lambda _: FULL, SHIPPED)


def test_paragraphs_are_parted_by_a_blank_line() -> None:
    assert say(["One.", "Two."]) == "One.\n\nTwo."


def test_names_and_addresses_are_filled_in() -> None:
    assert say("{name}: {help_address}, case {case}.", case="7F3K") == "Helpline: help@example.org, case 7F3K."


def test_a_paragraph_without_its_address_is_left_out() -> None:
    assert say(["Yes.", "Write to {legal_address}", "Read {link_terms}", "Done."]) == "Yes.\n\nDone."


def test_an_empty_word_of_a_person_leaves_nothing_out() -> None:
    assert say("What happened: {answer}", answer="") == "What happened: "


def test_what_a_person_wrote_is_never_filled_in_again() -> None:
    assert say("{question}: {answer}", question="What", answer="{help_address} {nonsense}") == (
        "What: {help_address} {nonsense}"
    )


def test_a_placeholder_or_a_text_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(LookupError):
        say("{nonsense}")
    with pytest.raises(LookupError):
        made_texts({}).say(TextId("a.b"), "en")


def test_what_is_not_translated_is_said_in_the_source_language() -> None:
    texts = made_texts({"a.b": ["One.", "Two."]}, {"a.b": {"Two.": "اثنان."}})
    assert texts.say(TextId("a.b"), "ar") == "One.\n\nاثنان."


def test_fuzzy_translations_are_not_said(tmp_path: Path) -> None:
    path = tmp_path / "ar" / "LC_MESSAGES" / "messages.po"
    path.parent.mkdir(parents=True)
    sure = 'msgctxt "a.b"\nmsgid "One"\nmsgstr "واحد"\n'
    path.write_text(sure + '\n#, fuzzy\nmsgctxt "a.c"\nmsgid "Two"\nmsgstr "اثنان"\n')
    catalogs = Catalogs.read(tmp_path)
    assert catalogs.translate("ar", "a.b", "One") == "واحد"
    assert catalogs.translate("ar", "a.c", "Two") == "Two"


def test_a_translation_that_lost_an_address_is_not_said(tmp_path: Path) -> None:
    path = tmp_path / "ar" / "LC_MESSAGES" / "messages.po"
    path.parent.mkdir(parents=True)
    path.write_text('msgctxt "a.b"\nmsgid "Write to {help_address}"\nmsgstr "اكتب إلى {address}"\n')
    assert Catalogs.read(tmp_path).translate("ar", "a.b", "Write to {help_address}") == "Write to {help_address}"


def test_whoever_speaks_a_language_that_is_not_offered_any_more_still_hears_it() -> None:
    translations = {locale: {("a.b", "One"): said} for locale, said in (("ar", "واحد"), ("es", "Uno"))}
    texts = Texts(made_library({"a.b": "One"}), Catalogs(translations), lambda _: HELPLINE, ["ar", "en"])
    assert texts.say(TextId("a.b"), "es") == "Uno"
    assert texts.say(TextId("a.b"), "fr") == "واحد"  # there is no such catalog any more
    assert set(texts.lexicons()) == set(texts.languages()) == {"ar", "en"}


def test_the_same_sentence_in_two_places_may_be_translated_in_two_ways() -> None:
    texts = made_texts({"a.b": "Yes", "a.c": "Yes"}, {"a.b": {"Yes": "نعم"}, "a.c": {"Yes": "أجل"}})
    assert texts.say(TextId("a.c"), "ar") == "أجل"


def test_in_arabic_every_inserted_value_is_isolated() -> None:
    assert say_arabic("اكتب إلى {help_address}.") == f"اكتب إلى {FSI}help@example.org{PDI}."
    assert say_arabic("رقم الحالة {case}.", case="7F3K") == f"رقم الحالة {FSI}7F3K{PDI}."


def test_a_command_in_an_arabic_sentence_keeps_its_mark_before_it() -> None:
    assert say_arabic("اكتب !vet passed CASE هنا.") == f"اكتب {FSI}!vet passed CASE{PDI} هنا."


def test_in_english_only_values_of_the_other_direction_are_isolated() -> None:
    assert say("{question}: {answer}", question="Language", answer="العربية") == f"Language: {FSI}العربية{PDI}"


def test_a_link_ends_before_the_mark_that_ends_its_isolate() -> None:
    # measured with linkifyjs 4, which Element uses: a U+2069 right after a link becomes a part of it
    said = say_arabic("اقرأ هنا: {link}", link="https://example.org/terms")
    assert said == f"اقرأ هنا: {FSI}https://example.org/terms {PDI}"


def test_a_line_that_begins_with_a_value_keeps_the_direction_of_its_language() -> None:
    assert say_arabic("{name} خدمة مجانية.") == f"{RLM}{FSI}Helpline{PDI} خدمة مجانية."
    assert say("{answer} is the answer.", answer="نعم") == f"{LRM}{FSI}نعم{PDI} is the answer."


def test_english_that_nobody_translated_is_not_turned_around() -> None:
    assert made_texts({"a.b": "Write to {help_address}."}).say(TextId("a.b"), "ar") == "Write to help@example.org."


def test_a_text_of_values_only_follows_the_language() -> None:
    assert say_arabic("{a}: {b}", "{a}: {b}", a="one", b="two") == f"{RLM}{FSI}one{PDI}: {FSI}two{PDI}"


@pytest.mark.parametrize("words", [f"a{PDI}b", f"a{FSI}b", f"{PDI}a{FSI}", "\u2067a", f"a{PDI}{PDI}{FSI}{FSI}"])
def test_marks_in_a_persons_words_cannot_break_out_of_their_isolate(words: str) -> None:
    said = say_arabic("قال: {answer}.", answer=words)
    inside = said.removeprefix(f"قال: {FSI}").removesuffix(f"{PDI}.")
    assert inside == "".join(letter for letter in words if letter.isalpha())


def test_balanced_marks_in_a_value_stay() -> None:
    inner = f"see {FSI}7F3K{PDI} now"
    assert say_arabic("قال: {answer}.", answer=inner) == f"قال: {FSI}{inner}{PDI}."


def test_each_line_of_a_value_is_isolated() -> None:
    # an isolate ends with its line, so one pair around several lines would cover the first only
    assert say_arabic("قال: {answer}", answer="one\n\ntwo") == f"قال: {FSI}one{PDI}\n\n{RLM}{FSI}two{PDI}"


def test_the_engine_learns_labels_and_words_of_every_language() -> None:
    texts = made_texts(
        {"a.b.yes": "Yes, {name}", "bot.kept": "Case {case}"},
        {"a.b.yes": {"Yes, {name}": "نعم، {name}"}, "words.yes": {"yes, y": "نعم، أجل , اي"}},
        {"yes": "yes, y"},
    )
    lexicons = texts.lexicons()
    assert lexicons["en"].labels == {"a.b.yes": "Yes, Helpline"}  # what differs from case to case is no label
    assert lexicons["en"].words == {"yes": ("yes", "y")}
    assert lexicons["ar"].labels == {"a.b.yes": f"نعم، {FSI}Helpline{PDI}"}
    assert lexicons["ar"].words == {"yes": ("نعم", "أجل", "اي")}


def test_a_list_of_words_has_no_empty_words() -> None:
    assert split_words(" yes,, y ,، ") == ("yes", "y")


def test_languages_are_named_in_themselves_and_in_others() -> None:
    assert made_texts({}).languages() == {"en": "English", "ar": "العربية"}
    assert language_name("es", "es") == "Español"
    assert language_name("ar", "en") == "Arabic"
    assert language_name("pt_BR", "pt_BR") == "Português (Brasil)"
    assert language_name("tl", "en") == "Tagalog"


def test_a_broken_catalog_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "messages.po"
    path.write_text('msgid "a"\nmsgstr "b"\n\nwhat is this\n')
    with pytest.raises(FlowError) as told:
        read_catalog(path)
    assert str(told.value) == f"{path}:4:1: error[bad-catalog]: this catalog cannot be read: this line is no gettext"


# What ships.


def test_every_shipped_text_can_be_said_in_every_language(shipped: Library, shipped_texts: Texts) -> None:
    for locale in SHIPPED:
        for text, source in shipped.sources.items():
            said = shipped_texts.say(text, locale, dict.fromkeys(source.names, "7F3K"))
            assert said
            assert "{" not in said
            assert all(line.count(FSI) == line.count(PDI) for line in said.split("\n"))


def test_all_questions_of_the_helplines_faq_are_answered(shipped: Library) -> None:
    assert list(shipped.faq) == [
        "what_is_helpline",
        "who_can_contact",
        "what_support",
        "how_to_contact",
        "not_sure_qualifies",
        "where_based",
        "referred_mention",
        "response_time",
        "languages",
        "free_of_charge",
        "prevention",
        "legal",
        "out_of_scope_support",
        "internet_access",
        "confidentiality",
        "specific_member",
        "event_invitation",
    ]


def test_no_text_is_lost_where_the_helpline_has_no_addresses_and_links(shipped: Library) -> None:
    bare = {name: value if name in ("name", "first_response") else "" for name, value in FULL.items()}
    texts = Texts(shipped, Catalogs.read(ROOT / "locales"), lambda _: bare, SHIPPED)
    for locale in SHIPPED:
        for text, source in shipped.sources.items():
            said = texts.say(text, locale, dict.fromkeys(source.names - set(bare), "7F3K"))
            assert said
            assert "@" not in said
            assert "://" not in said


def test_only_the_config_names_the_helpline_and_its_addresses(shipped: Library) -> None:
    for source in shipped.sources.values():
        said = " ".join(source.paragraphs).lower()
        assert "access now" not in said
        assert "accessnow" not in said
        assert "http" not in said
        assert "@" not in said


def test_the_notices_that_others_may_read_name_nobody(shipped: Library) -> None:
    for name in ("notice_unencrypted", "room_unsafe_third", "room_unsafe_history"):
        source = shipped.sources[TextId(f"bot.{name}")]
        assert not source.names
        assert "helpline" not in " ".join(source.paragraphs).lower()


def test_nobody_is_shouted_at(shipped: Library, shipped_texts: Texts) -> None:
    for locale in SHIPPED:
        for text, source in shipped.sources.items():
            if not text.startswith("staff."):  # staff commands begin with one
                said = shipped_texts.say(text, locale, dict.fromkeys(source.names, "7F3K"))
                assert not {"!", "¡", "！"}.intersection(said)


def test_the_words_that_texts_show_are_understood(shipped: Library, shipped_texts: Texts) -> None:
    shown = {"bot.help": ("person", "back", "menu", "language", "skip", "stop", "help"), "bot.skip_hint": ("skip",)}
    shown |= {"main.welcome": ("person", "help"), "consent.declined": ("person",), "bot.offer_person": ("person",)}
    for locale, lexicon in shipped_texts.lexicons().items():
        for text, words in shown.items():
            said = shipped_texts.say(TextId(text), locale)
            for word in words:
                first = lexicon.words[word][0]
                assert re.search(rf'["«„“]\s?{re.escape(first)}\s?["»“”]', said)


def test_no_word_means_two_things_in_a_language(shipped_texts: Texts) -> None:
    for lexicon in shipped_texts.lexicons().values():
        words = [fold(word) for listed in lexicon.words.values() for word in listed]
        assert len(words) == len(set(words))
