"""The file of canned replies: what it may say, and what is wrong with it in a located sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot import library
from bot.flow.loader import load
from bot.flow.model import FlowError

SHIPPED = Path(__file__).parents[2] / "flows"
FLOWS = {
    "main.yaml": "flow: main\nsteps:\n  - choose: service\n    text: Which?\n    options: {mail: Mail, chat: A chat}\n",
    "faq.yaml": "faq: faq\nquestions:\n  legal: {title: Legal help, answer: Write to the lawyers.}\n",
}


def refused(canned: str) -> list[str]:
    with pytest.raises(FlowError) as raised:
        load({**FLOWS, "canned.yaml": canned})
    return [str(problem) for problem in raised.value.problems]


def test_the_shipped_replies_send_people_where_the_faq_does() -> None:
    canned = library.read(SHIPPED).canned
    assert canned.declines["legal"] == "faq.legal"
    assert canned.declines["support"] == "faq.out_of_scope_support"
    assert canned.declines["internet"] == "faq.internet_access"
    assert "canned.taken" in canned.replies.values()


def test_a_reply_may_quote_an_answer_by_the_name_of_its_step() -> None:
    found = load({**FLOWS, "canned.yaml": 'canned: replies\nreplies: {about: "About {service}, {case}"}\n'})
    assert found.placeholders[found.canned.replies["about"]] == {"service", "case"}


@pytest.mark.parametrize(
    ("canned", "place", "told"),
    [
        (
            "canned: replies\nreplies: {a: '{servce}'}\n",
            "canned.yaml:2:14",
            "'{servce}' in this text. Did you mean 'service'",
        ),
        ("canned: replies\nreplies: {a: b}\ndeclines: {x: {faq: leagl}}\n", "canned.yaml:3:21", "no entry 'leagl'"),
        ("canned: replies\nreplies: {a: {note: x}}\n", "canned.yaml:2:14", "needs 'text:'"),
        ("canned: replies\nreplies: {a: {faq: legal, text: b}}\n", "canned.yaml:2:15", "has no 'faq'"),
        ("canned: replies\n", "canned.yaml:1:1", "needs 'replies:'"),
        ("canned: replies\nreplies: {A: b}\n", "canned.yaml:2:11", "cannot be a name"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(canned: str, place: str, told: str) -> None:
    [problem] = refused(canned)
    assert problem.startswith(place)
    assert told in problem


def test_there_is_one_such_file() -> None:
    with pytest.raises(FlowError, match="already a file"):
        load({**FLOWS, "a.yaml": "canned: replies\nreplies: {a: b}", "b.yaml": "canned: other\nreplies: {a: b}"})


def test_what_a_file_that_cannot_be_read_may_have_said_is_not_missed() -> None:
    with pytest.raises(FlowError) as raised:
        load({"main.yaml": "flow: [", "canned.yaml": "canned: replies\nreplies: {a: '{service}'}\n"})
    assert [problem.mark.file for problem in raised.value.problems] == ["main.yaml"]
