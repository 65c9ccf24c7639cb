"""`vestibule setup signal`, with a program that stands in for signal-cli and writes down how it was called."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from bot.admin.signal.program import Program
from bot.admin.signal.setting_up import set_up
from bot.config import Config, ConfigError
from tests.test_config import WHOLE

NUMBER = "+15550100000"
CAPTCHA = "signalcaptcha://a.b.registration.c"
PROGRAM = """#!{python}
import json, pathlib, sys
here = pathlib.Path({folder!r})
arguments = sys.argv[1:]
with (here / "calls").open("a") as calls:
    calls.write(json.dumps(arguments) + "\\n")
if arguments == ["--version"]:
    print("signal-cli {version}")
    sys.exit()
command = next(word for word in arguments if word in {commands!r})
if command == "link":
    print("sgnl://linkdevice?uuid=x&pub_key=y", flush=True)
    sys.exit({link})
if command == "listIdentities":
    sys.exit(0 if (here / "account").exists() else 1)
if command == "verify":
    if arguments[-1] != "123456":
        print("Invalid verification code", file=sys.stderr)
        sys.exit(3)
    (here / "account").touch()
if command == "register" and arguments[-1] != {captcha!r}:
    print("Invalid captcha given.", file=sys.stderr)
    sys.exit(1)
"""
COMMANDS = ["link", "listIdentities", "register", "verify", "setPin", "updateProfile", "updateAccount"]


class Machine:
    """An administrator's machine: a config, and a signal-cli on the path."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.config = home / "config.toml"
        self.told: list[str] = []
        self.hidden: list[str] = []
        (home / "flows").mkdir()
        (home / "password").write_text("correct horse\n")
        self.config.write_text(WHOLE)
        self.install()

    def install(self, version: str = "0.14.7", link: int = 0) -> None:
        path = self.home / "bin" / "signal-cli"
        path.parent.mkdir(exist_ok=True)
        text = PROGRAM.format(
            python=sys.executable,
            folder=str(self.home),
            version=version,
            commands=COMMANDS,
            captcha=CAPTCHA,
            link=link,
        )
        path.write_text(text)
        path.chmod(0o700)

    def set_up(self, *answers: str) -> None:
        left = list(answers)

        def ask(question: str, *, hidden: bool = False) -> str:
            if hidden:
                self.hidden.append(question)
            return left.pop(0)

        set_up(self.config, lambda: Config.read(self.config, {}), ask, self.told.append)
        assert not left

    @property
    def calls(self) -> list[list[str]]:
        lines = (self.home / "calls").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def called(self, command: str) -> list[str]:
        """What followed the command in the one call of it."""
        (call,) = [call for call in self.calls if command in call]
        assert call[: call.index(command)] == ["--config", "/var/lib/signal-cli", "-a", NUMBER]
        return call[call.index(command) + 1 :]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    return Machine(tmp_path)


def test_a_number_is_registered_named_and_hidden(machine: Machine) -> None:
    machine.set_up(NUMBER, "1", "nonsense", CAPTCHA, "999-999", "123-456", "314159", "helpline.01")
    assert machine.called("register") == ["--captcha", CAPTCHA]
    assert machine.called("setPin") == ["314159"]
    assert machine.hidden == ["The PIN"]
    assert machine.called("updateProfile") == ["--given-name", "Digital Security Helpline"]
    updates = [call[call.index("updateAccount") + 1 :] for call in machine.calls if "updateAccount" in call]
    assert updates == [
        ["--discoverable-by-number", "false", "--number-sharing", "false"],
        ["--username", "helpline.01"],
    ]
    signal = Config.read(machine.config, {}).signal
    assert signal is not None
    assert signal.account == NUMBER
    assert f"echo ACCOUNT={NUMBER} > /etc/vestibule/signal.env" in machine.told[-1]
    assert "That does not fit. Expected: a link that begins with signalcaptcha://." in machine.told


def test_each_file_that_is_to_be_copied_is_there(machine: Machine) -> None:
    machine.set_up(NUMBER, "1", CAPTCHA, "123456", "314159", "")
    (copying,) = [line for line in machine.told[-1].splitlines() if line.strip().startswith("cp ")]
    *units, _target = copying.split()[1:]
    assert [Path(unit).is_file() for unit in units] == [True, True]


def test_what_was_interrupted_goes_on_where_it_was(machine: Machine) -> None:
    with pytest.raises(ConfigError, match=r"the number was not registered\. signal-cli says: Invalid captcha given\."):
        machine.set_up(NUMBER, "1", "signalcaptcha://old")
    machine.set_up("1", CAPTCHA, "123456", "314159", "")
    (machine.home / "calls").unlink()
    machine.set_up("helpline.01")
    assert not [call for call in machine.calls if "register" in call]


def test_linking_to_a_phone_shows_what_the_phone_must_see(machine: Machine) -> None:
    machine.set_up(NUMBER, "2", "")
    assert any("sgnl://linkdevice?uuid=x&pub_key=y" in line for line in machine.told)
    assert any("Whoever holds that phone reads everything" in line for line in machine.told)


def test_a_phone_that_does_not_answer_in_time_is_told(machine: Machine) -> None:
    machine.install(link=1)
    with pytest.raises(ConfigError, match="did not link this machine in time"):
        machine.set_up(NUMBER, "2")


@pytest.mark.parametrize("version", ["0.14.6", "0.9.99"])
def test_a_program_that_is_too_old_is_refused(machine: Machine, version: str) -> None:
    machine.install(version)
    with pytest.raises(ConfigError, match=rf"signal-cli is {version}, and 0\.14\.7 is the oldest"):
        machine.set_up(NUMBER)
    assert machine.calls == [["--version"]]


def test_a_newer_program_will_do(machine: Machine) -> None:
    machine.install("0.15.0")
    machine.set_up(NUMBER, "1", CAPTCHA, "123456", "314159", "")


def test_a_machine_without_the_program_is_told_where_to_find_it() -> None:
    with pytest.raises(ConfigError, match="there is no program nowhere/signal-cli on this machine"):
        Program(NUMBER, None, "nowhere/signal-cli").version()


def test_the_account_is_in_no_repr() -> None:
    assert NUMBER not in repr(Program(NUMBER))
