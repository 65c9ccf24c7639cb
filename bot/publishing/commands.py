"""`vestibule flows`: an edit goes live by this alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from bot.admin.control import Params
    from bot.config import Config
    from bot.publishing.verbs import Told

WRONG = 1

app = typer.Typer(help="What the bot says: publish an edit, and see before whom it meets.", no_args_is_help=True)

ConfigFile = Annotated[Path, typer.Option("--config", metavar="FILE", help="The configuration.")]
CONFIG = Path("config.toml")


@app.command()
def publish(
    config: ConfigFile = CONFIG,
    move: Annotated[
        bool, typer.Option("--move", help="Move those who are inside; else they finish with what they began with.")
    ] = False,
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who publishes; else, who is logged in.")] = "",
) -> None:
    """Let the flow files and catalogs go live. What breaks a law is refused (exit code 1), and the old goes on."""
    from bot.publishing import verbs as flow_verbs
    from bot.publishing.publisher import login_name

    settings = _settings(config)
    _tell(_ask(settings, flow_verbs.PUBLISH, flow_verbs.publishing(settings, by or login_name(), move=move)))


@app.command()
def diff(config: ConfigFile = CONFIG) -> None:
    """What publishing would change, and for how many of those who are inside. Changes nothing."""
    from bot.publishing import verbs as flow_verbs

    _tell(_ask(_settings(config), flow_verbs.DIFF, {}))


@app.command()
def log(config: ConfigFile = CONFIG) -> None:
    """Who published what, and when; the latest first."""
    from bot.publishing import verbs as flow_verbs

    _tell(_ask(_settings(config), flow_verbs.LOG, {}))


def _ask(settings: Config, verb: str, params: Params) -> Told:
    from bot.app import SystemClock
    from bot.publishing.verbs import ask

    return ask(settings, verb, SystemClock(), params)


def _settings(config: Path) -> Config:
    from bot.config import Config

    return Config.read(config, os.environ)


def _tell(told: Told) -> None:
    for line in told.lines:
        typer.echo(line)
    if told.wrong:
        raise typer.Exit(WRONG)
