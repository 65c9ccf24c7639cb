"""The translators' files: made from the flows, brought up to date, and checked."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot import catalogs, library
from bot.catalog_checks import check_languages, check_template
from bot.config import Helpline
from bot.domain import TextId
from bot.flow.loader import load
from bot.flow.model import FlowError, Library, Mark, Problem, Severity, Source
from bot.i18n import catalogs_in, read_catalog

ROOT = Path(__file__).parent.parent
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def made_library(texts: Mapping[str, str], note: str = "", words: Mapping[str, str] | None = None) -> Library:
    sources = {
        TextId(name): Source(TextId(name), (text,), note, Mark("flows/main.yaml", line, 11))
        for line, (name, text) in enumerate(texts.items(), 4)
    }
    word_sources = {
        name: Source(TextId(f"words.{name}"), (listed,), "", Mark("flows/bot.yaml", 30, 8))
        for name, listed in (words or {}).items()
    }
    return Library({}, {}, sources, word_sources)


def check(flows: Library, folder: Path, locales: list[str]) -> list[Problem]:
    languages = check_languages(flows, catalogs_in(folder), folder, locales)
    return [*check_template(flows, folder), *(problem for language in languages for problem in language.problems)]


class Folder:
    """A locales folder with one Spanish catalog."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.spanish = path / "es" / "LC_MESSAGES" / "messages.po"

    def bring_up_to_date(self, flows: Library) -> None:
        catalogs.extract(flows, self.path, NOW)
        catalogs.update(flows, self.path, ["en", "es"], NOW)

    def translate(self, english: str, spanish: str) -> None:
        text = self.spanish.read_text()
        begin = f'msgid "{english}"\nmsgstr "'
        assert begin in text
        self.spanish.write_text(text.replace(begin + '"', f'{begin}{spanish}"'))

    def check(self, flows: Library) -> list[str]:
        problems = check(flows, self.path, ["en", "es"])
        return [str(problem).replace(f"{self.path}/", "") for problem in problems]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_the_template_has_text_id_note_and_place(folder: Folder) -> None:
    catalogs.extract(made_library({"main.menu": "What now?"}, note="Keep it short."), folder.path, NOW)
    written = (folder.path / "messages.pot").read_text()
    assert '#. Keep it short.\n#: flows/main.yaml:4\nmsgctxt "main.menu"\nmsgid "What now?"\nmsgstr ""\n' in written


def test_words_are_translated_as_a_list(folder: Folder) -> None:
    catalogs.extract(made_library({}, words={"yes": "yes, y"}), folder.path, NOW)
    assert 'msgctxt "words.yes"\nmsgid "yes, y"\n' in (folder.path / "messages.pot").read_text()


def test_a_template_that_says_the_same_is_left_alone(folder: Folder) -> None:
    flows = made_library({"main.menu": "What now?"})
    later = NOW + timedelta(days=1)
    assert catalogs.extract(flows, folder.path, NOW)
    assert not catalogs.extract(flows, folder.path, later)
    assert catalogs.extract(made_library({"main.menu": "What else?"}), folder.path, later)
    assert "2026-11-23" in (folder.path / "messages.pot").read_text()


def test_a_new_language_begins_with_its_header(folder: Folder) -> None:
    folder.bring_up_to_date(made_library({"main.menu": "What now?"}))
    catalog = read_catalog(folder.spanish)
    assert catalog.locale_identifier == "es"
    assert catalog.num_plurals > 1
    assert not catalog.fuzzy
    assert not (folder.path / "en").exists()


def test_an_update_that_changes_nothing_writes_nothing(folder: Folder) -> None:
    flows = made_library({"main.menu": "What now?"})
    folder.bring_up_to_date(flows)
    assert catalogs.update(flows, folder.path, ["es"], NOW + timedelta(days=1)) == []


def test_a_changed_sentence_keeps_its_translation_as_fuzzy(folder: Folder) -> None:
    folder.bring_up_to_date(made_library({"main.menu": "What would you like to do?"}))
    folder.translate("What would you like to do?", "¿Qué quiere hacer?")
    changed = made_library({"main.menu": "What would you like to do now?"})
    folder.bring_up_to_date(changed)
    message = read_catalog(folder.spanish).get("What would you like to do now?", "main.menu")
    assert message is not None
    assert message.fuzzy
    assert message.string == "¿Qué quiere hacer?"
    assert folder.check(changed) == [
        "es/LC_MESSAGES/messages.po:23:1: warning[stale-translation]: 'main.menu' has changed since it was translated. "
        "Look at it, then take 'fuzzy' away"
    ]


def test_a_sentence_that_is_gone_raises_no_alarm(folder: Folder) -> None:
    folder.bring_up_to_date(made_library({"main.a": "One", "main.b": "Something quite different"}))
    folder.translate("One", "Uno")
    folder.translate("Something quite different", "Otra cosa")
    fewer = made_library({"main.a": "One"})
    folder.bring_up_to_date(fewer)
    assert folder.check(fewer) == []
    assert '#~ msgid "Something quite different"' in folder.spanish.read_text()
    assert catalogs.status(fewer, folder.path) == [
        catalogs.Status("es", translated=1, fuzzy=0, missing=0, obsolete=1, read=False)
    ]


def test_status_counts_each_message_once(folder: Folder) -> None:
    folder.bring_up_to_date(made_library({"main.a": "The first question", "main.b": "Zebra", "staff.c": "Other"}))
    folder.translate("The first question", "La primera")
    flows = made_library({"main.a": "The first questions", "main.b": "Zebra", "staff.c": "Other"})
    folder.bring_up_to_date(flows)
    folder.translate("Zebra", "Cebra")
    assert catalogs.status(flows, folder.path) == [
        catalogs.Status("es", translated=1, fuzzy=1, missing=1, obsolete=0, read=False)
    ]


@pytest.mark.parametrize(
    ("header", "read"),
    [
        ("# Read by a native speaker: not yet\n", False),
        ("# Read by a native speaker: yes\n", True),
        ("# Read by a native speaker: Yes, in May\n", True),
        ("# Read by a native speaker:\n", False),
        ("", False),
    ],
)
def test_a_catalog_says_whether_a_native_speaker_has_read_it(folder: Folder, header: str, read: bool) -> None:
    flows = made_library({"main.a": "One"})
    folder.bring_up_to_date(flows)
    begun = folder.spanish.read_text()
    assert begun.count("# Read by a native speaker: not yet\n") == 1
    folder.spanish.write_text(begun.replace("# Read by a native speaker: not yet\n", header))
    folder.bring_up_to_date(made_library({"main.a": "Two"}))
    (status,) = catalogs.status(flows, folder.path)
    assert status.read is read


def test_what_is_not_translated_is_told_where_it_stands(folder: Folder) -> None:
    flows = made_library({"main.menu": "What now?", "staff.card": "Card"}, words={"yes": "yes"})
    folder.bring_up_to_date(flows)
    folder.translate("yes", " , ")
    assert folder.check(flows) == [
        "es/LC_MESSAGES/messages.po:23:1: warning[missing-translation]: 'words.yes' names no word",
        "es/LC_MESSAGES/messages.po:28:1: warning[missing-translation]: 'main.menu' is not translated",
        # specialists read the helpline's own language
        "es/LC_MESSAGES/messages.po:33:1: advice[missing-translation]: 'staff.card' is not translated",
    ]


def test_what_a_catalog_has_not_heard_of_is_told_where_the_flow_says_it(folder: Folder) -> None:
    folder.bring_up_to_date(made_library({}))
    flows = made_library({"main.menu": "What now?"})
    catalogs.extract(flows, folder.path, NOW)
    assert folder.check(flows) == [
        "flows/main.yaml:4:11: warning[missing-translation]: 'main.menu' is not in es/LC_MESSAGES/messages.po. "
        "Run `vestibule catalogs update`"
    ]


@pytest.mark.parametrize(
    ("spanish", "fault"),
    [
        ("Escriba", "lacks {help_address}"),
        ("Escriba a {help_adress}", "lacks {help_address}, and has {help_adress}, which the English does not have"),
        ("{name}: {help_address}", "has {name}, which the English does not have"),
        ("Escriba a {help_address} {", "has a { or } that belongs to no placeholder"),
        ("Escriba a {help_address} {Name}", "has a { or } that belongs to no placeholder"),
    ],
)
def test_placeholders_must_be_the_same(folder: Folder, spanish: str, fault: str) -> None:
    flows = made_library({"main.a": "Write to {help_address}"})
    folder.bring_up_to_date(flows)
    folder.translate("Write to {help_address}", spanish)
    assert folder.check(flows) == [
        f"es/LC_MESSAGES/messages.po:22:1: error[placeholder-mismatch]: the translation of 'main.a' {fault}"
    ]


@pytest.mark.parametrize("english", ["Signal", "Digital Security Helpline", "{name}: {case}", "!claim {case}", "No"])
def test_a_name_or_a_word_may_be_the_same_in_two_languages(folder: Folder, english: str) -> None:
    flows = made_library({"main.a": english})
    folder.bring_up_to_date(flows)
    folder.translate(english, english)
    assert folder.check(flows) == []


def test_a_sentence_that_stays_english_is_told(folder: Folder) -> None:
    flows = made_library({"main.a": "Write to {name} now"}, words={"yes": "yes, yes please"})
    folder.bring_up_to_date(flows)
    folder.translate("Write to {name} now", "Write to {name} now")
    folder.translate("yes, yes please", "yes, yes please")
    assert folder.check(flows) == [
        "es/LC_MESSAGES/messages.po:23:1: warning[same-as-source]: the translation of 'words.yes' is the English text, "
        "word for word",
        "es/LC_MESSAGES/messages.po:29:1: warning[same-as-source]: the translation of 'main.a' is the English text, "
        "word for word",
    ]


def ready(flows: Library, folder: Folder) -> bool:
    (spanish,) = check_languages(flows, catalogs_in(folder.path), folder.path, ["en", "es"])
    return spanish.ready


def test_a_language_is_ready_when_everything_for_requesters_is_translated_and_confirmed(folder: Folder) -> None:
    flows = made_library({"main.menu": "What now?", "staff.card": "Card"})
    folder.bring_up_to_date(flows)
    assert not ready(flows, folder)
    folder.translate("What now?", "¿Qué más?")
    assert ready(flows, folder)  # specialists read the helpline's own language
    changed = made_library({"main.menu": "What is it now?", "staff.card": "Card"})
    folder.bring_up_to_date(changed)
    assert not ready(changed, folder)


def test_a_language_with_a_fault_in_its_catalog_is_not_ready(folder: Folder) -> None:
    flows = made_library({"main.menu": "Write to {help_address}"})
    folder.bring_up_to_date(flows)
    folder.translate("Write to {help_address}", "Escriba")
    assert not ready(flows, folder)


def test_a_template_older_than_the_flows_is_told(folder: Folder) -> None:
    flows = made_library({"main.a": "One"})
    assert folder.check(flows)[0] == (
        "messages.pot:1:1: error[stale-pot]: there is no template. Run `vestibule catalogs extract`"
    )
    folder.bring_up_to_date(flows)
    folder.translate("One", "Uno")
    assert folder.check(flows) == []
    noted = made_library({"main.a": "One"}, note="For children.")
    assert folder.check(noted) == [
        "messages.pot:1:1: error[stale-pot]: the template is older than the flows (1 difference). "
        "Run `vestibule catalogs extract`"
    ]


def test_a_sentence_that_only_moved_makes_no_template_stale(folder: Folder) -> None:
    flows = made_library({"main.a": "One"})
    folder.bring_up_to_date(flows)
    folder.translate("One", "Uno")
    source = flows.sources[TextId("main.a")]
    moved = replace(flows, sources={source.id: replace(source, mark=Mark("flows/main.yaml", 99, 3))})
    assert folder.check(moved) == []


def test_an_offered_language_without_a_catalog_is_told(folder: Folder) -> None:
    flows = made_library({})
    catalogs.extract(flows, folder.path, NOW)
    assert folder.check(flows) == [
        "es/LC_MESSAGES/messages.po:1:1: error[missing-catalog]: 'es' is offered, but has no catalog. "
        "`vestibule catalogs update es` begins one"
    ]


def test_a_catalog_in_the_wrong_folder_is_told(folder: Folder) -> None:
    flows = made_library({})
    folder.bring_up_to_date(flows)
    text = folder.spanish.read_text()
    folder.spanish.write_text(text.replace("Language: es", "Language: pt-BR"))
    assert folder.check(flows) == [
        "es/LC_MESSAGES/messages.po:1:1: error[wrong-language]: this catalog lies in the folder of 'es', but its "
        "header names 'pt_BR'. Is it the right file?"
    ]
    folder.spanish.write_text(text.replace('"Language: es\\n"\n', ""))
    assert "but its header names no language" in folder.check(flows)[0]


def test_a_folder_that_is_no_language_is_told(folder: Folder) -> None:
    flows = made_library({})
    folder.bring_up_to_date(flows)
    folder.spanish.write_text(folder.spanish.read_text().replace("Language: es", "Language: klingon"))
    (folder.path / "es").rename(folder.path / "klingon")
    problems = check(flows, folder.path, ["en"])
    assert [problem.code for problem in problems] == ["unknown-locale"]
    assert problems[0].message == "'klingon' is not the code of a language that we know"


def test_a_broken_catalog_is_one_problem_among_others(folder: Folder) -> None:
    flows = made_library({})
    folder.bring_up_to_date(flows)
    folder.spanish.write_bytes(b'msgid "a"\nmsgstr "\xff"\n')
    assert [problem.code for problem in check(flows, folder.path, ["es"])] == ["bad-catalog"]


# What reads the flows, and what ships.


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FlowError) as told:
        library.read(tmp_path / "flows")
    assert str(told.value) == f"{tmp_path}/flows:1:1: error[unreadable-file]: cannot be read: no such file or directory"


def test_a_folder_without_flows_is_told(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a flow")
    with pytest.raises(FlowError) as told:
        library.read(tmp_path)
    assert str(told.value) == (
        f"{tmp_path}:1:1: error[no-flow-files]: there is no flow file in this folder; flow files end in .yaml"
    )


def test_the_shipped_catalogs_are_complete() -> None:
    flows = library.read(ROOT / "flows")
    problems = check(flows, ROOT / "locales", Helpline().locales)
    assert [str(problem) for problem in problems if problem.severity is Severity.ERROR] == []


@pytest.mark.skipif(not shutil.which("msgfmt"), reason="gettext's own tools are not here")
@pytest.mark.parametrize("locale", ["es", "ar"])
def test_gettext_itself_accepts_the_shipped_catalogs(locale: str) -> None:
    path = ROOT / "locales" / locale / "LC_MESSAGES" / "messages.po"
    subprocess.run(["msgfmt", "--check", "--output-file=/dev/null", str(path)], check=True, capture_output=True)


def test_the_note_of_a_step_reaches_the_translators_of_each_of_its_texts() -> None:
    flows = {
        "main.yaml": "flow: main\nsteps:\n"
        "  - ask: a\n    text: One?\n    label: Two\n    error: Three\n    remind_after: 1 hour\n    remind: Four\n"
        "    note: As it is said on the phone.\n"
        "  - several: b\n    text: Five?\n    options: {c: Six, d: Seven}\n    note: As it is said on the phone.\n",
    }
    template = catalogs.template(load(flows))
    noted = {message.id for message in template if message.auto_comments == ["As it is said on the phone."]}
    assert noted == {"One?", "Two", "Three", "Four", "Five?", "Six", "Seven"}


def test_phrasings_lie_in_a_folder_of_their_own_beside_the_flows(tmp_path: Path) -> None:
    (tmp_path / "faq.yaml").write_text(
        "faq: helpline\nquestions:\n  free:\n    title: Is it free?\n    answer: It is.\n"
    )
    (tmp_path / "main.yaml").write_text("flow: main\nsteps:\n  - end: bye\n")
    assert library.read(tmp_path).phrasings == {}
    (tmp_path / "faq").mkdir()
    (tmp_path / "faq" / "es.yaml").write_text("phrasings: es\nquestions:\n  free: [cuánto cuesta, hay que pagar]\n")
    asked = library.read(tmp_path).phrasings["es"].asked()
    assert [(key, said.text, said.mark.line) for key, said in asked] == [
        ("free", "cuánto cuesta", 3),
        ("free", "hay que pagar", 3),
    ]
    (tmp_path / "faq" / "es.yaml").write_text("phrasings: es\nquestions:\n  fre: cuánto cuesta\n")
    with pytest.raises(FlowError, match=r"faq/es\.yaml:3:3: error\[unknown-faq\]: .* Did you mean 'free'\?"):
        library.read(tmp_path)


@pytest.mark.parametrize(
    "glossary", sorted((ROOT / "locales").glob("*/GLOSSARY.md")), ids=lambda path: path.parent.name
)
def test_every_glossary_has_the_terms_of_the_english_one(glossary: Path) -> None:
    english, translated = (_rows(path) for path in (ROOT / "locales" / "GLOSSARY.md", glossary))
    assert [term for term, _ in translated[1:]] == [term for term, _ in english[1:]]
    assert all(word for _, word in translated)


def _rows(path: Path) -> list[list[str]]:
    lines = [line for line in path.read_text().splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
