"""What staff write with a `!` in front."""

import pytest

from bot.domain import CaseNumber
from bot.services.commands import (
    AddStaff,
    Assign,
    CallForHelp,
    Claim,
    Close,
    Help,
    ListMine,
    ListQueue,
    ListStaff,
    LookBack,
    Release,
    RemoveStaff,
    ShowCase,
    Unknown,
    Verdict,
    Vet,
    is_command,
    parse,
)

CASE = CaseNumber("7F3K")
WHO = "@nora:staff.example"
KEY = "b25seSBhbiBleGFtcGxlLCBwdXQgdGhlaXJzIGhlcmU"
GROUPS = "b25s eSBh biBl eGFt cGxl LCBw dXQg dGhl aXJz IGhl cmU"


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("!help", Help()),
        ("  !HELP  ", Help()),
        ("!queue", ListQueue()),
        ("!Queue please", ListQueue()),
        ("!mine", ListMine()),
        ("!case 7f3k", ShowCase(CASE)),
        ("!case", ShowCase(None)),
        ("!queu", Unknown("!queue")),
        ("!claim 7F3K", Claim(CASE)),
        ("!claim 7f3k", Claim(CASE)),
        ("!claim \u20687F3K\u2069", Claim(CASE)),
        ("! claim  7F3K please", Claim(CASE)),
        ("!claim", Claim(None)),
        ("!claim ABCD", Claim(None)),
        ("!claim 7F3K emergency", Claim(CASE, emergency=True)),
        ("!claim Emergency 7F3K", Claim(CASE, emergency=True)),
        ("!claim emergency", Claim(None, emergency=True)),
        ("!vet history 7F3K", LookBack(CASE)),
        ("!vet HISTORY", LookBack(None)),
        ("!vet histroy 7F3K", Unknown("!vet history")),
        ("!close 7F3K", Close(CASE)),
        ("!release 7f3k", Release(CASE)),
        ("!release", Release(None)),
        (f"!assign 7F3K {WHO}", Assign(CASE, WHO)),
        (f"!assign {WHO} 7f3k", Assign(CASE, WHO)),
        (f"!assign 7F3K \u2068{WHO}\u2069 please", Assign(CASE, WHO)),
        ("!assign 7F3K", Assign(CASE, "")),
        ("!assign nora", Assign(None, "nora")),
        ("!help-me 7F3K", CallForHelp(CASE, "")),
        ("!HELP\u2011ME 7F3K nora", CallForHelp(CASE, "nora")),
        ("!help\u2013me", CallForHelp(None, "")),
        ("!helpme 7F3K", Unknown("!help-me")),
        ("!help me 7F3K", Unknown("!help-me")),
        ("!help meanwhile", Help()),
        ("!unclaim 7F3K", Unknown("!release")),
        ("!relase 7F3K", Unknown("!release")),
        ("!asign 7F3K nora", Unknown("!assign")),
        ("!transfer 7F3K nora", Unknown("!assign")),
        ("!vet pending 7F3K", Vet(CASE, Verdict.PENDING)),
        ("!vet PASSED 7F3K known to us\nsince 2019", Vet(CASE, Verdict.PASSED, "known to us\nsince 2019")),
        ("!vet passed", Vet(None, Verdict.PASSED)),
        ("!clam 7F3K", Unknown("!claim")),
        ("!vet pased 7F3K", Unknown("!vet passed")),
        ("!vet", Unknown("!vet pending")),
        ("!vet 7F3K", Unknown("!vet pending")),
        ("!", Unknown(None)),
        ("!staff list", ListStaff()),
        ("!STAFF LIST please", ListStaff()),
        (f"!staff add {WHO}", AddStaff(WHO, "", lead=False)),
        (f"!staff add {WHO} lead", AddStaff(WHO, "", lead=True)),
        (f"!staff add {WHO} {KEY}", AddStaff(WHO, KEY, lead=False)),
        (f"!staff add {WHO}\n{GROUPS}", AddStaff(WHO, KEY, lead=False)),
        (f"!staff add {WHO} {GROUPS} Lead", AddStaff(WHO, KEY, lead=True)),
        (f"!staff add \u2068{WHO}\u2069 \u2068{KEY}\u2069 lead", AddStaff(WHO, KEY, lead=True)),
        (f"!staff add {WHO} a lead", AddStaff(WHO, "a", lead=True)),
        ("!staff add", AddStaff("", "", lead=False)),
        (f"!staff remove {WHO}", RemoveStaff(WHO)),
        ("!staff remove", RemoveStaff("")),
        (f"!staff ad {WHO}", Unknown("!staff add")),
        ("!staff", Unknown("!staff list")),
        ("!stuff", Unknown("!staff")),
        ("!hello there", Unknown("!help")),
        ("!xyz", Unknown(None)),
    ],
)
def test_a_command_in_the_queue_room(text: str, command: object) -> None:
    assert is_command(text)
    assert parse(text, None) == command


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("!close", Close(CASE)),
        ("!claim 7F3K", Claim(CASE)),
        ("!vet passed seen her papers", Vet(CASE, Verdict.PASSED, "seen her papers")),
        ("!vet passed 7f3k 2019 was the year", Vet(CASE, Verdict.PASSED, "2019 was the year")),
        ("!vet passed 9QQ1", Vet(None, Verdict.PASSED)),
        ("!close 9QQ1", Close(None)),
        ("!release", Release(CASE)),
        ("!assign nora", Assign(CASE, "nora")),
        ("!assign nora 7F3K", Assign(CASE, "nora")),
        ("!assign 9QQ1 nora", Assign(None, "nora")),
        ("!help-me", CallForHelp(CASE, "")),
        ("!help-me @nora", CallForHelp(CASE, "@nora")),
    ],
)
def test_a_command_in_a_room_of_the_case_needs_no_number_and_takes_no_other(text: str, command: object) -> None:
    assert parse(text, CASE) == command


@pytest.mark.parametrize(
    "text",
    [
        *("!claim", " \u200b!claim", "\u202b!claim", "！claim", "\ufeff ! claim", "﹗claim"),
        *("\u034f!claim", "\ufe0f!claim", "\u3164\uffa0!claim", "\u2800 \u115f\u1160!claim", "\u2028!claim"),
    ],
)
def test_unseen_signs_do_not_hide_a_command(text: str) -> None:
    assert is_command(text)
    assert parse(text, CASE) == Claim(CASE)


@pytest.mark.parametrize("text", ["hello!", "", "claim", "¡hola!", "\u200b", "\u3164", "\u0301a!"])
def test_other_words_are_no_command(text: str) -> None:
    assert not is_command(text)


def test_notes_and_names_are_not_shown_by_the_value() -> None:
    assert "papers" not in repr(parse("!vet passed 7F3K seen her papers", None))
    named = ("staff add", "staff remove", "assign 7F3K", "help-me 7F3K")
    assert "nora" not in repr([parse(f"!{verb} {WHO}", None) for verb in named])
