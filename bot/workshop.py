"""The operator's command `play`. It needs no config; addresses stand as their names."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

FLOWS = Path("flows")

FlowName = Annotated[str, typer.Argument(metavar="FLOW", help="The name of a flow, or its file.")]
Language = Annotated[str | None, typer.Option("--locale", metavar="L", help="The language.")]


def play(
    flow: FlowName,
    locale: Language = None,
    lines: Annotated[bool, typer.Option("--json", help="Read one answer a line, write one JSON step a line.")] = False,
    record: Annotated[
        Path | None, typer.Option("--record", metavar="FILE", help="Write the conversation down, for `vestibule test`.")
    ] = None,
    at: Annotated[str | None, typer.Option("--at", metavar="STATE", help="The step or state to begin at.")] = None,
    answers: Annotated[
        list[str] | None,
        typer.Option("--answer", metavar="STEP=OUTCOME", help="What was answered before it. Any number of times."),
    ] = None,
) -> None:
    """Try a flow in the terminal. `wait: 7 days` lets time pass. Needs no config."""
    from bot import playing
    from bot.config import ConfigError
    from bot.stage import Stage
    from bot.transcripts import Opening

    folder, name = _found(flow)
    pairs = []
    for answer in answers or ():
        step, _, outcome = answer.partition("=")
        if not step.strip() or not outcome.strip():
            raise ConfigError(f"'{answer}': an answer is given as STEP=OUTCOME, such as --answer role=activist")
        pairs.append((step.strip(), outcome.strip()))
    opening = Opening(name, locale, at, tuple(pairs))
    stage = Stage(folder)
    game = stage.begin(opening)
    with playing.recording(record, opening) as written:
        if lines:
            playing.in_lines(game, sys.stdin, sys.stdout, written)
            return
        playing.in_terminal(game, stage.library, sys.stdin, sys.stdout, written)


def register(app: typer.Typer) -> None:
    """Put the commands into the command line."""
    app.command("play")(play)


def _found(flow: str) -> tuple[Path, str]:
    """The folder and the name of a flow that is given by its name or by its file."""
    path = Path(flow)
    folder, name = (path.parent, path.stem) if path.suffix in (".yaml", ".yml") else (FLOWS, flow)
    _need(folder)
    return folder, name


def _need(folder: Path) -> None:
    from bot.config import ConfigError

    if not folder.is_dir():
        raise ConfigError(f"{folder}: there is no such {'file or folder' if folder.suffix else 'folder'}")
