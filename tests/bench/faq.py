"""How well questions are understood: held-out messages of which no phrasing knows; time, memory. Asserts nothing."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from time import perf_counter, process_time

import yaml

from bot import library
from bot.checking import CATALOGS, found_locales
from bot.config import Helpline, texts_params
from bot.faq.finding import OFFERED, Make, Understanding, Verdict
from bot.faq.training import train
from bot.flow.questions import Found, Perhaps
from bot.flow.understand import Lexicon
from bot.i18n import Catalogs, Texts

ROOT = Path(__file__).parents[2]
SHIPPED, HELD_OUT = ROOT / "flows", ROOT / "tests" / "data" / "faq"
NONE = "none"
AIMS = "precision 0.97 (0.93 in every language), coverage 0.65, right in three 0.92, false answers 1 %"

_LOADED = """
import sys
from pathlib import Path
from bot.faq.model import from_bytes
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4
before = resident()
kept = Path(sys.argv[1]).read_bytes()
model = from_bytes(kept, kept[48:80])
del kept
assert model is not None
print(resident() - before)
"""


@dataclass(frozen=True, slots=True)
class Message:
    """A message in a language, and the entry that it asks for, or `none`."""

    lang: str
    key: str
    text: str


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
    flows = library.read(SHIPPED)
    locales = found_locales(SHIPPED.parent / CATALOGS)
    texts = Texts(flows, Catalogs.read(SHIPPED.parent / CATALOGS), lambda code: texts_params(Helpline(), code), locales)
    lexicons = dict.fromkeys(flows.phrasings, Lexicon({}, {})) | dict(texts.lexicons())
    return Understanding(flows, lexicons, make)


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
    understood = understanding()
    begun = process_time()
    model = understood.prepare()
    trained = process_time() - begun
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
    print(f"trained in {trained:.1f} s of one processor")
    print(f"kept in {len(kept) / 1e6:.1f} MB; {memory(kept):.0f} MB in memory")
    print(f"a question: {1000 * statistics.median(times):.2f} ms, at most {1000 * max(times):.2f} ms")


def memory(kept: bytes) -> float:
    """What a kept model takes in a process of its own, in MB, numpy not counted."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(kept)
        file.flush()
        done = subprocess.run(
            [sys.executable, "-c", _LOADED, file.name], cwd=ROOT, capture_output=True, text=True, check=True
        )
    return int(done.stdout) / 1000


if __name__ == "__main__":
    main()
