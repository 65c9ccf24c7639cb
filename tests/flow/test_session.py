from __future__ import annotations

import json
import traceback
from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.domain import Answer, Attachment, Kind, TextId
from bot.flow.session import CONSENTED, Held, Passed, Session, files, from_json, to_json
from bot.flow.sorts import Entry

texts = st.text(max_size=10)
passed = st.builds(
    Passed,
    state=texts,
    answer=st.builds(
        Answer,
        step=texts,
        question=texts.map(TextId),
        outcome=texts,
        label=st.none() | texts.map(TextId),
        words=st.none() | texts,
        version=st.none() | st.integers(0, 9),
    ),
    ref=st.none() | texts,
)
answers = st.lists(passed, max_size=3).map(tuple)
sessions = st.builds(
    Session,
    state=texts,
    locale=st.none() | texts,
    path=answers,
    kept=answers,
    aside=st.none() | texts,
    tries=st.integers(0, 3),
    hinted=st.booleans(),
    unread=st.booleans(),
    missed=st.none() | texts,
    offered=st.none() | passed,
    unverified=st.booleans(),
)


@given(sessions)
def test_a_stored_session_is_the_same_session(session: Session) -> None:
    stored = to_json(session)
    assert stored.isascii()
    assert from_json(stored) == session


def test_a_stored_session_is_small() -> None:
    answer = Answer("who.role", TextId("who.role/label"), "other", TextId("who.role.other"))
    stored = to_json(Session("who/problem", "en", (Passed("who/role", answer),)))
    assert stored == (
        '["who/problem","en",[["who/role","who.role","who.role/label","other","who.role.other",null,null]],[],'
        "null,0,false]"
    )


@pytest.mark.parametrize("added", ["", ",true", ",true,null,null,false"])
def test_a_session_that_was_stored_earlier_is_read(added: str) -> None:
    row = '["who/role","who.role","who.role/label","other","who.role.other",null,null]'
    session = from_json(f'["who/problem","en",[{row}],[],null,1,false{added}]')
    answer = Answer("who.role", TextId("who.role/label"), "other", TextId("who.role.other"))
    assert session == Session("who/problem", "en", (Passed("who/role", answer),), tries=1, unread=bool(added))


@given(st.text(max_size=60))
@example("")
@example("null")
@example("[]")
@example("{}")
@example('["a","en",[],[],null,0]')
@example('["a","en",[[]],[],null,0,false,false]')
@example('["a","en",[1],[],null,0,false,false]')
@example('["a","en",null,[],null,0,false,false]')
@example('["a",1,[],[],null,0,false,false]')
@example('["a","en",[],[],null,-1,false]')
@example('["a","en",[],[],null,true,false]')
@example('["a","en",[],[],null,1.0,false]')
@example("[" * 100_000)
def test_what_is_no_stored_session_is_refused(stored: str) -> None:
    with pytest.raises(ValueError, match=r"^this is not a stored session$"):
        from_json(stored)


def test_a_refusal_tells_nothing_of_the_content() -> None:
    stored = json.dumps(["a", "en", [["my secret"]]])
    for broken in (stored, stored[:-1]):
        with pytest.raises(ValueError, match="not a stored session") as raised:
            from_json(broken)
        assert "secret" not in "".join(traceback.format_exception(raised.value))
        assert raised.value.__context__ is None


def test_a_session_shows_no_answers_when_it_is_printed() -> None:
    answer = Answer("who.role", TextId("who.role"), "answered", words="my secret")
    session = Session("a", "en", (Passed("who/role", answer),), (Passed("who/role", answer),))
    assert (
        repr(session)
        == "Session(state='a', locale='en', aside=None, tries=0, hinted=False, unread=False, unverified=False, "
        "reminded=False, unanswered=False, entry=None)"
    )
    assert "secret" not in repr(Passed("who/role", answer))


def test_what_somebody_wrote_who_came_back_is_stored_and_is_not_shown() -> None:
    file = Attachment(Kind.FILE, "name", "text/plain", 1, "place", "secret", channel="matrix")
    held = (Held("my secret", "$1", timedelta(days=1)), Held(file))
    session = Session("returning/matter", "en", entry=Entry.RETURNING, held=held)
    assert from_json(to_json(session)) == session
    assert files(session) == (file,)
    assert "secret" not in repr(session) + repr(held[0])
    assert from_json(to_json(Session("a", path=(CONSENTED,), entry=Entry.ASKED))).path == (CONSENTED,)


def test_the_files_of_a_session_are_those_of_all_its_answers() -> None:
    def sent(name: str) -> Passed:
        file = Attachment(Kind.FILE, name, "text/plain", 1, name, "secret", channel="matrix")
        return Passed(name, Answer(name, TextId(name), "attached", words=name, file=file))

    plain = Passed("plain", Answer("plain", TextId("plain"), "yes"))
    session = Session("here", path=(sent("on the path"), plain), kept=(sent("kept"),), offered=sent("offered"))
    assert [file.name for file in files(session)] == ["on the path", "kept", "offered"]
    assert files(Session("here", path=(plain,), offered=plain)) == files(None) == ()
