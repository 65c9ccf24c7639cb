"""How well questions are understood: held-out messages of which no phrasing knows; time, memory. Asserts nothing."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from time import perf_counter

import yaml

from bot import library
from bot.checking import CATALOGS, found_locales
from bot.config import Helpline, texts_params
from bot.faq.finding import OFFERED, Make, Understanding, Verdict
from bot.faq.training import train
from bot.flow.model import Library
from bot.flow.questions import Found, Perhaps
from bot.flow.understand import Lexicon
from bot.i18n import Catalogs, Texts
from bot.publishing.learning import Learner

ROOT = Path(__file__).parents[2]
SHIPPED, HELD_OUT = ROOT / "flows", ROOT / "tests" / "data" / "faq"
NONE = "none"
AIMS = "precision 0.97 (0.93 in every language), coverage 0.65, right in three 0.92, false answers 1 %"

# a bot but for its channels and its store: what it holds without numpy, without the FAQ, and once it has learned
_LIKE_A_BOT = """
import gc, os, sys
from pathlib import Path
from tests.bench.outside import memory
held = [memory(os.getpid()).pss]
import numpy
held.append(memory(os.getpid()).pss)
import bot.app
from bot.flow.engine import Engine
from bot.flow.machine import compile_flows
from bot.faq.finding import Understanding
from bot.publishing.models import Shelf
from tests.bench.faq import shipped
flows, texts, lexicons = shipped()
engine = Engine(compile_flows(flows, texts.locales), lexicons, texts.languages())
gc.collect()
held.append(memory(os.getpid()).pss)
understood = Understanding(flows, lexicons, Shelf(Path(sys.argv[1])).make, wait=False)
understood.prepare()
for lang in lexicons:
    understood.judge("is this free, and who reads it", lang)
    understood.guess("is this free, and who reads it")
gc.collect()
held.append(memory(os.getpid()).pss)
print(*held)
"""


@dataclass(frozen=True, slots=True)
class Message:
    """A message in a language, and the entry that it asks for, or `none`."""

    lang: str
    key: str
    text: str


@dataclass(frozen=True, slots=True)
class Held:
    """What a process like the bot's holds, in MB (PSS): for numpy, before it learned, and after."""

    numpy: float
    before: float
    after: float

    def line(self, name: str) -> str:
        return (
            f"{name}: {self.before:.0f} MB before, {self.after:.0f} MB with the FAQ: "
            f"{self.after - self.before:.0f} MB, and {self.numpy:.0f} MB of numpy"
        )


@dataclass(frozen=True, slots=True)
class Figures:
    """How well some messages were understood; all of 1."""

    count: int
    precision: float
    coverage: float
    false: float
    in_three: float
    asked_back: float

    def line(self, name: str) -> str:
        return (
            f"{name:8} {self.count:6} {self.precision:10.3f} {self.coverage:9.3f} {self.in_three:9.3f} "
            f"{100 * self.false:6.1f} % {self.asked_back:10.3f}"
        )


def understanding(make: Make = train) -> Understanding:
    """That of the shipped flows, in every language that has phrasings."""
    flows, _, lexicons = shipped()
    return Understanding(flows, lexicons, make)


def shipped() -> tuple[Library, Texts, Mapping[str, Lexicon]]:
    """The flows, their texts, and what is known of every language that has phrasings."""
    flows = library.read(SHIPPED)
    locales = found_locales(SHIPPED.parent / CATALOGS)
    texts = Texts(flows, Catalogs.read(SHIPPED.parent / CATALOGS), lambda code: texts_params(Helpline(), code), locales)
    return flows, texts, dict.fromkeys(flows.phrasings, Lexicon({}, {})) | dict(texts.lexicons())


def held_out() -> Iterator[Message]:
    """What other hands wrote than the phrasings."""
    for path in sorted(HELD_OUT.glob("*.yaml")):
        said = yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)  # noqa: S506  # makes nothing but texts
        for key, texts in (*said["questions"].items(), (NONE, said[NONE])):
            yield from (Message(said["heldout"], key, text) for text in texts)


def figures(judged: Iterable[tuple[Message, Verdict]]) -> Figures:
    """What came out."""
    found = list(judged)
    answered = [(message, verdict.finding) for message, verdict in found if isinstance(verdict.finding, Found)]
    right = sum(finding.answer == f"faq.{message.key}" for message, finding in answered)
    asking = [(message, verdict) for message, verdict in found if message.key != NONE]
    others = len(found) - len(asking)
    return Figures(
        count=len(found),
        precision=right / len(answered) if answered else 1.0,
        coverage=right / len(asking) if asking else 0.0,
        false=sum(message.key == NONE for message, _ in answered) / others if others else 0.0,
        in_three=sum(message.key in verdict.ranked[:OFFERED] for message, verdict in asking) / max(len(asking), 1),
        asked_back=sum(isinstance(verdict.finding, Perhaps) for _, verdict in found) / max(len(found), 1),
    )


def by_language(judged: Sequence[tuple[Message, Verdict]]) -> Mapping[str, Figures]:
    """The same for each language."""
    ordered = sorted(judged, key=lambda pair: pair[0].lang)
    return {lang: figures(pairs) for lang, pairs in groupby(ordered, key=lambda pair: pair[0].lang)}


def main() -> None:
    understood = understanding(lambda lessons: Learner().learn(lessons)[0])
    begun = _of_children()
    model = understood.prepare()
    trained = _of_children() - begun
    judged, times = [], []
    for message in held_out():
        begun = perf_counter()
        judged.append((message, understood.judge(message.text, message.lang)))
        times.append(perf_counter() - begun)
    print(f"{'':8} {'count':>6} {'precision':>10} {'coverage':>9} {'in three':>9} {'false':>8} {'asked back':>10}")
    for lang, found in by_language(judged).items():
        print(found.line(lang))
    print(figures(judged).line("all"))
    print(f"aims: {AIMS}")
    told = [(message, understood.guess(message.text)) for message in held_out()]
    offered = [(message, guess) for message, guess in told if guess is not None]
    wrong = sum(guess != message.lang for message, guess in offered)
    print(f"language: offered for {len(offered) / len(told):.1%}, wrong in {wrong / max(len(offered), 1):.1%} of these")
    kept = model.to_bytes() if model else b""
    print(f"trained in {trained:.1f} s of one processor, in a process of its own")
    print(f"kept in {len(kept) / 1e6:.1f} MB")
    with tempfile.TemporaryDirectory() as folder:
        print(held(folder).line("a bot that learns"))
        print(held(folder).line("one that has learned at an earlier start"))
    print(f"a question: {1000 * statistics.median(times):.2f} ms, at most {1000 * max(times):.2f} ms")


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def held(folder: str) -> Held:
    """What a process like the bot's holds, with this folder for what it learns."""
    done = subprocess.run(
        [sys.executable, "-c", _LIKE_A_BOT, folder], cwd=ROOT, capture_output=True, text=True, check=True
    )
    nothing, numpy, before, after = (int(said) / 1e6 for said in done.stdout.split())
    return Held(numpy - nothing, before, after)


if __name__ == "__main__":
    main()
