"""`vestibule signal` and `vestibule setup signal`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.admin.terminal import ask, tell

if TYPE_CHECKING:
    from bot.config import Config

CONFIG = Path("config.toml")

app = typer.Typer(help="The helpline's account on Signal.", no_args_is_help=True)

ConfigFile = Annotated[Path, typer.Option("--config", metavar="FILE", help="The configuration.")]


@app.command()
def challenge(
    token: Annotated[str, typer.Argument(metavar="TOKEN", help="What the bot wrote in the queue room.")],
    config: ConfigFile = CONFIG,
) -> None:
    """Hand in the solution of a puzzle, so that the bot may send again. The bot must be running."""
    from bot.admin import control, verbs
    from bot.admin.guide import answer
    from bot.admin.signal.setting_up import CAPTCHA

    settings = _settings(config)
    found = answer(ask, tell, "The address of the link 'Open Signal' below the puzzle", CAPTCHA)
    control.ask(settings.store.data_dir, verbs.CHALLENGE, {"token": token, "answer": found})
    tell("The solution was taken. What waited is being sent.")


def setup_signal(config: ConfigFile = CONFIG) -> None:
    """Walk through making the helpline's account on Signal, and having its daemon run."""
    from bot.admin.signal.setting_up import set_up

    set_up(config, lambda: _settings(config), ask, tell)


def _settings(config: Path) -> Config:
    from bot.config import Config

    return Config.read(config, os.environ)
