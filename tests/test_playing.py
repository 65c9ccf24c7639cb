"""`vestibule play`: beginning anywhere, what is shown beside the conversation, and what is written down."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from bot.workshop.playing import in_terminal
from bot.workshop.stage import Stage
from bot.workshop.transcripts import Opening, parse
from tests.shell import Interrupted, vestibule

ROOT = Path(__file__).parents[1]
FLOWS = ROOT / "flows"
LOCALES = ("en", "es", "ar")


@pytest.fixture(scope="module")
def stage() -> Stage:
    return Stage(FLOWS)


@pytest.fixture(autouse=True)
def _at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


class TestAt:
    def test_the_fifth_question_without_the_first_four(self) -> None:
        code, out, _ = vestibule("play", "main", "--at", "urgency", "--json", answers="2\n")
        first, second = (json.loads(line) for line in out.splitlines())
        assert code == 0
        assert (first["state"], second["state"]) == ("incident/urgency", "incident/country")

    @pytest.mark.parametrize("at", ["incident/urgency", "incident.urgency", "urgency"])
    def test_a_state_has_several_names(self, stage: Stage, at: str) -> None:
        assert stage.begin(Opening(at=at)).turn.state == "incident/urgency"

    def test_of_two_places_the_one_in_the_flow_that_was_asked_for(self, stage: Stage) -> None:
        assert stage.begin(Opening("main", at="handoff")).turn.said.startswith("Thank you.")
        assert stage.begin(Opening("person", at="handoff")).turn.said.startswith("You are with our team now.")
        assert stage.begin(Opening("consent", at="consent")).turn.state == "consent/consent"
        assert stage.begin(Opening(at="person/consent/consent")).turn.state == "person/consent/consent"

    def test_what_was_answered_before_is_handed_over(self) -> None:
        code, out, _ = vestibule(
            "play", "main", "--at", "review", "--answer", "role=activist", "--answer", "problem=account",
            "--answer", "what_happened=They came: twice", "--answer", "referrer=skipped", "--answer", "consent=yes",
            answers="1\n",
        )  # fmt: skip
        assert code == 0
        assert "eligibility.role = activist" in out.splitlines()[0]
        told = out[out.index("--- what the specialists read ---") :]
        assert "An activist or human rights defender" in told
        assert "They came: twice" in told
        assert told.count("The team may read it") == 1

    @pytest.mark.parametrize("state", sorted(Stage(FLOWS).compiled.states))
    def test_one_can_begin_at_every_state(self, stage: Stage, state: str) -> None:
        game = stage.begin(Opening(locale="en", at=state))
        assert game.turn.said
        assert game.turn.state == state or stage.compiled.states[state].step.mark

    def test_where_nobody_has_agreed_yet_it_is_not_as_if_they_had(self, stage: Stage) -> None:
        assert stage.begin(Opening("eligibility")).before == ()
        assert stage.begin(Opening("incident")).before == (("consent.consent", "yes"),)
        assert stage.begin(Opening(at="consent/declined")).before == ()
        assert stage.begin(Opening("behalf")).before == (("consent.consent", "yes"),)
        assert stage.begin(Opening("consent")).before == ()

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (("--at", "urgnecy"), "there is no state 'urgnecy'. Did you mean 'urgency'?"),
            (("--at", "incident/urgncy"), "there is no state 'incident/urgncy'. Did you mean 'incident/urgency'?"),
            (("--at", "x"), "there is no state 'x'; there are language, welcome, menu, "),
            (("--at", "urgency", "--answer", "role=actvist"), "'actvist' is no answer to 'role'. Did you mean"),
            (("--at", "urgency", "--answer", "rloe=activist"), "there is no state 'rloe'. Did you mean 'role'?"),
            (("--at", "urgency", "--answer", "welcome=yes"), "'welcome' is no question whose answer is kept"),
            (("--at", "urgency", "--answer", "role"), "'role': an answer is given as STEP=OUTCOME"),
            (("--answer", "role=activist"), "answers that were given before need a place to stand at"),
        ],
    )
    def test_what_there_is_not_is_one_line(self, arguments: tuple[str, ...], message: str) -> None:
        code, out, err = vestibule("play", "main", *arguments)
        assert (code, out) == (2, "")
        assert err.startswith(message)
        assert err.count("\n") == 1


class TestBeside:
    def test_it_is_shown_where_the_conversation_stands_and_what_the_bot_would_do(self) -> None:
        _, out, _ = vestibule("play", "person", answers="yes\n")
        assert "[at person/consent/consent, flows/consent.yaml:5]\n" in out
        assert "[timer 'idle': 1 day without an answer]\n" in out
        assert "[hands over to people, with 1 answer]\n" in out

    def test_time_passes_when_it_is_told_to(self) -> None:
        _, out, _ = vestibule("play", "incident", answers="wait: 6 days\nwait: 1 day\n")
        assert "You have not written for some time" in out
        assert "[ends: nothing more is said until the person writes again]\n" in out
        assert out.endswith("--- the conversation is over ---\n")

    def test_a_terminal_shows_it_dim(self, stage: Stage) -> None:
        class Terminal(io.StringIO):
            def isatty(self) -> bool:
                return True

        out = Terminal()
        in_terminal(stage.begin(Opening("incident")), stage.library, io.StringIO(), out)
        assert "\x1b[2m[at incident/this_device, " in out.getvalue()

    def test_erasing_is_shown(self) -> None:
        _, out, _ = vestibule("play", "incident", answers="forget\nyes\n")
        assert "[erases all that is kept of this conversation]\n[ends: " in out

    def test_a_file_is_sent_by_its_name(self) -> None:
        _, out, _ = vestibule("play", "incident", answers="sends: photo.jpg\n")
        assert "I can take a file only when I have just asked you for one." in out

    def test_what_staff_ask_and_what_comes_of_it_is_shown(self) -> None:
        _, out, _ = vestibule(
            "play",
            "account_details",
            answers="help me\nperson\n",
        )
        assert "Service of the account [English]: help me" in out
        _, out, _ = vestibule("play", "account_details", "--at", "access", answers="help\n1\nstop\n")
        assert "[passes on to people what was written]" in out
        assert "[is over (stopped): gives the specialists 1 answer]" in out
        assert "as if given before" not in out

    def test_whoever_comes_back_goes_on_as_everyone_or_has_the_case_again(self) -> None:
        _, out, _ = vestibule("play", "returning", answers="2\n")
        assert out.index("[begins anew, as for everyone]") < out.index("[at menu, flows/main.yaml:")
        _, out, _ = vestibule("play", "returning", answers="1\n")
        assert "[reopens the case, with all that was passed on]" in out

    @pytest.mark.parametrize("arguments", [(), ("--json",)])
    def test_ctrl_c_and_the_end_of_input_end_it_quietly(self, arguments: tuple[str, ...]) -> None:
        for answers in ("help\n", Interrupted("help\n")):
            code, out, err = vestibule("play", "incident", *arguments, answers=answers)
            assert (code, err) == (0, "")
            assert "Could somebody else have access" in out

    def test_wrong_bytes_are_an_answer_like_any_other(self) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "bot", "play", "eligibility", "--json"],
            input=b"\xff\xfe\n\x00\n2\n", capture_output=True, check=False,
        )  # fmt: skip
        steps = [json.loads(line) for line in done.stdout.splitlines()]
        assert (done.returncode, done.stderr) == (0, b"")
        assert [step["state"] for step in steps] == ["eligibility/role"] * 3 + ["eligibility/whom"]

    def test_time_that_passes_piece_by_piece_is_as_long(self, stage: Stage) -> None:
        game = stage.begin(Opening("incident"))
        for _ in range(6):
            assert game.wait(timedelta(days=1)).state is not None
        assert game.wait(timedelta(days=1)).state is None


class TestRecord:
    @pytest.mark.parametrize("locale", LOCALES)
    @pytest.mark.parametrize("arguments", [(), ("--json",)])
    def test_a_recorded_conversation_goes_the_same_way_again(
        self, tmp_path: Path, locale: str, arguments: tuple[str, ...]
    ) -> None:
        file = tmp_path / "recorded.txt"
        answers = "help\n2\n1\n1\n10\n3\n1\n1\n# Ana: ...\n5\n-\n-\n-\n3\n2\n1\n"
        done = vestibule("play", "main", "--locale", locale, "--record", str(file), *arguments, answers=answers)
        assert (done.code, done.err) == (0, "")
        kinds = [line.part for line in parse(str(file), file.read_bytes()).lines]
        assert kinds[-2:] == ["hands over", "state"]
        code, out, err = vestibule("test", str(file))
        assert (code, out) == (0, "")
        assert err.startswith("1 conversation, as written; ")

    def test_waiting_and_where_it_began_are_recorded(self, tmp_path: Path) -> None:
        file = tmp_path / "recorded.txt"
        vestibule("play", "incident", "--at", "urgency", "--answer", "role=media", "--record", str(file),
                  answers="wait: 7 days\n")  # fmt: skip
        assert file.read_text().startswith("flow: incident\nat: urgency\nanswer: role = media\n\nbot:\n")
        assert "\nwait: 7 days\nbot: You have not written" in file.read_text()
        assert vestibule("test", str(file)).code == 0

    def test_no_file_is_written_over(self, tmp_path: Path) -> None:
        file = tmp_path / "kept.txt"
        file.write_text("kept")
        code, out, err = vestibule("play", "main", "--record", str(file))
        assert (code, out, file.read_text()) == (2, "", "kept")
        assert err == f"{file}: is there already; name a new file to record in\n"

    def test_a_place_that_cannot_be_written(self, tmp_path: Path) -> None:
        code, _, err = vestibule("play", "main", "--record", str(tmp_path / "no" / "file.txt"))
        assert code == 2
        assert err.endswith("cannot be written: no such file or directory\n")
