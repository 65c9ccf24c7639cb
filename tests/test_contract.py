"""What the repository says of itself: floors, documents, defaults. Each of these goes wrong quietly."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest
import typer.main

from bot import cli
from bot.checking import found_locales
from bot.config import Config, ConfigError, Helpline, texts_params
from bot.flow.phrases import EVERYWHERE
from bot.services.commands import Unknown, parse

ROOT = Path(__file__).parent.parent
DOCUMENTS = ("README.md", "THREAT-MODEL.md", "CHANGELOG.md", "config.example.toml")
LATER = {"studio", "cases", "forget", "backup", "restore"}
LATER |= {"rotate-key", "catalogs compile"}


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def commands() -> dict[str, set[str]]:
    """Every command of `vestibule`, and the options that it has."""
    found: dict[str, set[str]] = {}
    pending = [("", typer.main.get_command(cli.app))]
    while pending:
        name, command = pending.pop()
        found[name] = {option for parameter in command.params for option in parameter.opts if option.startswith("-")}
        pending += [(f"{name} {inner}".strip(), below) for inner, below in getattr(command, "commands", {}).items()]
    return found


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, set[str]]:
    """Every section of the config and the keys in it, as the reader itself lists them."""
    sections = (
        "helpline",
        "helpline.links",
        "matrix",
        "specialists",
        "promise",
        "vetting",
        "retention",
        "flows",
        "store",
        "signal",
    )
    file = tmp_path / "config.toml"
    file.write_text("\n".join(f"[{section}]\nqqqqqqqq = 1" for section in sections))
    with pytest.raises(ConfigError) as raised:
        Config.read(file, {})
    listed = re.findall(r"\[([a-z.]+)\] has no setting 'q+'; there are (.*)", str(raised.value))
    assert len(listed) == len(sections)
    return {section: set(keys.split(", ")) - {"links"} for section, keys in listed}


def test_each_floor_imports_only_the_floors_below_it() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_module_has_its_floor() -> None:
    (floors,) = (
        contract["layers"]
        for contract in tomllib.loads(read("pyproject.toml"))["tool"]["importlinter"]["contracts"]
        if contract["type"] == "layers"
    )
    listed = {name.strip() for floor in floors for name in re.split("[|:]", floor)}
    there = {
        f"bot.{path.stem}" for path in (ROOT / "bot").iterdir() if path.stem not in {"__init__", "__pycache__", "py"}
    }
    assert there == listed


def test_nothing_but_the_matrix_adapter_imports_nio() -> None:
    importing = re.compile(r"^\s*(from|import) (nio|vodozemac)\b", re.M)
    found = [
        path.relative_to(ROOT / "bot") for path in (ROOT / "bot").rglob("*.py") if importing.search(path.read_text())
    ]
    assert found
    assert all(path.is_relative_to("channels/matrix") for path in found)


class TestDocuments:
    @pytest.mark.parametrize("document", DOCUMENTS)
    def test_commands_exist(self, document: str) -> None:
        known = commands()
        written = re.findall(r"\bvestibule((?: [a-z\-]+)+)((?: --[a-z\-]+)*)", _code(document))
        assert written or document == "THREAT-MODEL.md"
        for words, options in written:
            name = max((name for name in known if f"{words} ".startswith(f" {name} ")), key=len, default="")
            assert name, f"{document}: vestibule{words}"
            assert set(options.split()) <= known[name], f"{document}: vestibule{words}{options}"

    @pytest.mark.parametrize("document", DOCUMENTS)
    def test_targets_of_make_exist(self, document: str) -> None:
        targets = set(re.findall(r"^([a-z]+):", read("Makefile"), re.M))
        assert set(re.findall(r"\bmake ([a-z]+)\b", _code(document))) <= targets

    def test_the_two_commands_are_there(self) -> None:
        assert {"make demo", "make test"} <= set(re.findall(r"make \w+", _code("README.md")))

    @pytest.mark.parametrize("document", ["README.md", "THREAT-MODEL.md", "CHANGELOG.md"])
    def test_settings_exist(self, document: str, settings: dict[str, set[str]]) -> None:
        assert set(re.findall(r"`([a-z]+_[a-z_]+)[ `]", read(document))) <= set().union(*settings.values())

    @pytest.mark.parametrize("document", DOCUMENTS)
    def test_commands_of_staff_exist(self, document: str) -> None:
        written = re.findall(r"`(![^`]+)`", read(document))
        assert not [command for command in written if isinstance(parse(command, None), Unknown)]

    @pytest.mark.parametrize("document", DOCUMENTS)
    def test_files_exist(self, document: str) -> None:
        made = {"config.toml", "locales/fr/LC_MESSAGES/messages.po", "vestibule.key"}
        named = set(re.findall(r"`((?:[\w.\-]+/)*[\w\-]+\.(?:toml|md|py|po|yaml|key)|(?:[\w\-]+/)+)`", read(document)))
        named |= set(re.findall(r"\]\(([\w.\-/]+)\)", read(document)))
        assert not [name for name in named - made if not (ROOT / name).exists()]


def test_a_command_is_there_only_when_it_works() -> None:
    assert not commands().keys() & LATER


class TestConfig:
    def test_the_example_explains_every_setting(self, settings: dict[str, set[str]]) -> None:
        """And no other: `test_config` loads it with everything behind a # opened."""
        example = re.sub(r"^#(?=\S)", "", read("config.example.toml"), flags=re.M)
        tables = tomllib.loads(example)
        shown = {section: set(values) - {"links"} for section, values in tables.items()}
        shown["helpline.links"] = set(tables["helpline"]["links"])
        assert shown == settings

    def test_each_setting_has_its_sentence(self) -> None:
        lines = read("config.example.toml").splitlines()
        for before, line in pairwise(lines):
            if re.match(r"#?[a-z_]+ = ", line):
                alone = before.startswith("# ") or re.match(r"#?[a-z_]+ = ", before) or "  # " in line
                assert alone, f"{line} stands there without a word"

    def test_every_placeholder_of_the_texts_has_its_value(self) -> None:
        assert set(texts_params(Helpline(), "en")) == EVERYWHERE

    def test_the_languages_offered_by_default_have_catalogs(self) -> None:
        assert set(Helpline().locales) == set(found_locales(ROOT / "locales"))


def _code(document: str) -> str:
    """What stands in code: between backticks, or in a block."""
    text = read(document)
    if not document.endswith(".md"):
        return text
    blocks = re.findall(r"^```\n(.*?)^```$", text, re.M | re.S)
    return "\n".join([*blocks, *re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S))])
