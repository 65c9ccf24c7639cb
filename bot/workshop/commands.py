"""The operator's commands: `play`, `test`, `draw` and `ask`. None needs a config; addresses stand as their names."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

WRONG = 1  # the exit code where something wrong was found
FLOWS = Path("flows")

FlowName = Annotated[str, typer.Argument(metavar="FLOW", help="The name of a flow, or its file.")]
Language = Annotated[str | None, typer.Option("--locale", metavar="L", help="The language.")]


class Picture(StrEnum):
    """How `draw` draws."""

    SVG = "svg"
    MERMAID = "mermaid"


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
    """Try a flow in the terminal. `wait: 7 days` lets time pass, `sends: photo.jpg` sends a file. Needs no config."""
    from bot.config import ConfigError
    from bot.workshop import playing
    from bot.workshop.stage import Stage
    from bot.workshop.transcripts import Opening

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


def rehearse(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[PATH]...", help="Conversations, or folders of them; by default tests/conversations."),
    ] = None,
    coverage: Annotated[bool, typer.Option("--coverage", help="List what no conversation reaches.")] = False,
    flows: Annotated[Path, typer.Option("--flows", metavar="FOLDER", help="The folder of the flow files.")] = FLOWS,
    into: Annotated[
        str | None,
        typer.Option("--into", metavar="L", help="Write them in this language instead, those in English if no PATH."),
    ] = None,
) -> None:
    """Hold written conversations against the flows. Exits with 1 when one goes another way than it is written."""
    from bot.flow.model import FlowError
    from bot.workshop import rehearsing

    _need(flows)
    if into is not None:
        _translate(flows, paths, into)
        return
    paths = paths or [rehearsing.CONVERSATIONS]
    for path in paths:
        if not path.exists():
            _need(path)
    rehearsal = rehearsing.Rehearsal(flows)
    count = failed = 0
    for transcript in rehearsing.read(paths):
        failure = transcript if isinstance(transcript, FlowError) else rehearsal.run(transcript)
        count += 1
        if failure is not None:
            failed += 1
            typer.echo(failure)
    reached = rehearsal.coverage()
    if coverage:
        for line in reached.lines():
            typer.echo(line)
    noun = "conversation" if count == 1 else "conversations"
    well = f"{count} {noun}, as written" if not failed else f"{failed} of {count} {noun} not as written"
    hint = "; --coverage lists the others" if reached.unseen and not coverage else ""
    typer.echo(f"{well}; {reached.total - len(reached.unseen)} of {reached.total} outcomes are reached{hint}", err=True)
    if failed:
        raise typer.Exit(WRONG)


def _translate(flows: Path, paths: list[Path] | None, locale: str) -> None:
    from bot.catalogs import SOURCE_LOCALE
    from bot.workshop import rehearsing, translating

    paths = paths or [rehearsing.CONVERSATIONS / SOURCE_LOCALE]
    for path in paths:
        if not path.exists():
            _need(path)
    done = translating.into(flows, paths, locale)
    if done.missing:
        lines = "line" if done.missing == 1 else "lines"
        typer.echo(f"{done.words}: {done.missing} {lines} to translate; then run this again")
        raise typer.Exit(WRONG)
    for file in done.files:
        typer.echo(f"{file}: written")


def draw(
    flow: FlowName,
    output: Annotated[Picture, typer.Option("--format", help="What to draw.")] = Picture.SVG,
    file: Annotated[
        Path | None, typer.Option("-o", metavar="FILE", help="Where to, instead of standard output.")
    ] = None,
    locale: Language = None,
) -> None:
    """Draw a flow: its questions in boxes, the answers on the arrows."""
    from bot.catalogs import SOURCE_LOCALE
    from bot.config import ConfigError
    from bot.workshop.drawing.mermaid import mermaid
    from bot.workshop.drawing.picture import picture
    from bot.workshop.drawing.svg import svg
    from bot.workshop.stage import Stage

    folder, name = _found(flow)
    stage = Stage(folder)
    stage.need(name, locale)
    drawn = picture(stage.library, stage.running(name), stage.texts, name, locale or SOURCE_LOCALE)
    content = svg(drawn) if output is Picture.SVG else mermaid(drawn)
    if file is None:
        typer.echo(content, nl=False)
        return
    try:
        file.write_text(content, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{file}: cannot be written: {(error.strerror or 'unknown').lower()}") from None


def register(app: typer.Typer) -> None:
    """Put the commands into the command line."""
    app.command("play")(play)
    app.command("test")(rehearse)
    app.command("draw")(draw)
    app.command("ask")(ask)


def ask(
    text: Annotated[
        str | None, typer.Argument(metavar="[TEXT]", help="A message; without it, one a line is read.")
    ] = None,
    locale: Language = None,
    lines: Annotated[
        bool, typer.Option("--json", help='Read objects with "lang" and "text", one a line; write what comes of them.')
    ] = False,
    flows: Annotated[Path, typer.Option("--flows", metavar="FOLDER", help="The folder of the flow files.")] = FLOWS,
) -> None:
    """What the FAQ would answer: an entry, a question back, or nothing."""
    import json

    from bot.workshop import asking

    _need(flows)
    asked = asking.Asking(flows)
    if locale is not None:
        asked.need(locale)
    if not lines:
        for each in [text] if text is not None else sys.stdin:
            if each.strip():
                typer.echo(asked.show(each.strip(), locale))
        return
    given = sys.stdin if text is None else [json.dumps({"lang": locale, "text": text})]
    for line in asking.in_lines(asked, given, locale):
        typer.echo(line)


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
