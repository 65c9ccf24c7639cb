"""The guided part of `vestibule setup`: asks an administrator for what must be in a config, and writes it.

Only what has no default is asked; everything else is explained in `config.example.toml`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from bot import forms
from bot.config import ConfigError
from bot.toml import Form

PASSWORD_FILE = "matrix-password"  # noqa: S105 - the name of a file, not a secret
KEY_FILE = "vestibule.key"


Tell = Callable[[str], None]
"""Says something to the administrator."""


class Ask(Protocol):
    """Puts one question to the administrator."""

    def __call__(self, question: str, *, hidden: bool = False) -> str: ...


QUESTIONS: tuple[tuple[str, str, Form[str]], ...] = (
    ("homeserver", "The address of the homeserver, such as https://matrix.example.org", forms.HOMESERVER),
    ("user_id", "The bot's own account there, such as @helpline:example.org", forms.BOT),
    ("room", "The specialists' encrypted room: its id or alias", forms.ROOM),
    ("user", "One specialist's account, such as @specialist:example.org", forms.STAFF),
    ("master_key", "That specialist's master key, as their client shows it", forms.MASTER_KEY),
)


def write_config(path: Path, ask: Ask, tell: Tell) -> None:
    """Ask, then write the config and the password beside it, both readable by their owner only. Raises ConfigError."""
    answers = {key: answer(ask, tell, question, form) for key, question, form in QUESTIONS}
    flows = "" if (path.parent / "flows").is_dir() else _flows(ask, tell)
    password = ask("The password of the bot's account", hidden=True)
    quoted = {key: json.dumps(answer, ensure_ascii=False) for key, answer in answers.items()}
    _write(path.with_name(PASSWORD_FILE), password + "\n")
    _write(
        path,
        f"""# Written by `vestibule setup`. config.example.toml explains every key.

[matrix]
homeserver = {quoted["homeserver"]}
user_id = {quoted["user_id"]}
password_file = "{PASSWORD_FILE}"

[specialists]
room = {quoted["room"]}
members = [{{ user = {quoted["user"]}, master_key = {quoted["master_key"]} }}]

{flows}[store]
key_file = "{KEY_FILE}"
""",
    )
    tell(f"{path} is written. Keep a copy of {path.with_name(KEY_FILE)}, once it is made, away from this machine.")


def answer(ask: Ask, tell: Tell, question: str, form: Form[str], *, hidden: bool = False) -> str:
    """Ask until the answer fits."""
    while not form.good(given := ask(question, hidden=hidden).strip()):
        tell(f"That does not fit. Expected: {form.what}.")
    return given


def take_back(path: Path) -> None:
    """Remove what `write_config` wrote: setup was refused, and the next one asks again."""
    path.unlink(missing_ok=True)
    path.with_name(PASSWORD_FILE).unlink(missing_ok=True)


def _flows(ask: Ask, tell: Tell) -> str:
    while not (folder := Path(ask("The folder of the flow files").strip()).absolute()).is_dir():
        tell("There is no such folder.")
    return f"[flows]\npath = {json.dumps(str(folder), ensure_ascii=False)}\n\n"


def _write(path: Path, text: str) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ConfigError(f"{path}: there is such a file already, and it is not overwritten") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {(error.strerror or '').lower()}") from None
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
