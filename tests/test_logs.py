"""Law 6: what people write, and who they are, appear in no log line and in no traceback, whoever prints it."""

from __future__ import annotations

import ast
import asyncio
import gc
import io
import logging
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot import logs
from bot.errors import VestibuleError
from bot.logs import Level, configure, describe

SAID = "they took my passport"
WHO = "@amina:example.org"
BOT = Path(logs.__file__).parent


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    """What is logged. Everything that `configure` changes in the process is put back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers = []  # configure closes what it finds
    hooks = sys.excepthook, sys.unraisablehook, threading.excepthook
    stream = io.StringIO()
    configure(Level.DEBUG, stream)
    yield stream
    logging.captureWarnings(False)
    sys.excepthook, sys.unraisablehook, threading.excepthook = hooks
    root.handlers, root.level = handlers, level
    for name in (*logs.QUIET, logs.OURS):
        logging.getLogger(name).setLevel(logging.NOTSET)


def test_a_line_has_time_level_logger_and_words(out: io.StringIO) -> None:
    logging.getLogger("bot.services.outbox").info("%s sent in %.1f s", 3, 0.25)
    at, rest = out.getvalue().split(" ", 1)
    assert at.endswith("Z")
    assert rest == "INFO bot.services.outbox: 3 sent in 0.2 s\n"


@pytest.mark.parametrize("name", [*logs.QUIET, "nio.crypto.olm_machine", "sqlalchemy.engine.Engine", "anything.else"])
def test_other_libraries_say_nothing_below_a_warning(out: io.StringIO, name: str) -> None:
    logging.getLogger(name).info("%s", SAID)
    logging.getLogger(name).debug(SAID)
    assert out.getvalue() == ""


def test_a_library_that_turns_itself_up_still_says_nothing(out: io.StringIO) -> None:
    loud = logging.getLogger("sqlalchemy.engine.Engine")
    loud.setLevel(logging.DEBUG)
    loud.debug(SAID)
    loud.setLevel(logging.NOTSET)
    assert out.getvalue() == ""


@pytest.mark.parametrize("name", ["nio.events", "aiohttp.client", "anything.else", "bottle"])
def test_the_warning_of_a_library_is_told_by_its_place_alone(out: io.StringIO, name: str) -> None:
    logging.getLogger(name).warning("could not decrypt %s from %s", SAID, WHO)
    logging.getLogger(name).warning(f"could not decrypt {SAID}")
    assert out.getvalue().count(f"WARNING {name}: at test_logs:") == 2
    assert SAID not in out.getvalue()
    assert WHO not in out.getvalue()


@pytest.mark.parametrize(
    "address",
    [
        WHO,
        "@_b/o=t+1:example.org:8448",
        "!opaque:example.org",
        "!OpaqueOfVersionTwelve:x",
        "#cases:example.org",
        "amina@example.org",
        "+44 20 7946 0958",
    ],
)
def test_an_address_in_our_own_words_is_blanked(out: io.StringIO, address: str) -> None:
    logging.getLogger("bot.x").info("asked %s to join", address)
    assert out.getvalue().endswith("asked <address> to join\n")


@pytest.mark.parametrize(
    "words",
    [
        "case 7F3K opened",
        "due in 0:02:00",
        "at 12:30:05",
        "step eligibility/role",
        "http://127.0.0.1:8008 answers",
        "$AbC:1 sent",
        "2+2",
    ],
)
def test_what_is_no_address_stands(out: io.StringIO, words: str) -> None:
    logging.getLogger("bot.x").info("%s", words)
    assert out.getvalue().endswith(f"bot.x: {words}\n")


def test_nobody_writes_a_second_line_into_the_log(out: io.StringIO) -> None:
    logging.getLogger("bot.x").info("step %s", "a\n2026 CRITICAL bot: all is lost\u2028\x1b[2J")
    assert len(out.getvalue().splitlines()) == 1
    assert "\x1b" not in out.getvalue()


def test_an_exception_is_its_type_and_our_frames(out: io.StringIO) -> None:
    try:
        logs.LineFormatter().format(SAID)  # type: ignore[arg-type]
    except AttributeError:
        logging.getLogger("bot.x").exception("did not work")
    (line,) = out.getvalue().splitlines()
    assert "did not work | AttributeError at logs.py:" in line
    assert line.endswith(" format")
    assert SAID not in line


def test_an_exception_is_not_told_by_its_words_wherever_it_stands(out: io.StringIO) -> None:
    log = logging.getLogger("bot.x")
    error = ValueError(SAID)
    log.warning("failed: %s", error)
    log.warning("failed: %(error)s", {"error": error})
    try:
        try:
            raise KeyError(SAID)
        except KeyError as cause:
            raise RuntimeError(SAID) from cause
    except RuntimeError:
        log.warning("failed", exc_info=True)
        logging.getLogger("asyncio").error("failed", exc_info=True)
    log.warning("failed", exc_info=ExceptionGroup(SAID, [OSError(SAID), ValueError(SAID)]))
    assert SAID not in out.getvalue()
    assert out.getvalue().count("RuntimeError because of KeyError") == 2
    assert "ExceptionGroup [OSError; ValueError]" in out.getvalue()


def test_a_traceback_that_another_handler_left_behind_is_not_printed(out: io.StringIO) -> None:
    record = logging.LogRecord("bot.x", logging.ERROR, "x.py", 1, "failed", None, None)
    record.exc_text = SAID
    record.stack_info = SAID
    assert SAID not in logs.LineFormatter().format(record)


def test_the_words_of_our_own_errors_are_told(out: io.StringIO) -> None:
    assert describe(VestibuleError("first\nsecond")) == "bot.errors.VestibuleError (first; second)"


def test_a_log_line_that_cannot_be_written_is_told_without_what_it_held(
    out: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    (ours,) = (handler for handler in logging.getLogger().handlers if isinstance(handler.formatter, logs.LineFormatter))
    ours.handle(logging.LogRecord("bot.x", logging.INFO, "x.py", 1, "%d", (SAID,), None))
    assert "a log line could not be written: bot.x:" in out.getvalue()
    assert SAID not in out.getvalue() + capsys.readouterr().err


def test_what_nobody_caught_is_told_without_its_words(out: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    sys.excepthook(ValueError, ValueError(SAID), None)
    thread = threading.Thread(target=_fail)
    thread.start()
    thread.join()
    asyncio.run(_leave_a_failed_task())
    _Unraisable()
    gc.collect()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(SAID, stacklevel=1)
    logged = out.getvalue()
    assert logged.count("ValueError") == 4
    assert "CRITICAL bot.logs: stopped by an error that nothing expected" in logged
    assert "a thread failed" in logged
    assert "a task failed where nobody waited for it" in logged
    assert "an error while something was thrown away" in logged
    assert "WARNING py.warnings" in logged
    assert SAID not in logged + capsys.readouterr().err


def test_a_whole_process_that_dies_says_nothing_of_what_it_held() -> None:
    code = f"from bot.logs import configure\nconfigure()\nwords = {SAID!r}\nraise KeyError(words)\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "CRITICAL bot.logs: stopped by an error that nothing expected | KeyError" in done.stderr
    assert SAID not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_every_log_call_has_constant_words() -> None:
    """An f-string would bring values into the words before anything could look at them."""
    calls = [(path, call) for path in BOT.rglob("*.py") for call in _log_calls(ast.parse(path.read_text()))]
    assert len(calls) > 3
    assert not [
        f"{path.relative_to(BOT)}:{call.lineno}" for path, call in calls if not isinstance(call.args[0], ast.Constant)
    ]


def test_nothing_but_this_module_sets_logging_up() -> None:
    setting_up = {"basicConfig", "addHandler", "StreamHandler", "FileHandler", "dictConfig"}
    found = {
        path.relative_to(BOT).as_posix()
        for path in BOT.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in setting_up
    }
    assert found == {"logs.py"}


def _log_calls(tree: ast.AST) -> Iterator[ast.Call]:
    levels = {"debug", "info", "warning", "error", "exception", "critical"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in levels:
            owner = node.func.value
            name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
            if name.lstrip("_").lower() in {"log", "logger", "logging"} and node.args:
                yield node


def _fail() -> None:
    raise ValueError(SAID)


async def _leave_a_failed_task() -> None:
    asyncio.get_running_loop().set_exception_handler(logs.loop_failed)

    async def fail() -> None:
        raise ValueError(SAID)

    task = asyncio.ensure_future(fail())
    await asyncio.sleep(0)
    del task
    gc.collect()
    await asyncio.sleep(0)


class _Unraisable:
    def __del__(self) -> None:
        raise ValueError(SAID)
