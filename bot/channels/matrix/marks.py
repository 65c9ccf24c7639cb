"""Between a text with styles and what Matrix programs exchange: marks in the body, and the same in HTML. Pure.

The marks are taken for styles only where the sender's program says, in HTML that we read to its end, that it shows them
so, sign by sign. Otherwise not one character of what was written is changed.
https://spec.matrix.org/v1.16/client-server-api/#mroommessage-msgtypes
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

from bot.domain import Look, Style

FORMAT = "org.matrix.custom.html"
MOST_STYLES = 100  # in one message: nobody's text has so many, and their work grows faster than they do
TAGS = {Look.BOLD: "strong", Look.ITALIC: "em", Look.STRIKE: "del", Look.MONOSPACE: "code"}

_LOOKS = {tag: look for look, tag in TAGS.items()} | {"b": Look.BOLD, "i": Look.ITALIC, "s": Look.STRIKE}
_LAYOUT = ("p", "br")
_MARKS = {"**": Look.BOLD, "__": Look.BOLD, "*": Look.ITALIC, "_": Look.ITALIC, "~~": Look.STRIKE, "`": Look.MONOSPACE}
_MARK = re.compile(r"\*\*|__|~~|\*|_|`")
_HTML = re.compile(r"<(?P<end>/?)(?P<tag>[a-z]+) ?/?>|(?P<text>[^<]+)")

Signs = list[tuple[str, frozenset[Look]]]  # what is seen, and how: spaces are not


def read_styled(content: Mapping[str, Any]) -> tuple[str, tuple[Style, ...]] | None:
    """The body without its marks, and the styles in their place; None where it is to be left as it is."""
    body, formatted = content.get("body"), content.get("formatted_body")
    if content.get("format") != FORMAT or not isinstance(body, str) or not isinstance(formatted, str):
        return None
    text, styles = _without_marks(body)
    return (text, styles) if styles and _seen(text, styles) == _shown(formatted) else None


def in_html(text: str, styles: Iterable[Style]) -> str:
    """The text as HTML. Styles may overlap, and reach beyond its end."""
    return "".join(
        "".join(f"<{TAGS[look]}>" for look in looks)
        + html.escape(text[start:end], quote=False).replace("\n", "<br/>")
        + "".join(f"</{TAGS[look]}>" for look in reversed(looks))
        for start, end, looks in _stretches(text, styles)
    )


def _stretches(text: str, styles: Iterable[Style]) -> Iterator[tuple[int, int, list[Look]]]:
    """The parts of the text in which all looks the same."""
    styles = list(styles)[:MOST_STYLES]
    borders = {border for style in styles for border in (style.start, style.start + style.length)}
    cuts = [0, *sorted(border for border in borders if 0 < border < len(text)), len(text)]
    for start, end in pairwise(cuts):
        here = {style.look for style in styles if style.start <= start < style.start + style.length}
        yield start, end, [look for look in Look if look in here]


def _without_marks(body: str) -> tuple[str, tuple[Style, ...]]:
    """As if every mark that comes in pairs were one; whether it is, the HTML tells."""
    parts: list[str] = []
    length, at = 0, 0
    opened: list[tuple[str, int]] = []
    styles: list[Style] = []
    for mark in _MARK.finditer(body):
        sign = mark.group()
        before, behind = body[max(mark.start() - 1, 0) : mark.start()], body[mark.end() : mark.end() + 1]
        within_word = sign[0] == "_" and before.isalnum() and behind.isalnum()
        if within_word or (opened and opened[-1][0] == "`" != sign):
            continue
        parts.append(body[at : mark.start()])
        length, at = length + mark.start() - at, mark.end()
        if opened and opened[-1][0] == sign:
            start = opened.pop()[1]
            styles.append(Style(_MARKS[sign], start, length - start))
        else:
            opened.append((sign, length))
    if opened or len(styles) > MOST_STYLES:
        return body, ()
    return "".join([*parts, body[at:]]), tuple(sorted(styles, key=lambda style: (style.start, -style.length)))


def _seen(text: str, styles: Iterable[Style]) -> Signs:
    return [
        (sign, frozenset(looks))
        for start, end, looks in _stretches(text, styles)
        for sign in text[start:end]
        if not sign.isspace()
    ]


def _shown(formatted: str) -> Signs | None:
    """What a program shows of this; None where there is more in it than these few tags."""
    signs: Signs = []
    looks: list[Look] = []
    at = 0
    while at < len(formatted):
        found = _HTML.match(formatted, at)
        if found is None:
            return None
        at = found.end()
        if found["text"] is not None:
            here = frozenset(looks)
            signs += [(sign, here) for sign in html.unescape(found["text"]) if not sign.isspace()]
        elif found["tag"] in _LAYOUT:
            pass
        elif found["tag"] not in _LOOKS:
            return None
        elif not found["end"]:
            looks.append(_LOOKS[found["tag"]])
        elif looks and looks[-1] is _LOOKS[found["tag"]]:
            looks.pop()
        else:
            return None
    return None if looks else signs
