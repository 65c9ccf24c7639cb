"""The command line. What a command needs is imported when it runs, so that help and checks start at once.

Exit codes, which scripts rely on: 0 well, 1 found something wrong, 2 cannot be used as asked, 3 the world failed.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections import Counter
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from bot import logs
from bot.admin.signal import commands as signal_cli
from bot.admin.terminal import ask, tell
from bot.errors import VestibuleError, WorldError
from bot.publishing import commands as flows_cli
from bot.workshop import commands as workshop

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.channels.matrix.identity import Own
    from bot.config import Config
    from bot.flow.model import Problem

WRONG, UNUSABLE, FAILED = 1, 2, 3
CONFIG = Path("config.toml")
FLOWS = Path("flows")

app = typer.Typer(
    name="vestibule",
    help="End-to-end-encrypted first contact for a digital-security helpline.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
translations = typer.Typer(help="The translators' files, made from the flows.", no_args_is_help=True)
app.add_typer(translations, name="catalogs")
app.add_typer(flows_cli.app, name="flows")
setting_up = typer.Typer(invoke_without_command=True)
setting_up.command("signal")(signal_cli.setup_signal)
app.add_typer(setting_up, name="setup")
app.add_typer(signal_cli.app, name="signal")
staff = typer.Typer(help="Who may read cases. Works beside a bot that runs, and without one.", no_args_is_help=True)
app.add_typer(staff, name="staff")
workshop.register(app)


class Format(StrEnum):
    """How `check` prints what it found."""

    TEXT = "text"
    JSON = "json"


ConfigFile = Annotated[Path, typer.Option("--config", metavar="FILE", help="The configuration.")]
LogLevel = Annotated[logs.Level, typer.Option("--log-level", help="How much the log says; it never says who or what.")]
Who = Annotated[str, typer.Argument(metavar="WHO", help="Their Matrix id, such as @specialist:example.org.")]
FlowsFolder = Annotated[Path, typer.Option("--flows", metavar="FOLDER", help="The folder of the flow files.")]


@app.command()
def demo(
    script: Annotated[
        bool, typer.Option("--script", help="Play a whole conversation, without anybody typing.")
    ] = False,
    log_level: LogLevel = logs.Level.WARNING,
) -> None:
    """A whole helpline on this machine: a homeserver, the bot, two specialists, and you as the requester."""
    from bot import demo

    logs.configure(log_level)
    raise typer.Exit(demo.run(script=script))


@setting_up.callback()
def setup(
    context: typer.Context,
    config: ConfigFile = CONFIG,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing; take the config as it is written.")] = False,
    recover: Annotated[
        bool,
        typer.Option("--recover", help="Make a new device under the same identity. Reads the recovery key."),
    ] = False,
    reset: Annotated[
        bool,
        typer.Option("--reset-identity", help="Replace an identity that is lost for good, once the words are typed."),
    ] = False,
    log_level: LogLevel = logs.Level.WARNING,
) -> None:
    """Make what is missing: key file, database, device, identity. Prints the recovery key, once."""
    from bot.admin import guide
    from bot.config import Config

    if context.invoked_subcommand is not None:
        return
    logs.configure(log_level)
    if recover and reset:
        _refuse("--recover keeps the identity and --reset-identity replaces it; choose one")
    if recover or reset:
        (_recover if recover else _reset)(Config.read(config, os.environ))
        return
    guided = not yes and not config.exists()
    if guided:
        guide.write_config(config, ask, tell)
    try:
        settings = Config.read(config, os.environ)

        from bot.admin.setup import setup  # only now: a wrong config is told at once

        own = setup(settings, typer.echo)
    except VestibuleError:
        if guided:
            guide.take_back(config)
        raise
    _tell_fingerprint(own)
    if not yes:
        tell("All is there. If a recovery key was shown, keep it where the bot does not run.")


@app.command()
def run(config: ConfigFile = CONFIG, log_level: LogLevel = logs.Level.INFO) -> None:
    """The bot. Ends in order on SIGTERM and SIGINT."""
    from bot.config import Config

    logs.configure(log_level)
    settings = Config.read(config, os.environ)

    from bot.app import run  # only now: a wrong config is told at once

    run(settings)


@app.command()
def doctor(config: ConfigFile = CONFIG) -> None:
    """What is wrong with this installation, and how to mend it. Exits with 1 when something is."""
    settings = _settings(config)

    from bot.admin import (
        doctor,
        remedies,  # only now: a wrong config is told at once
    )

    found = doctor.examine(settings)
    for finding in found:
        typer.echo(remedies.line(finding))
    raise typer.Exit(doctor.exit_code(found))


@app.command()
def check(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[PATH]...", help="Folders of flow files, or configs; without one, what lies here."),
    ] = None,
    output: Annotated[Format, typer.Option("--format", help="How to print what is wrong.")] = Format.TEXT,
    form: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of flow files, for editors.")] = False,
) -> None:
    """Check flows, catalogs and config. Exits with 1 when there is an error."""
    if form:
        from bot.flow.schema import schema

        typer.echo(json.dumps(schema(), indent=2))
        return
    from bot import checking
    from bot.config import Helpline
    from bot.flow.model import Severity

    problems: list[Problem] = []
    if not paths and not CONFIG.exists():
        _need_folder(FLOWS)
        problems += checking.check_flows(FLOWS, Helpline().locales)
    for path in paths or ([CONFIG] if CONFIG.exists() else []):
        if path.is_dir():
            problems += checking.check_flows(path)
        elif path.is_file() and path.suffix == ".toml":
            problems += checking.check_config(path, os.environ)
        elif path.is_file():
            _refuse(f"{path}: is neither a folder of flow files nor a config (.toml)")
        else:
            _refuse(f"{path}: there is no such file or folder")
    _print(problems, output)
    if any(problem.severity is Severity.ERROR for problem in problems):
        raise typer.Exit(WRONG)


@translations.command()
def extract(flows: FlowsFolder = FLOWS) -> None:
    """Take every text of the flows into the template, messages.pot."""
    from bot import catalogs, library
    from bot.checking import CATALOGS

    _need_folder(flows)
    folder = flows.parent / CATALOGS
    written = catalogs.extract(library.read(flows), folder, datetime.now(UTC))
    typer.echo(f"{folder / catalogs.TEMPLATE}: {'written' if written else 'nothing has changed'}")


@translations.command()
def update(
    locales: Annotated[list[str] | None, typer.Argument(metavar="[L]...", help="Languages to begin.")] = None,
    flows: FlowsFolder = FLOWS,
) -> None:
    """Bring every catalog up to date with the flows, and begin those of new languages."""
    from bot import catalogs, forms, library
    from bot.checking import CATALOGS

    _need_folder(flows)
    for locale in locales or ():
        if not forms.LOCALES.good(locale):
            _refuse(f"'{locale}' is not the code of a language, such as fr or pt_BR")
    written = catalogs.update(library.read(flows), flows.parent / CATALOGS, locales or (), datetime.now(UTC))
    for path in written:
        typer.echo(f"{path}: written")
    if not written:
        typer.echo("nothing has changed")


@translations.command()
def status(flows: FlowsFolder = FLOWS) -> None:
    """How far each language has come, in messages, and whether a native speaker has read it."""
    from bot import catalogs, library
    from bot.checking import CATALOGS

    _need_folder(flows)
    for language in catalogs.status(library.read(flows), flows.parent / CATALOGS):
        typer.echo(
            f"{language.locale}: {language.translated} translated, {language.fuzzy} to be looked at again, "
            f"{language.missing} missing"
            + (f", {language.obsolete} said no longer" if language.obsolete else "")
            + ("" if language.read else "; no native speaker has read it yet")
        )


@app.command("stats")
def show_stats(
    as_json: Annotated[bool, typer.Option("--json", help="Write a JSON list.")] = False, config: ConfigFile = CONFIG
) -> None:
    """How much came about, by month. Numbers so small that somebody might be known again are not shown."""
    from bot.admin import counting

    counting.tell_all(_settings(config), typer.echo, as_json=as_json)


@staff.command("list")
def list_staff(config: ConfigFile = CONFIG) -> None:
    """Who may read cases, by what, with the master key to compare. Exits with 1 where the homeserver lists another."""
    from bot.admin import staffing

    if not staffing.list_all(_settings(config), typer.echo):
        raise typer.Exit(WRONG)


@staff.command("add")
def add_staff(
    who: Who,
    key: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY]", help="Their master key; without it, the homeserver is asked for it."),
    ] = None,
    lead: Annotated[bool, typer.Option("--lead", help="They lead shifts.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing; KEY has been compared with what they say.")] = False,
    config: ConfigFile = CONFIG,
) -> None:
    """Let somebody read cases, once their master key has been compared. Exits with 1 where it is another."""
    from bot.admin import staffing

    asked = None if yes else ask
    if not staffing.add(_settings(config), who, "".join(key or ()), lead=lead, ask=asked, tell=tell):
        raise typer.Exit(WRONG)


@staff.command("remove")
def remove_staff(who: Who, config: ConfigFile = CONFIG) -> None:
    """Let somebody who was added read cases no more."""
    from bot.admin import staffing

    staffing.remove(_settings(config), who, tell)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command that was asked for, by default on the command line, and end the process with its exit code."""
    logs.configure(logs.Level.WARNING)
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        # not `app()`: that would put a hook in place that prints tracebacks with their words
        typer.main.get_command(app).main(arguments, prog_name="vestibule")
    except VestibuleError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the command line's own voice
        sys.exit(_exit_code(error))
    except Exception as error:
        print(f"vestibule failed unexpectedly: {logs.describe(error)}", file=sys.stderr)  # noqa: T201 - likewise
        sys.exit(FAILED)
    sys.exit()


def _exit_code(error: VestibuleError) -> int:
    from bot.flow.model import FlowError

    if isinstance(error, FlowError):
        return WRONG
    return FAILED if isinstance(error, WorldError) else UNUSABLE


def _print(problems: Sequence[Problem], output: Format) -> None:
    """Problems on standard output, for scripts too; what they come to on standard error."""
    from bot.flow.model import Severity

    if output is Format.JSON:
        rows = [
            {
                "file": problem.mark.file,
                "line": problem.mark.line,
                "column": problem.mark.column,
                "severity": problem.severity,
                "code": problem.code,
                "message": problem.message,
            }
            for problem in problems
        ]
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for problem in problems:
        typer.echo(problem)
    counts = Counter(problem.severity.value for problem in problems)
    found = ", ".join(
        f"{count} {kind}{'s' if count > 1 and kind != Severity.ADVICE else ''}"
        for kind, count in sorted(counts.items())
    )
    tell(found or "nothing is wrong")


def _settings(config: Path) -> Config:
    from bot.config import Config

    return Config.read(config, os.environ)


def _recover(settings: Config) -> None:
    """The recovery key is typed unseen, or is the one line of standard input: it is on no command line."""
    from bot.admin.setup import recover

    typed = sys.stdin.isatty()
    own = recover(settings, ask("The recovery key", hidden=True) if typed else sys.stdin.readline())
    _tell_fingerprint(own)
    tell("The bot has a new device under the same identity. What was written to the one before cannot be read.")


def _reset(settings: Config) -> None:
    """The words are typed, or are the one line of standard input; no option stands for them."""
    from bot.admin.setup import reset_identity, reset_sentence

    for line in (
        f"This puts a new identity in the place of the one that {settings.matrix.user_id} has. Nothing takes it back.",
        "Everyone who wrote to the bot before sees a warning, and some must accept it before they can write again.",
        "The fingerprint that was published is wrong from then on: take it down, and publish the new one.",
        "The recovery key from before opens nothing any more. Do you have it? Run `vestibule setup --recover` instead.",
        f"To go on, type: {reset_sentence(settings)}",
    ):
        tell(line)
    own = reset_identity(settings, ask("The words") if sys.stdin.isatty() else sys.stdin.readline(), typer.echo)
    _tell_fingerprint(own)
    tell(
        "Log out the account's other devices: they belong to the identity from before. `vestibule doctor` counts them."
    )


def _tell_fingerprint(own: Own) -> None:
    from bot.forms import grouped

    tell(f"The bot's fingerprint: {grouped(own.master or '')}")
    tell("Publish it where people trust what they read: who compares it knows that they write to this bot.")


def _need_folder(folder: Path) -> None:
    if not folder.is_dir():
        _refuse(f"{folder}: there is no such folder")


def _refuse(why: str) -> NoReturn:
    tell(why)
    raise typer.Exit(UNUSABLE)
