"""Signing: the requester sees one helpline and nobody of its staff, but for the name that one of them signs with."""

from __future__ import annotations

import unicodedata
from dataclasses import replace

from bot.domain import Case
from bot.services import sayings
from bot.services.casework import Told
from bot.services.work import Work

LONGEST_NAME = 40  # characters


def sign(work: Work, case: Case, who: str, name: str) -> Told:
    """From now on what this person writes to the requester of this case bears the name; an empty one ends that."""
    shown = " ".join("".join(sign for sign in name if unicodedata.category(sign)[0] != "C").split())
    if len(shown) > LONGEST_NAME or shown.startswith("@"):
        return Told(sayings.SIGN_REFUSED)
    others = tuple(signed for signed in case.signs if signed[0] != who)
    work.tx.cases.save(replace(case, signs=(*others, (who, shown)) if shown else others))
    return Told(sayings.SIGN_DONE, other=shown) if shown else Told(sayings.SIGN_NO_MORE)


def signed(case: Case, who: str, text: str) -> str:
    """What this person wrote, with their name below it where they sign."""
    name = dict(case.signs).get(who)
    return f"{text}\n— {name}" if name else text
