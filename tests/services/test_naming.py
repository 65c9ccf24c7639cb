"""Who is meant by a name that somebody wrote: one, several, or nobody; never a guess."""

import pytest

from bot.services.naming import alike, meant

NORA, TWIN, ARABIC = "@nora:staff.example", "@nora:other.example", "@ليلى:staff.example"
STAFF = (NORA, TWIN, ARABIC, "@carol:staff.example")


@pytest.mark.parametrize(
    ("written", "names"),
    [
        (NORA, [NORA]),
        ("NORA:STAFF.EXAMPLE", [NORA]),
        ("@nora", [NORA, TWIN]),
        ("(Carol),", ["@carol:staff.example"]),
        ("ｃａｒｏｌ", ["@carol:staff.example"]),  # wide letters, as some keyboards make them
        ("ليلى", [ARABIC]),
        ("caro", []),
        ("nora:elsewhere.example", []),
        ("@", []),
        ("", []),
    ],
)
def test_a_name_is_known_with_its_server_or_without(written: str, names: list[str]) -> None:
    assert meant(STAFF, written) == names


def test_what_is_written_nearly_like_a_name_is_offered_and_not_taken() -> None:
    assert alike(STAFF, "carrol") == ["@carol:staff.example"]
    assert alike(STAFF, "nroa") == [NORA, TWIN]
    assert alike(STAFF, "zzz") == []
    assert alike(STAFF, "") == []
