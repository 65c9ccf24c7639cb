"""The command line: what it prints where, and the exit codes that scripts rely on."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from bot import checking, cli, logs
from bot.channels.matrix.identity import Own
from bot.config import Config, ConfigError
from bot.flow.model import FlowError
from bot.forms import grouped
from bot.ports import Failure, SendError

ROOT = Path(__file__).parent.parent
NO_FLOWS = {"bot", "staff", "faq", "canned"}
FLOWS = sorted(path.stem for path in (ROOT / "flows").glob("*.yaml") if path.stem not in NO_FLOWS)
KEY = "b25seSBhbiBleGFtcGxlLCBwdXQgdGhlaXJzIGhlcmU"
CONFIG = f"""
[matrix]
homeserver = "https://matrix.example.org"
user_id = "@helpline:example.org"
password_file = "password"
[specialists]
room = "!cases:example.org"
members = [{{ user = "@ana:example.org", master_key = "{KEY}" }}]
[store]
key_file = "vestibule.key"
[helpline]
locales = ["en"]
help_address = "help@example.org"
"""

OWN = Own("@helpline:example.org", "DEVICE", master=KEY, complete=True)


class Done(NamedTuple):
    code: int
    out: str
    err: str


Vestibule = Callable[..., Done]


@pytest.fixture
def vestibule(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Vestibule:
    """Run a command as the shell would, in this process."""
    monkeypatch.setattr(logs, "configure", lambda *_: None)  # it would take the process's logging over

    def run(*arguments: str, answers: str = "") -> Done:
        monkeypatch.setattr(sys, "stdin", io.StringIO(answers))
        with pytest.raises(SystemExit) as ended:
            cli.main(arguments)
        out, err = capsys.readouterr()
        return Done(ended.value.code or 0, out, err)  # type: ignore[arg-type]  # a number, or nothing for 0

    return run


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the shipped flows and no translations, to stand in."""
    shutil.copytree(ROOT / "flows", tmp_path / "flows")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def change(path: Path, was: str, now: str) -> None:
    text = path.read_text()
    assert was in text
    path.write_text(text.replace(was, now, 1))


class TestCheck:
    def test_flows_with_nothing_wrong(self, vestibule: Vestibule, here: Path) -> None:
        assert vestibule("check", "flows") == Done(0, "", "nothing is wrong\n")

    def test_an_error_has_its_place_its_code_and_the_likely_fix(self, vestibule: Vestibule, here: Path) -> None:
        change(here / "flows/main.yaml", "questions: topics", "questions: topcis")
        code, out, err = vestibule("check", "flows")
        assert code == 1
        assert re.match(
            r"flows/main\.yaml:\d+:\d+: error\[unknown-target\]: .*'topcis'.* Did you mean 'topics'\?\n", out
        )
        assert err == "1 error\n"

    def test_the_same_as_json(self, vestibule: Vestibule, here: Path) -> None:
        change(here / "flows/main.yaml", "questions: topics", "questions: topcis")
        code, out, err = vestibule("check", "flows", "--format", "json")
        (row,) = json.loads(out)
        assert code == 1
        assert err == ""
        assert row.keys() == {"file", "line", "column", "severity", "code", "message"}
        assert (row["file"], row["severity"], row["code"]) == ("flows/main.yaml", "error", "unknown-target")

    def test_nothing_wrong_as_json(self, vestibule: Vestibule, here: Path) -> None:
        assert vestibule("check", "flows", "--format", "json") == Done(0, "[]\n", "")

    def test_a_flow_that_breaks_a_law(self, vestibule: Vestibule, here: Path) -> None:
        change(here / "flows/main.yaml", "  - call: consent\n", "")
        code, out, _ = vestibule("check", "flows")
        assert code == 1
        assert "error[free-text-before-consent]" in out

    def test_catalogs_are_checked_with_their_flows(self, vestibule: Vestibule, here: Path) -> None:
        assert vestibule("catalogs", "update", "fr").code == 0
        code, out, _ = vestibule("check", "flows")
        assert code == 1
        assert "error[stale-pot]" in out
        assert "locales/fr/LC_MESSAGES/messages.po:" in out

    def test_without_arguments_the_flows_that_lie_here(self, vestibule: Vestibule, here: Path) -> None:
        code, out, _ = vestibule("check")
        assert code == 1
        assert "'es' is offered, but has no catalog" in out  # the languages that a config offers by default

    def test_without_arguments_the_config_that_lies_here(self, vestibule: Vestibule, here: Path) -> None:
        (here / "password").write_text("secret")
        (here / "config.toml").write_text(CONFIG)
        code, out, err = vestibule("check")
        assert code == 0
        assert re.search(
            r"^flows/\w+\.yaml:\d+:\d+: warning\[left-out\]: \[helpline\.links\] terms is empty", out, re.M
        )
        assert "help_address" not in out
        assert re.fullmatch(r"\d+ warnings\n", err)

    def test_a_config_with_faults(self, vestibule: Vestibule, here: Path) -> None:
        (here / "config.toml").write_text(CONFIG)
        code, out, err = vestibule("check", "config.toml")
        assert code == 1
        assert out.startswith("config.toml:5:1: error[bad-file]: [matrix] password_file: ")
        assert err == "1 error\n"

    @pytest.mark.parametrize("path", ["nowhere", "nowhere.toml", "flows/nowhere.yaml", "flows/main.yaml"])
    def test_what_cannot_be_checked_is_one_line(self, vestibule: Vestibule, here: Path, path: str) -> None:
        code, out, err = vestibule("check", path)
        assert (code, out) == (2, "")
        assert err.startswith(f"{path}: ")
        assert err.count("\n") == 1

    def test_nothing_to_check(self, vestibule: Vestibule, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        assert vestibule("check") == Done(2, "", "flows: there is no such folder\n")

    def test_it_prints_the_schema_for_editors(self, vestibule: Vestibule, here: Path) -> None:
        code, out, err = vestibule("check", "--schema")
        assert (code, err) == (0, "")
        assert out == (ROOT / "flows" / "flow.schema.json").read_text()


class TestPlay:
    def test_a_whole_conversation_in_lines(self, vestibule: Vestibule, here: Path) -> None:
        answers = "help\n2\n1\n1\n1\nyes\nno\nmy account was taken over\n2\nskip\nskip\nskip\n3\nno\n1\n"
        code, out, err = vestibule("play", "main", "--locale", "en", "--json", answers=answers)
        steps = [json.loads(line) for line in out.splitlines()]
        assert (code, err) == (0, "")
        assert len(steps) == len(answers.splitlines()) + 1
        assert all(step.keys() == {"said", "state", "locale", "over", "effects"} for step in steps)
        assert [step["over"] for step in steps] == [False] * (len(steps) - 1) + [True]
        last = steps[-1]
        assert last["state"] is None
        assert "7F3K" in last["said"]
        (opened,) = (effect for effect in last["effects"] if effect["effect"] == "OpenCase")
        assert "my account was taken over" in [answer["words"] for answer in opened["answers"]]

    def test_the_language_is_asked_for(self, vestibule: Vestibule, here: Path) -> None:
        out = vestibule("play", "main", "--json", answers="1\n").out
        first, second = (json.loads(line) for line in out.splitlines())
        assert (first["locale"], second["locale"]) == (None, "en")

    def test_in_the_terminal_one_sees_what_specialists_would_read(self, vestibule: Vestibule, here: Path) -> None:
        code, out, _ = vestibule("play", "person", answers="yes\n")
        assert code == 0
        assert "\n> " in out
        assert "7F3K" in out[out.index("--- what the specialists read ---") :]
        assert out.endswith("--- the conversation is over ---\n")

    def test_no_paragraph_is_left_out(self, vestibule: Vestibule, here: Path) -> None:
        assert "<link_terms>" in vestibule("play", "consent").out

    @pytest.mark.parametrize("flow", [name for name in FLOWS if name != "main"])
    def test_every_flow_can_be_begun(self, vestibule: Vestibule, here: Path, flow: str) -> None:
        code, out, _ = vestibule("play", f"flows/{flow}.yaml", "--json")
        assert code == 0
        assert f"{flow}/" in f"{json.loads(out)['state']}"

    def test_a_flow_that_nothing_calls_yet(self, vestibule: Vestibule, here: Path) -> None:
        flow = "flow: extra\nabout: Later.\nsteps:\n  - ask: colour\n    text: Which colour?\n"
        (here / "flows/extra.yaml").write_text(flow)
        code, out, _ = vestibule("play", "extra", "--json", answers="green\n")
        first, second = (json.loads(line) for line in out.splitlines())
        assert code == 0
        assert first["state"] == "extra/colour"
        assert first["said"].startswith("Which colour?")
        assert second["over"]

    def test_a_flow_that_could_not_go_live_is_not_played(self, vestibule: Vestibule, here: Path) -> None:
        change(here / "flows/main.yaml", "  - call: consent\n", "")
        code, out, err = vestibule("play", "main")
        assert (code, out) == (1, "")
        assert "error[free-text-before-consent]" in err

    @pytest.mark.parametrize("arguments", [("nothing",), ("nowhere/main.yaml",), ("main", "--locale", "xx")])
    def test_what_cannot_be_played_is_one_line(
        self, vestibule: Vestibule, here: Path, arguments: tuple[str, ...]
    ) -> None:
        code, out, err = vestibule("play", *arguments)
        assert (code, out) == (2, "")
        assert err.count("\n") == 1


class TestCatalogs:
    def test_from_the_flows_to_a_new_language(self, vestibule: Vestibule, here: Path) -> None:
        assert vestibule("catalogs", "extract") == Done(0, "locales/messages.pot: written\n", "")
        assert vestibule("catalogs", "extract") == Done(0, "locales/messages.pot: nothing has changed\n", "")
        assert vestibule("catalogs", "update", "fr") == Done(0, "locales/fr/LC_MESSAGES/messages.po: written\n", "")
        assert vestibule("catalogs", "update") == Done(0, "nothing has changed\n", "")
        code, out, _ = vestibule("catalogs", "status")
        assert code == 0
        assert re.fullmatch(
            r"fr: 0 translated, 0 to be looked at again, \d+ missing; no native speaker has read it yet\n", out
        )

    def test_no_language_that_nobody_knows(self, vestibule: Vestibule, here: Path) -> None:
        code, _, err = vestibule("catalogs", "update", "fr", "../xx")
        assert code == 2
        assert err == "'../xx' is not the code of a language, such as fr or pt_BR\n"
        assert not (here / "locales").exists()

    @pytest.mark.parametrize("command", ["extract", "update", "status"])
    def test_no_flows(self, vestibule: Vestibule, here: Path, command: str) -> None:
        assert vestibule("catalogs", command, "--flows", "no") == Done(2, "", "no: there is no such folder\n")


class TestSetupAndRun:
    @pytest.mark.parametrize("command", [("run",), ("setup", "--yes")])
    def test_without_a_config(self, vestibule: Vestibule, here: Path, command: tuple[str, ...]) -> None:
        code, out, err = vestibule(*command)
        assert (code, out) == (2, "")
        assert err.startswith("config.toml: there is no such file.")
        assert err.count("\n") == 1

    def test_a_config_with_faults_is_told_line_by_line(self, vestibule: Vestibule, here: Path) -> None:
        (here / "mine.toml").write_text("[matrix]\nhomserver = 1\n")
        code, out, err = vestibule("run", "--config", "mine.toml", "--log-level", "debug")
        assert (code, out) == (2, "")
        assert all(re.match(r"mine\.toml:\d+:\d+: error\[[\w-]+\]: ", line) for line in err.splitlines())

    def test_what_is_right_is_set_up_and_run(
        self, vestibule: Vestibule, here: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (here / "password").write_text("secret")
        (here / "config.toml").write_text(CONFIG)
        taken: list[Config] = []

        def set_up(config: Config, show: Callable[[str], None]) -> Own:
            taken.append(config)
            show("EsTx 1234")
            return OWN

        monkeypatch.setattr("bot.admin.setup.setup", set_up)
        monkeypatch.setattr("bot.app.run", taken.append)
        code, out, err = vestibule("setup", "--yes")
        assert (code, out) == (0, "EsTx 1234\n")
        fingerprint, advice = err.splitlines()
        assert fingerprint == f"The bot's fingerprint: {grouped(KEY)}"
        assert "Publish it" in advice
        assert vestibule("run") == Done(0, "", "")
        assert taken == [Config.read(Path("config.toml"), {})] * 2

    def test_guided_setup_asks_for_what_a_config_needs(self, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        answers = [
            "nonsense",
            "https://m.example.org",
            "@bot:example.org",
            "!room:example.org",
            "@ana:example.org",
            KEY,
        ]
        monkeypatch.setattr(logs, "configure", lambda *_: None)
        monkeypatch.setattr("bot.admin.setup.setup", lambda config, show: show(config.matrix.homeserver) or OWN)
        done = CliRunner().invoke(cli.app, ["setup"], input="\n".join([*answers, "secret"]) + "\n")
        assert done.exit_code == 0
        assert done.stdout.splitlines()[-1] == "https://m.example.org"
        assert "That does not fit." in done.stderr
        assert "secret" not in done.output + (here / "config.toml").read_text()


class TestExitCodes:
    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (FlowError([]), 1),
            (ConfigError("the key file is gone"), 2),
            (SendError(Failure.AWAY), 3),
            (ValueError("they took my passport"), 3),
        ],
    )
    def test_by_whose_fault_it_is(
        self, vestibule: Vestibule, here: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int
    ) -> None:
        def fail(_folder: Path) -> None:
            raise error

        monkeypatch.setattr(checking, "check_flows", fail)
        done = vestibule("check", "flows")
        assert done.code == code
        assert done.out == ""
        assert "passport" not in done.err
        assert "Traceback" not in done.err

    @pytest.mark.parametrize("arguments", [("chek",), ("check", "--fromat", "json"), ("play",), ("run", "x")])
    def test_arguments_that_make_no_sense(self, vestibule: Vestibule, arguments: tuple[str, ...]) -> None:
        assert vestibule(*arguments).code == 2

    def test_the_same_from_outside(self, here: Path) -> None:
        """Whatever the process does around its commands, this is what a script sees."""
        change(here / "flows/main.yaml", "questions: topics", "questions: topcis")
        for arguments, code in ((["check", "flows"], 1), (["check", "nowhere"], 2), (["--help"], 0)):
            done = subprocess.run([sys.executable, "-m", "bot", *arguments], capture_output=True, check=False)
            assert done.returncode == code


def test_help_and_checks_wait_for_nothing_heavy() -> None:
    heavy = {"nio", "sqlalchemy", "aiohttp", "babel", "transitions", "yaml", "alembic", "cryptography"}
    code = f"import sys, bot.cli; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
