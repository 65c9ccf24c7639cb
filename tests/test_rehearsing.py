"""`vestibule test`: what it says of conversations that go another way, and of ways that none goes."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from bot.workshop.rehearsing import Rehearsal
from bot.workshop.transcripts import parse
from tests.shell import vestibule

ROOT = Path(__file__).parents[1]
SHIPPED = sorted((ROOT / "tests" / "conversations").rglob("*.txt"))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the shipped flows and no conversations, to stand in."""
    shutil.copytree(ROOT / "flows", tmp_path / "flows")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def rehearsal() -> Rehearsal:
    return Rehearsal(ROOT / "flows")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_conversation_goes_as_it_is_written(rehearsal: Rehearsal, path: Path) -> None:
    failure = rehearsal.run(parse(str(path.relative_to(ROOT)), path.read_bytes()))
    assert failure is None, str(failure)


def test_the_english_conversations_go_every_way_through_the_shipped_flows() -> None:
    rehearsal = Rehearsal(ROOT / "flows")
    for path in SHIPPED:
        if path.parent.name == "en":
            rehearsal.run(parse(str(path), path.read_bytes()))
    assert list(rehearsal.coverage().lines()) == []


def write(folder: Path, text: str) -> str:
    file = folder / "mine.txt"
    file.write_text(text)
    return str(file.relative_to(folder))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "flow: incident\nat: urgency\n\nbot:\n  How urgent is it?\n\n  1. Someone could be hurt\n  2. Now\n  ...\n",
            [
                "mine.txt:4: the bot says something else (at 'incident/urgency', flows/incident.yaml:",
                "      How urgent is it?",
                "      1. Someone could be hurt",
                "    - 2. Now",
                "    + 2. It is happening right now",
                "    + 3. It cannot wait more than a few days",
                "    + 4. It can wait",
                "    + 5. I am not sure",
            ],
        ),
        (
            "flow: incident\nat: urgency\nrequester: later\nstate: incident/country\n",
            [
                "mine.txt:4: after \"later\", the conversation stands at 'incident/urgency', not at "
                "'incident/country'"
            ],
        ),
        (
            "requester: stop\nrequester: yes\nbot: We have stopped, ...\nrequester: hello?\n",
            ["mine.txt:4: the conversation is over before this line"],
        ),
        ("flow: incident\nwait: 2 days\nbot: Are you there?\n", ["mine.txt:3: the bot says nothing (at "]),
        ("flow: incident\nhands over: ...\n", ["mine.txt:2: nothing is handed over (at 'incident/this_device', "]),
        (
            "requester: person\nrequester: yes\nhands over:\n  ...\n  What happened: It burns\n",
            ["mine.txt:3: after \"yes\", something else is handed over", "- What happened: It burns"],
        ),
        ("flow: incidnt\nbot: hi\n", ["mine.txt:1: there is no flow 'incidnt' in flows; there are "]),
        ("language: xx\nbot: hi\n", ["mine.txt:1: there is no language 'xx'; there are en"]),
        ("at: urgnecy\nbot: hi\n", ["mine.txt:1: there is no state 'urgnecy'. Did you mean 'urgency'?"]),
        ("bott: hi\n", ["mine.txt:1:1: error[bad-transcript]: no line begins with 'bott:'. Did you mean 'bot'?"]),
    ],
)  # fmt: skip
def test_a_conversation_that_goes_another_way(here: Path, text: str, told: list[str]) -> None:
    code, out, err = vestibule("test", write(here, text))
    assert code == 1
    for line in told:
        assert line in out
    assert out.startswith(told[0])
    assert re.fullmatch(
        r"1 of 1 conversation not as written; \d+ of \d+ outcomes are reached; --coverage lists the others\n", err
    )


def test_the_first_failure_of_each_conversation_is_told_and_the_others_go_on(here: Path) -> None:
    (here / "tests/conversations/deep").mkdir(parents=True)
    (here / "tests/conversations/a.txt").write_text("flow: incident\nbot: no\nbot: no\n")
    (here / "tests/conversations/b.txt").write_text("flow: incident\nat: what_happened\nbot: What happened? ...\n")
    (here / "tests/conversations/deep/c.txt").write_bytes(b"\xff")
    code, out, err = vestibule("test")
    assert code == 1
    assert [line for line in out.splitlines() if line.startswith("tests/")] == [
        "tests/conversations/a.txt:2: the bot says something else (at 'incident/this_device', flows/incident.yaml:5)",
        "tests/conversations/deep/c.txt:1:1: error[bad-transcript]: this is not a text in UTF-8; "
        "save it as UTF-8 in your editor",
    ]
    assert err.startswith("2 of 3 conversations not as written; ")


def test_coverage_names_the_place_of_what_no_conversation_reaches(here: Path) -> None:
    mine = write(here, "flow: incident\nat: urgency\nrequester: It can wait\nrequester: skip\n")
    code, out, err = vestibule("test", mine, "--coverage")
    assert code == 0
    lines = out.splitlines()
    urgency = (here / "flows/incident.yaml").read_text().splitlines().index("      danger: Someone could be hurt") + 1
    assert f"flows/incident.yaml:{urgency}: no conversation goes incident/urgency -> danger" in lines
    assert not any("incident/urgency -> later" in line for line in lines)
    happened = (here / "flows/incident.yaml").read_text().splitlines().index("  - ask: what_happened") + 1
    assert f"flows/incident.yaml:{happened}: no conversation gets to incident/what_happened" in lines
    assert not any("incident/what_happened -> " in line for line in lines)
    assert re.fullmatch(r"1 conversation, as written; 2 of \d+ outcomes are reached\n", err)


def test_what_is_only_reached_by_a_word_is_reached(here: Path) -> None:
    _, out, _ = vestibule("test", write(here, "requester: person\nrequester: yes\n"), "--coverage")
    assert "person/handoff" not in out
    assert "person/consent/consent -> no" in out


EXTRA = """\
flow: extra
about: Every kind of step that the shipped flows do without.
steps:
  - several: signs
    text: Which signs are there?
    options: {slow: It is slow, hot: It is hot, none: None of these}
    alone: [none]
    go: {none: end, not_understood: unclear, no_reply: end}
    tries: 1
    expire_after: 2 hours
  - attach: picture
    text: Is there a picture?
  - branch: which
    when:
      - {if: {extra.signs: hot}, go: cool}
    otherwise: end
  - say: cool
    text: Let it cool down.
    go: end
  - say: unclear
    text: Then let us go on.
"""


def test_every_kind_of_step_is_played_and_counted(here: Path) -> None:
    (here / "flows/extra.yaml").write_text(EXTRA)
    main = here / "flows/main.yaml"
    main.write_text(main.read_text().replace("  - call: referral\n", "  - call: referral\n  - call: extra\n", 1))
    begun = "flow: extra\n\nbot: Which signs are there? ...\n"
    (here / "a.txt").write_text(f"{begun}requester: 1, 2\nsends: photo.jpg\nbot: Let it cool down. ...\n")
    (here / "b.txt").write_text("flow: extra\nat: picture\nanswer: signs = slow\n\nrequester: skip\nstate: review\n")
    (here / "c.txt").write_text(f"{begun}requester: blue\nbot: ... Then let us go on. ...\n")
    assert vestibule("test", "a.txt", "b.txt", "c.txt").code == 0
    _, out, _ = vestibule("test", "a.txt", "--coverage")
    lines = [line for line in out.splitlines() if line.startswith("flows/extra.yaml")]
    assert lines == [
        "flows/extra.yaml:4: no conversation goes extra/signs -> not_understood",
        "flows/extra.yaml:4: no conversation goes extra/signs -> no_reply",
        "flows/extra.yaml:6: no conversation goes extra/signs -> none",
        "flows/extra.yaml:11: no conversation goes extra/picture -> skipped",
        "flows/extra.yaml:13: no conversation goes extra/which -> otherwise",
        "flows/extra.yaml:20: no conversation gets to extra/unclear",
    ]
    (here / "d.txt").write_text(f"{begun}wait: 2 hours\nbot: ... Is there anything\n")
    assert "the bot says something else" in vestibule("test", "d.txt").out
    _, out, _ = vestibule("test", "a.txt", "b.txt", "c.txt", "d.txt", "--coverage")
    lines = [line for line in out.splitlines() if line.startswith("flows/extra.yaml")]
    assert lines == ["flows/extra.yaml:6: no conversation goes extra/signs -> none"]


@pytest.mark.parametrize("arguments", [(), ("nowhere.txt",), ("flows",), ("--flows", "nowhere"), ("flows/none",)])
def test_nothing_to_test_is_one_line(here: Path, arguments: tuple[str, ...]) -> None:
    code, out, err = vestibule("test", *arguments)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1


def test_flows_that_could_not_go_live_are_not_tested(here: Path) -> None:
    main = here / "flows/main.yaml"
    main.write_text(main.read_text().replace("  - call: consent\n", "", 1))
    code, _, err = vestibule("test", write(here, "bot: ...\n"))
    assert code == 1
    assert "error[free-text-before-consent]" in err
