"""`vestibule setup signal`: walks an administrator through making the helpline's account, one question at a time."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from bot import forms
from bot.admin.guide import Ask, Tell, answer
from bot.admin.signal.program import Program, dotted
from bot.config import Config, ConfigError, Signal
from bot.toml import Form

SECTION = """
[signal]
socket = "/run/signal-cli/socket"
account = "{account}"
attachments = "/var/lib/signal-cli/attachments"
"""
REGISTRATION = "https://signalcaptchas.org/registration/generate.html"
FEWEST_DIGITS = 6  # of a registration PIN

CAPTCHA: Form[str] = Form(
    "a link that begins with signalcaptcha://", lambda text: text.startswith("signalcaptcha://") and forms.is_line(text)
)
_CODE = Form("the six digits, with or without the dash", re.compile(r"\d{3}-?\d{3}").fullmatch)
_PIN = Form(f"{FEWEST_DIGITS} digits or more", re.compile(rf"\d{{{FEWEST_DIGITS},20}}").fullmatch)
_USERNAME = Form(
    "a name, a dot and at least two digits, such as helpline.01; or nothing",
    re.compile(r"(\w{3,32}\.\d{2,})?").fullmatch,
)
_WAY = Form("1 or 2", re.compile(r"[12]").fullmatch)


def add_section(file: Path, ask: Ask, tell: Tell) -> None:
    """Ask for the account's number and write the section to the end of a config that has none. Raises ConfigError."""
    tell("The config says nothing of Signal yet. The helpline needs a phone number that nothing else uses.")
    account = answer(ask, tell, "The number, with its country, such as +15550100000", forms.PHONE)
    try:
        with file.open("a", encoding="utf-8") as config:
            config.write(SECTION.format(account=account))
    except OSError as error:
        raise ConfigError(f"{file}: cannot be written: {(error.strerror or '').lower()}") from None
    tell(f"{file} has a section [signal] now; config.example.toml explains each line of it.")


def set_up(file: Path, read: Callable[[], Config], ask: Ask, tell: Tell) -> None:
    """Everything from a config without Signal to a daemon that systemd runs. Raises ConfigError.

    `read` reads the config in `file`, now and after it was written to.
    """
    config = read()
    if config.signal is None:
        add_section(file, ask, tell)
        config = read()
    if config.signal is not None:
        make_account(config, Program.of(config.signal), ask, tell)
        tell_units(config.signal, tell)


def make_account(config: Config, program: Program, ask: Ask, tell: Tell) -> None:
    """Register the number, or link to a phone's account. Raises ConfigError, and changes nothing then."""
    version = dotted(program.version())
    tell(f"signal-cli {version} is here. Update it at least every three months, or the account is lost.")
    if program.has_account():
        tell("The account is here already.")
    else:
        _get_account(program, ask, tell)
    _introduce(config, program, ask, tell)


def _get_account(program: Program, ask: Ask, tell: Tell) -> None:
    tell(
        "1. Register the number for the helpline alone. This is the safe way. A phone that uses the number loses it.\n"
        "2. Link to an account that a phone has. Whoever holds that phone reads everything."
    )
    if answer(ask, tell, "Which of the two", _WAY) == "1":
        _register(program, ask, tell)
    else:
        _link(program, tell)


def _register(program: Program, ask: Ask, tell: Tell) -> None:
    tell(
        f"Open {REGISTRATION} in a browser, solve the puzzle, and copy the address of the link 'Open Signal' that "
        "appears below it."
    )
    captcha = answer(ask, tell, "That address", CAPTCHA)
    _must(program, "the number was not registered", "register", "--captcha", captcha)
    tell("A code is on its way to the number, as a text message.")
    while not program.do("verify", answer(ask, tell, "The code", _CODE).replace("-", "")).good:
        tell("This code was not taken. Read it again; after too many tries begin anew.")
    tell("Choose a PIN. Without it nobody can register the number again: write it down where the bot does not run.")
    pin = answer(ask, tell, "The PIN", _PIN, hidden=True)
    _must(program, "the PIN was not set", "setPin", pin)


def _link(program: Program, tell: Tell) -> None:
    linking = program.link("Vestibule")
    address = (linking.stdout.readline() if linking.stdout else "").strip()
    tell(
        "On the phone: Settings, Linked devices, Link new device. Show it this address as a QR code (`qrencode -t "
        f"ANSI` draws one):\n{address}"
    )
    if linking.wait() != 0:
        raise ConfigError("the phone did not link this machine in time; run `vestibule setup signal` again")


def _introduce(config: Config, program: Program, ask: Ask, tell: Tell) -> None:
    """What people see of the account, and that its number is not among it."""
    _must(program, "the name was not set", "updateProfile", "--given-name", config.helpline.name)
    hidden = ("updateAccount", "--discoverable-by-number", "false", "--number-sharing", "false")
    _must(program, "the number was not hidden", *hidden)
    username = answer(ask, tell, "A username for people to write to, such as helpline.01, or nothing", _USERNAME)
    if username:
        _must(program, "the username was not taken", "updateAccount", "--username", username)
    tell("The account is made. Its number is shown to nobody.")


def tell_units(signal: Signal, tell: Tell) -> None:
    """How the daemon is started, and at every start of the machine."""
    units = files("bot.deploy")
    tell(
        "Have systemd run the daemon, as root:\n"
        "  useradd --system --shell /usr/sbin/nologin vestibule\n"
        "  mkdir -p /etc/vestibule\n"
        f"  echo ACCOUNT={signal.account} > /etc/vestibule/signal.env\n"
        f"  cp {units / 'signal-cli.socket'} {units / 'signal-cli.service'} /etc/systemd/system/\n"
        "  chown -R vestibule: /var/lib/signal-cli\n"
        "  systemctl daemon-reload\n"
        "  systemctl enable --now signal-cli.socket signal-cli.service\n"
        "Then start the bot anew, and see with `vestibule doctor` whether all is well."
    )


def _must(program: Program, failed: str, *arguments: str) -> None:
    ran = program.do(*arguments)
    if not ran.good:
        raise ConfigError(f"{failed}. signal-cli says: {ran.said or 'nothing'}")
