"""Each file in `bad/` begins with the problems that are found in it, as an operator reads them.

It stands beside the good files, in the place of the one that says the same in its first line.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.flow.checks import check
from bot.flow.loader import load
from bot.flow.machine import compile_flows
from bot.flow.model import FlowError, Problem
from tests.flow.small import LANGUAGES, good

BAD = sorted((Path(__file__).parent / "bad").glob("*.yaml"))
SOURCES = Path(__file__).parents[2] / "bot" / "flow"
CODE = re.compile(r'"([a-z]+(?:-[a-z]+)+)"')


def problems(files: dict[str, str | bytes]) -> list[Problem]:
    try:
        library = load(files)
        return check(library, compile_flows(library, tuple(LANGUAGES)))
    except FlowError as error:
        return list(error.problems)


def expected(path: Path) -> list[str]:
    return [line.removeprefix("# ") for line in path.read_text().splitlines() if line.startswith("# ")]


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_bad_file_is_told_with_its_place_and_its_fix(path: Path) -> None:
    first = next(line for line in path.read_text().splitlines() if not line.startswith("#"))
    others = {name: text for name, text in good().items() if text.splitlines()[0] != first}
    if path.stem == "duplicate-name-file":
        others = good()
    found = problems({**others, path.name: path.read_text()})
    assert [str(problem) for problem in found if problem.mark.file == path.name] == expected(path)


def test_every_code_has_a_bad_file_that_is_called_so() -> None:
    codes = {code for source in SOURCES.glob("*.py") for code in CODE.findall(source.read_text())}
    assert codes
    assert codes - {path.stem for path in BAD} == set()


def test_a_bad_file_is_called_by_a_code_that_it_shows() -> None:
    for path in BAD:
        shown = {code for line in expected(path) for code in re.findall(r": (?:error|warning)\[([a-z-]+)\]: ", line)}
        assert any(path.stem == code or path.stem.startswith(f"{code}-") for code in shown), path


def test_the_good_files_have_no_problem() -> None:
    assert problems(good()) == []
