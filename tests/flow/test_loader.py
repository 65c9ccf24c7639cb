from __future__ import annotations

import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.domain import TextId
from bot.flow.loader import load
from bot.flow.model import ChooseStep, ConsentStep, FlowError, HandoffStep, Mark, Problem, Source
from tests.flow.small import good


def one(flow: str, name: str) -> object:
    return next(step for step in load(good()).flows[flow].steps if step.name == name)


def test_every_text_keeps_its_place_its_note_and_its_paragraphs() -> None:
    sources = load(good()).sources
    assert sources[TextId("who.role.activist")] == Source(
        TextId("who.role.activist"), ("An activist",), "As the person would say it.", Mark("who.yaml", 7, 25)
    )
    assert sources[TextId("who.role/label")].paragraphs == ("Role",)
    assert sources[TextId("consent.consent")].paragraphs == ("We read what you write.", "Do you agree?")
    assert sources[TextId("consent.consent/covers")].mark == Mark("consent.yaml", 6, 13)


def test_faq_phrases_and_words_have_their_ids() -> None:
    library = load(good())
    assert library.sources[TextId("faq.legal/title")].paragraphs == ("Can you help with the law?",)
    assert library.sources[TextId("faq.legal")].paragraphs == ("No.", "Write to {legal_address}.")
    assert library.sources[TextId("bot.going_on")].paragraphs == ("We go on.",)
    assert library.word_sources["yes"].paragraphs == ("yes, y, yeah",)
    assert library.word_sources["yes"].id == "words.yes"


def test_the_placeholders_of_each_text_are_known() -> None:
    assert load(good()).placeholders == {
        "bot.did_you_mean": {"answer"},
        "main.welcome": {"name"},
        "main.handoff": {"case"},
        "person.handoff": {"case"},
        "returning.reopen": {"case"},
        "faq.legal": {"legal_address"},
    }


def test_options_keep_their_order_and_no_is_a_word() -> None:
    also = one("who", "also")
    assert isinstance(also, ChooseStep)
    assert [option.name for option in also.options] == ["yes", "no"]
    assert also.go.of("no") is not None


def test_a_consent_has_its_version_and_a_handoff_its_card() -> None:
    consent, handoff = one("consent", "consent"), one("main", "handoff")
    assert isinstance(consent, ConsentStep)
    assert isinstance(handoff, HandoffStep)
    assert consent.version == 1
    assert handoff.topic is not None
    assert handoff.topic.name == "problem"


def test_a_step_and_a_flow_keep_the_names_that_they_had() -> None:
    files = good()
    files["who.yaml"] = files["who.yaml"].replace("steps:", "was: [whom, people]\nsteps:")
    files["main.yaml"] = files["main.yaml"].replace("  - ask: what\n", "  - ask: what\n    was: story\n")
    files["main.yaml"] = files["main.yaml"].replace("  - end: bye\n", "  - end: bye\n    was: [goodbye, leave]\n")
    flows = load(files).flows
    assert flows["who"].was == ("whom", "people")
    assert flows["main"].renamed == {"story": "what", "goodbye": "bye", "leave": "bye"}
    assert flows["main"].was == ()


def test_a_byte_order_mark_is_no_problem() -> None:
    files: dict[str, str | bytes] = {name: text.encode("utf-8-sig") for name, text in good().items()}
    assert load(files).sources == load(good()).sources


def test_every_problem_of_every_file_is_told_in_the_order_of_the_files() -> None:
    files = good()
    files["who.yaml"] = files["who.yaml"].replace("go: also", "go: alos").replace("options:", "option:")
    files["person.yaml"] = files["person.yaml"].replace("call: consent", "call: consnet")
    with pytest.raises(FlowError) as raised:
        load(files)
    codes = [(problem.mark.file, problem.code) for problem in raised.value.problems]
    assert codes[0] == ("person.yaml", "unknown-flow")
    assert ("who.yaml", "unknown-target") in codes
    assert codes == sorted(codes, key=lambda found: found[0])
    assert str(raised.value) == "\n".join(map(str, raised.value.problems))


def test_what_stands_in_a_file_that_cannot_be_read_is_not_missed() -> None:
    with pytest.raises(FlowError) as raised:
        load({**good(), "who.yaml": "flow: who\n  steps: wrong"})
    assert [(problem.mark.file, problem.code) for problem in raised.value.problems] == [("who.yaml", "bad-yaml")]


def test_what_leads_to_a_faulty_step_is_not_reported_as_leading_nowhere() -> None:
    files = good()
    files["who.yaml"] = files["who.yaml"].replace("text: What is it about?", "txt: What is it about?")
    with pytest.raises(FlowError) as raised:
        load(files)
    assert {problem.code for problem in raised.value.problems} == {"unknown-key", "missing-text"}


def test_flows_that_run_each_other_are_told_as_a_circle() -> None:
    files = good()
    files["person.yaml"] += "  - call: who\n"
    files["who.yaml"] = files["who.yaml"].replace("keep: case\n", "  - call: person\n")
    with pytest.raises(FlowError) as raised:
        load(files)
    assert [str(problem) for problem in raised.value.problems] == [
        "person.yaml:7:11: error[recursion]: this flow would run itself without end: who -> person -> who"
    ]


def test_flows_without_an_entry_are_refused() -> None:
    with pytest.raises(FlowError, match="no file begins with 'flow: main', where every conversation begins"):
        load({"who.yaml": good()["who.yaml"]})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfe\x00", "1:1: error[bad-yaml]: this is not a text in UTF-8"),
        ("flow: \ud800", "1:1: error[bad-yaml]: this is not a text in UTF-8"),
        ("flow: a\nabout: \x07", "2:8: error[bad-yaml]: this cannot be read: there is an invisible control character"),
        ("", "1:1: error[unknown-key]: the first line of a file says what it is"),
        ("- a", "1:1: error[unknown-key]: the first line of a file says what it is"),
        ("flow: &a x", "1:7: error[bad-yaml]: a text that begins with & or * needs quotes"),
        ("flow: *a", "1:7: error[bad-yaml]: a text that begins with & or * needs quotes"),
        ("flow: !a x", "1:7: error[bad-yaml]: a text that begins with ! needs quotes"),
        ("flow: a\n---\nflow: b", "2:1: error[bad-yaml]: this cannot be read: only one flow in a file"),
        ("[" * 100_000, "1:14: error[bad-yaml]: this is nested too deep"),
        ("- " * 100_000, "1:27: error[bad-yaml]: this is nested too deep"),
        ("? " * 100_000, "1:27: error[bad-yaml]: this is nested too deep"),
        ("[a]: b", "1:1: error[bad-yaml]: a name is expected here"),
        ("flow: 'a", "1:9: error[bad-yaml]: this cannot be read: a quotation mark is not closed"),
        ("flow: a\nsteps: {a: b", "3:1: error[bad-yaml]: this cannot be read: a bracket is not closed"),
    ],
)
def test_a_file_that_is_no_flow_file_is_told_in_one_sentence(content: str | bytes, said: str) -> None:
    with pytest.raises(FlowError) as raised:
        load({"x.yaml": content})
    assert str(raised.value.problems[0]).startswith(f"x.yaml:{said}")


LINES = [
    line + ending
    for name in ("main.yaml", "who.yaml", "consent.yaml", "faq.yaml", "bot.yaml")
    for line in good()[name].splitlines()
    for ending in ("\n", "", ": \n")
]
MESS = st.text(st.sampled_from(string.printable + "\u0000\u0085\ufeff\ud800éع{}[]:-&*!|>%@`"), max_size=60)


def tried(content: str | bytes) -> None:
    found: tuple[Problem, ...] = ()
    try:
        load({**good(), "more.yaml": content})
        load({"x.yaml": content})
    except FlowError as error:
        found = error.problems
    assert all(problem.mark.line > 0 and problem.mark.column > 0 for problem in found)


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_a_flow_error(content: bytes) -> None:
    tried(content)


@given(MESS | st.lists(st.sampled_from(LINES) | MESS, max_size=12).map("".join))
@example("flow: main\nsteps: ~")
@example("flow: main\nsteps: [{say: x, text: [[a]]}]")
@example("flow: main\nmenu: {}\nperson: []\nsteps: [{call: more}, {call: main}]")
@example("flow: {a: b}\nsteps: 1")
@example("phrases: bot\ntexts: {a: {text: {}}}\nwords: {yes: [], no: {text: []}}")
@example("faq: []\nquestions: {a: [], b: {title: {}, answer: {}}}")
@example("flow: more\nsteps: [{consent: a, text: b, version: " + "9" * 5000 + ", go: {no: {}}}]")
@example("flow: more\nsteps: [{handoff: a, text: b, card: [x]}, {handoff: c, text: d, card: {topic: [], urgency: {}}}]")
def test_no_mess_of_lines_raises_anything_but_a_flow_error(content: str) -> None:
    tried(content)
