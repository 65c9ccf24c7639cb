"""Which keys each kind of step can have and which it needs; the schema for editors is made of it, too."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

_CHOICE = ("personal", "options")
_IN_WORDS = ("kind", "longest", "error", "skip")
_WAIT = ("tries", "remind_after", "remind", "expire_after")
WAS = "was"  # what a step or a flow was called before; a call has the name of its flow
KEYS: Mapping[str, tuple[str, ...]] = {
    "language": ("text", "note", WAS),
    "say": ("text", "faq", "note", "require", "go", WAS),
    "choose": ("text", "label", "note", "require", *_CHOICE, "keep", "go", *_WAIT, WAS),
    "several": (
        "text",
        "label",
        "note",
        "require",
        "personal",
        "options",
        "least",
        "most",
        "alone",
        "keep",
        "go",
        *_WAIT,
        WAS,
    ),
    "yesno": ("text", "label", "note", "require", "personal", "keep", "go", *_WAIT, WAS),
    "consent": ("text", "version", "covers", "note", "require", "keep", "go", *_WAIT, WAS),
    "ask": ("text", "label", "note", "require", *_IN_WORDS, "keep", "compare", "go", *_WAIT, WAS),
    "attach": ("text", "label", "note", "require", "keep", "go", *_WAIT, WAS),
    "branch": ("when", "otherwise", "note", "require", WAS),
    "faq": ("text", "note", "require", "go", *_WAIT, WAS),
    "call": ("note", "require"),
    "review": ("text", "note", "require", "go", *_WAIT, WAS),
    "handoff": ("text", "note", "require", "card", WAS),
    "reopen": ("text", "note", "require", WAS),
    "end": ("text", "note", "require", WAS),
}
"""Every kind of step, and the keys that it can have beside its name."""

NEEDED: Mapping[str, tuple[str, ...]] = {
    "language": ("text",),
    "choose": ("text", "options"),
    "several": ("text", "options"),
    "yesno": ("text",),
    "consent": ("text", "version", "go"),
    "ask": ("text",),
    "attach": ("text",),
    "branch": ("when",),
    "faq": ("text",),
    "review": ("text",),
    "handoff": ("text",),
    "reopen": ("text",),
}
"""The keys without which a step cannot be; `say` has either a text or an entry of the FAQ."""

CLAUSE = ("if", "go")
CARD = ("topic", "urgency")
UNITS = {"minutes": timedelta(minutes=1), "hours": timedelta(hours=1), "days": timedelta(days=1)}
