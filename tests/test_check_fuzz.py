"""Whatever the bytes of a flow file or a catalog, they are judged: no traceback, and every problem has its place."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.checking import check_flows

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = sorted([*(ROOT / "flows").rglob("*.yaml"), *(ROOT / "locales").rglob("*.po*")])

PIECES = (  # what means something in one of the two formats, or to a parser
    *(b"\x00", b"\xff", b"\xef\xbb\xbf", b"\r", b"\t", b"\n\n", b"\n---\n", b"..."),
    *("\u2028".encode(), "\u202e".encode(), "\u0661".encode(), b"a" * 5_000),
    *(b"- ", b": ", b"? ", b"{", b"}", b"[", b"]", b"&a ", b"*a", b"!!python/object:os.system "),
    *(b"|", b">", b"%", b"\\", b'"', b"'", b"#", b"~", b"<<: ", b"null", b"yes", b"0x1F", b"1e999"),
    *(b"#~ ", b"#, fuzzy\n", b"#| ", b"#: x:1\n", b"{name}", b"{", b"}}", b"msgid_plural ", b"msgstr[9] "),
    *(b'msgid ""\n', b'msgstr ""\n', b'msgctxt "main.menu"\n', b'"Plural-Forms: nplurals=9e9;\\n"\n'),
    *(b'"Language: xx\\n"\n', b'"Content-Type: text/plain; charset=utf-7\\n"\n'),
    *(b"go: menu\n", b"go: end\n", b"- say: x\n", b"- call: main\n", b"- call: person\n", b"- end: bye\n"),
    *(b"  - choose: menu\n    text: x\n    options: {a: a, b: 1}\n", b"version: 99999999999999999999\n"),
    *(b"    require: [role, main.menu]\n", b"    personal: yes\n", b"go: {no_reply: menu, not_understood: end}\n"),
    *(b"  - branch: x\n    when:\n      - {if: {role: other}, go: x}\n", b"  - attach: x\n", b"phrasings: es\n"),
    *(b"flow: main\n", b"faq: x\n", b"phrases: bot\n", b"steps:\n", b"text: []\n", b"options: {}\n", b"card: {}\n"),
)
Change = Callable[[random.Random, bytes, bytes], bytes]


def flip(chance: random.Random, content: bytes, _: bytes) -> bytes:
    place = chance.randrange(len(content) + 1)
    return content[:place] + bytes([chance.randrange(256)]) + content[place + 1 :]


def insert(chance: random.Random, content: bytes, _: bytes) -> bytes:
    place = chance.randrange(len(content) + 1)
    return content[:place] + chance.choice(PIECES) + content[place:]


def cut(chance: random.Random, content: bytes, _: bytes) -> bytes:
    place = chance.randrange(len(content) + 1)
    return content[:place] + content[place + chance.choice((1, 2, 7, 40, 400)) :]


def stop_short(chance: random.Random, content: bytes, _: bytes) -> bytes:
    return content[: chance.randrange(len(content) + 1)]


def splice(chance: random.Random, content: bytes, other: bytes) -> bytes:
    begin, place = chance.randrange(len(other) + 1), chance.randrange(len(content) + 1)
    return content[:place] + other[begin : begin + chance.randrange(600)] + content[place:]


def swap_lines(chance: random.Random, content: bytes, _: bytes) -> bytes:
    lines = content.split(b"\n")
    one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    return b"\n".join(lines)


def without_a_line(chance: random.Random, content: bytes, _: bytes) -> bytes:
    lines = content.split(b"\n")
    del lines[chance.randrange(len(lines))]
    return b"\n".join(lines)


def twice_a_word(chance: random.Random, content: bytes, _: bytes) -> bytes:
    """The kind of mistake that leaves a file readable: one of its words stands in the place of another."""
    words = content.split(b" ")
    words[chance.randrange(len(words))] = chance.choice(words)
    return b" ".join(words)


CHANGES: tuple[Change, ...] = (flip, insert, cut, stop_short, splice, swap_lines, without_a_line, twice_a_word)


@pytest.mark.parametrize("files", [400, pytest.param(20_000, marks=pytest.mark.soak)])
def test_whatever_the_bytes_they_are_judged(tmp_path: Path, files: int) -> None:
    for name in ("flows", "locales"):
        shutil.copytree(ROOT / name, tmp_path / name)
    chance = random.Random(4)
    codes: set[str] = set()
    for _ in range(files):
        shipped = chance.choice(SHIPPED)
        path = tmp_path / shipped.relative_to(ROOT)
        content = good = shipped.read_bytes()
        for _ in range(chance.choice((1, 1, 1, 2, 4))):
            content = chance.choice(CHANGES)(chance, content, chance.choice(SHIPPED).read_bytes())
        path.write_bytes(content)
        problems = check_flows(tmp_path / "flows")  # where this raises, the file stays as it is
        path.write_bytes(good)
        for problem in problems:
            assert problem.mark.line >= 1
            assert problem.mark.column >= 1
            assert "\n" not in str(problem)
        codes.update(problem.code for problem in problems)
    assert len(codes) > 12, "hardly anything was found: the files are changed too little, or too much"
