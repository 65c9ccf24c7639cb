"""Who of the staff has a part in a case, stored and read again."""

import json

import pytest

from bot.store.hands import Hands, from_json, to_json

VETTER, CLAIMER = "@vera:staff.example", "@carol:staff.example"


@pytest.mark.parametrize(
    "hands",
    [
        Hands(None, None),
        Hands(VETTER, CLAIMER, (CLAIMER, VETTER), True, "$left"),
        Hands(VETTER, None, (CLAIMER,), False, None),
    ],
)
def test_they_come_back_as_they_were(hands: Hands) -> None:
    assert from_json(to_json(hands)) == hands
    assert "staff.example" not in repr(hands)


def test_a_case_from_before_anybody_could_help_is_read() -> None:
    assert from_json(json.dumps([VETTER, CLAIMER])) == Hands(VETTER, CLAIMER)
