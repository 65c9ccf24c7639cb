"""Everything that `vestibule check` can say, shown on something small that is wrong.

Each file in `bad/` begins with the problems that are found in it, as an operator or administrator reads them. A flow
file stands beside the good files, in the place of the one that says the same in its first line. A folder in `bad/` is
flows and catalogs of its own; its file `expected` has the problems of its catalogs, and of the code it is called by.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.checking import check_config, check_flows
from bot.flow.checks import check
from bot.flow.collisions import Spoken, collisions
from bot.flow.lint import lint
from bot.flow.loader import load
from bot.flow.machine import compile_flows
from bot.flow.model import FlowError, Problem
from bot.lengths import too_long
from tests.flow.small import LANGUAGES, good, lexicon

HERE = Path(__file__).parent
BAD = sorted((HERE / "bad").glob("*.yaml"))
CONFIGS = sorted((HERE / "bad").glob("*.toml"))
FOLDERS = sorted(path.parent for path in (HERE / "bad").glob("*/expected"))
BOT = HERE.parents[1] / "bot"
SOURCES = [
    *(BOT / "flow").glob("*.py"),
    *(BOT / f"{name}.py" for name in ("catalog_checks", "checking", "config", "i18n", "lengths", "library", "toml")),
]
CODE = re.compile(r'"([a-z]+(?:-[a-z]+)+)"')
NO_CODES = {"duration-day", "duration-hour", "duration-minute"}  # units of babel's
TOLD = re.compile(r": (?:error|warning|advice)\[([a-z-]+)\]: ")


def problems(files: dict[str, str | bytes]) -> list[Problem]:
    try:
        library = load(files)
        compiled = compile_flows(library, tuple(LANGUAGES))
    except FlowError as error:
        return list(error.problems)
    english = compile_flows(library, ["en"])
    marks = {**{source.id: source.mark for source in library.sources.values()}}
    marks |= {source.id: source.mark for source in library.word_sources.values()}
    spoken = Spoken("en", "English", lexicon(library), marks.__getitem__)
    return [
        *check(library, compiled),
        *lint(library, compiled),
        *collisions(english, {"en": spoken})["en"],
        *too_long(library, english, {"en": "English"}, lambda locale, text, source: source),
    ]


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


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_bad_config_is_told_with_its_place_and_its_fix(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("flows").mkdir()
    for name, text in good().items():
        Path("flows", name).write_text(text)
    Path("password").write_text("correct horse\n")
    Path(path.name).write_text(path.read_text())
    found = [problem for problem in check_config(Path(path.name), {}) if problem.code in path.stem]
    assert [str(problem) for problem in found] == expected(path)


@pytest.mark.parametrize("path", FOLDERS, ids=lambda path: path.name)
def test_a_bad_folder_is_told_with_its_place_and_its_fix(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path)
    found = check_flows(Path("flows"))
    told = [
        str(problem)
        for problem in found
        if problem.mark.file.startswith("locales") or path.name.startswith(problem.code)
    ]
    assert told == Path("expected").read_text().splitlines()


def test_every_code_has_something_bad_that_is_called_so() -> None:
    codes = {code for source in SOURCES for code in CODE.findall(source.read_text())} - NO_CODES
    assert codes
    assert codes - {path.stem for path in (*BAD, *CONFIGS, *FOLDERS)} == set()


def test_something_bad_is_called_by_a_code_that_it_shows() -> None:
    for path in (*BAD, *CONFIGS, *FOLDERS):
        lines = (path / "expected").read_text().splitlines() if path.is_dir() else expected(path)
        shown = {code for line in lines for code in TOLD.findall(line)}
        assert any(path.stem == code or path.stem.startswith(f"{code}-") for code in shown), path


def test_the_good_files_have_no_problem() -> None:
    assert problems(good()) == []
