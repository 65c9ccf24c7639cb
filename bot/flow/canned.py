"""Reads the file of canned replies: what specialists send with a word, and what is said when a case is declined."""

from __future__ import annotations

from collections.abc import Mapping, Set

from bot.domain import TextId
from bot.flow.fields import Fields, Texts, good_name
from bot.flow.model import FaqEntry
from bot.flow.phrases import AFTER_HANDOFF, EVERYWHERE
from bot.flow.positions import Entries, Problems, Value, meant
from bot.flow.replies import Canned

CANNED = ("canned", "about", "replies", "declines")
REPLY = ("text", "note")
DECLINE = ("faq", *REPLY)
OF_CASE = AFTER_HANDOFF | {"topic", "urgency"}
_LIKE = "'replies:', and below it each reply, 'name: its text'"
_DECLINES_LIKE = "'declines:', and below it each reason, 'name: {faq: entry}' or 'name: its text'"


class CannedReader:
    """Reads such a file; what is wrong with it is reported. `asked`: the steps whose answers a text may quote."""

    def __init__(self, texts: Texts, faq: Mapping[str, FaqEntry], asked: Set[str], problems: Problems) -> None:
        self._texts = texts
        self._faq = faq
        self._filled = EVERYWHERE | OF_CASE | asked
        self._problems = problems

    def read(self, file: Entries) -> Canned:
        """What the file says."""
        fields = Fields(file, "the file of canned replies", CANNED, self._problems)
        replies = self._each(fields, "replies", _LIKE, needed=True)
        declines = self._each(fields, "declines", _DECLINES_LIKE, needed=False)
        return Canned(
            {name: said for name, value in replies.items() if (said := self._said(f"canned.{name}", value, REPLY))},
            {name: said for name, value in declines.items() if (said := self._said(f"decline.{name}", value, DECLINE))},
        )

    def _each(self, fields: Fields, key: str, like: str, *, needed: bool) -> dict[str, Value]:
        listed = fields.entries(key, like, needed=needed)
        return {name.text: value for name, value in (listed or {}).items() if good_name(name, self._problems)}

    def _said(self, text_id: str, value: Value, known: tuple[str, ...]) -> TextId | None:
        if not isinstance(value, Entries):
            return self._texts.add(text_id, value, "", self._filled)
        fields = Fields(value, "a canned reply" if known is REPLY else "a reason to decline", known, self._problems)
        if known is DECLINE and fields.get("faq") is not None:
            return self._entry(fields)
        text = fields.need("text", "missing-text")
        return self._texts.add(text_id, text, fields.plain("note"), self._filled) if text else None

    def _entry(self, fields: Fields) -> TextId | None:
        entry = fields.target("faq")
        if entry is None or entry.name in self._faq:
            return self._faq[entry.name].answer if entry else None
        near = meant(entry.name, tuple(self._faq))
        self._problems.error(entry.mark, "unknown-faq", f"the FAQ has no entry '{entry.name}'{near}")
        return None
