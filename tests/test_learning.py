"""What the bot learns from phrasings is learned in a process of its own, and in the bot's where there can be none."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from bot.config import Config
from bot.faq.training import Lessons, lessons_of, train
from bot.publishing import learning
from bot.publishing.learning import COMMAND, LENGTH, Learner
from bot.publishing.models import FILE, Shelf
from bot.publishing.publisher import compile_files, learn, read_files
from tests.faq.test_model import LESSONS
from tests.test_config import WHOLE

ENDS_EARLY = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
NEVER_ENDS = "import time; time.sleep(600)"
SAYS_SOMETHING_ELSE = "import sys; sys.stdin.buffer.read(8); print('vestibule faq 2')"

A_BOT = """
import signal, sys
from threading import Thread
from bot.faq.training import lessons_of
from bot.publishing.learning import Learner
signal.signal(signal.SIGINT, lambda *_: None)
lessons = lessons_of(sys.stdin.buffer.read())
print("begun", flush=True)
Thread(target=Learner().learn, args=(lessons,), daemon=True).start()
signal.pause()
"""
ROOT = Path(__file__).parents[1]
PATIENCE = 60.0  # seconds, after which a test has failed


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def many(count: int) -> Lessons:
    """So many that learning from them takes minutes."""
    examples = {f"l{place:03}": [*LESSONS.examples["en"]] * 60 for place in range(count)}
    return Lessons(examples, {}, {})


def test_a_process_of_its_own_learns_the_same_and_the_bot_learns_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    here = train(LESSONS).to_bytes()
    monkeypatch.setattr(learning, "train", None)
    model, made = Learner().learn(LESSONS)
    assert made == here
    assert model.to_bytes() == here


def test_what_a_process_learned_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = train(LESSONS).to_bytes()
    monkeypatch.setattr(learning, "train", None)
    assert Shelf(tmp_path).make(LESSONS).to_bytes() == here
    assert (tmp_path / FILE).read_bytes() == here


@pytest.mark.parametrize(
    ("command", "patience", "why"),
    [
        (("/nowhere/python",), PATIENCE, "no such file or directory"),
        (python(ENDS_EARLY), PATIENCE, ""),
        (python(SAYS_SOMETHING_ELSE), PATIENCE, "it ended with 0"),
        (python(NEVER_ENDS), 0.1, "it took too long"),
    ],
)
def test_where_no_process_can_learn_the_bot_does_and_says_so(
    command: tuple[str, ...], patience: float, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        model, made = Learner(command, patience).learn(LESSONS)
    assert made == train(LESSONS).to_bytes()
    assert model.keys == ("free", "where")
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert f"a process that learns from phrasings failed ({why}" in caplog.text


def test_nothing_is_left_of_a_process_that_took_too_long() -> None:
    before = set(children(os.getpid()))
    Learner(python(NEVER_ENDS), 0.1).learn(LESSONS)
    assert set(children(os.getpid())) <= before


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, 0)]
)
def test_whatever_ends_the_bot_ends_the_process_that_learns(number: signal.Signals, code: int) -> None:
    """The last is an orderly end: the bot takes the signal for a wish, and comes to the end of its program."""
    with subprocess.Popen(python(A_BOT), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as bot:
        assert bot.stdin is not None
        assert bot.stdout is not None
        bot.stdin.write(many(200).to_bytes())
        bot.stdin.close()
        assert bot.stdout.readline() == b"begun\n"
        learner = first_child(bot)
        bot.send_signal(number)
    assert bot.returncode == code
    assert ended(learner)


def test_a_process_that_nobody_waits_for_ends_before_it_has_learned() -> None:
    said = many(200).to_bytes()
    with subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as learner:
        made, _ = learner.communicate(len(said).to_bytes(LENGTH) + said)
    assert made == b""
    assert learner.returncode != 0


def test_the_secrets_of_the_environment_are_not_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VESTIBULE_PASSWORD", "secret")
    tell = "import os, sys; sys.stdin.buffer.read(8); sys.exit(len(os.environ.get('VESTIBULE_PASSWORD', '')))"
    _, why = Learner(python(tell))._made(b"")
    assert why == "it ended with 0"


def test_a_bot_learns_beside_all_else_and_no_message_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "password").write_text("correct horse\n")
    (tmp_path / "config.toml").write_text(f"{WHOLE}[flows]\npath = '{ROOT}/flows'\n")
    whole = Config.read(tmp_path / "config.toml", {})
    settings = replace(
        whole,
        helpline=replace(whole.helpline, locales=("en",)),
        store=replace(whole.store, data_dir=tmp_path),
    )
    monkeypatch.setattr(learning, "train", None)
    content = compile_files(settings, read_files(settings))
    assert content.understanding is not None
    assert content.understanding.judge("do i have to pay for this", "en").ranked == ()
    assert not (tmp_path / FILE).exists()
    learn([content])
    for thread in threading.enumerate():
        if thread.name == "learning":
            thread.join()
    assert content.understanding.judge("do i have to pay for this", "en").ranked[0] == "free_of_charge"
    assert (tmp_path / FILE).exists()


def test_lessons_are_the_same_when_they_come_back() -> None:
    lessons = Lessons(LESSONS.examples, LESSONS.topics, {"en": ["hello \ud800", "\n"], "de": []})
    assert lessons_of(lessons.to_bytes()).digest() == lessons.digest()
    assert lessons_of(lessons.to_bytes()).topics == dict(lessons.topics)


def children(process: int) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(stat[1]) == process and stat[0] != "Z":
            found.append(int(folder.name))
    return found


def first_child(bot: subprocess.Popen[bytes]) -> int:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        for child in children(bot.pid):
            return child
    raise AssertionError("no process was started to learn")


def ended(process: int) -> bool:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            if Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
    os.kill(process, signal.SIGKILL)
    return False
