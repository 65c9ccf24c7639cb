"""Texts that are too long: in messages that fit, or their beginning alone."""

from __future__ import annotations

QUOTE_CHARS = 200  # enough to know one's own message again


def split(text: str, longest: int) -> list[str]:
    """The text in messages of so many bytes of UTF-8: cut between paragraphs, or else lines, words, characters."""
    parts = []
    while (limit := _fitting(text, longest)) < len(text):
        cuts = (text.rfind(border, 1, limit) for border in ("\n\n", "\n", " "))
        cut = next((cut for cut in cuts if cut > 0), limit)
        parts.append(text[:cut].rstrip())
        text = text[cut:].lstrip()
    return [part for part in (*parts, text) if part.strip()]


def _fitting(text: str, longest: int) -> int:
    """How many of the first characters fit, at least one; half of a surrogate pair takes as much as a whole one."""
    beginning = text[: longest + 1].encode("utf-8", "surrogatepass")
    if len(beginning) <= longest:
        return len(text)
    # a character that is cut in two at the end does not fit
    return max(len(beginning[:longest].decode("utf-8", "ignore")), 1)


def quote(text: str) -> str:
    """The beginning of a message, as mail quotes it."""
    short = text if len(text) <= QUOTE_CHARS else f"{text[:QUOTE_CHARS]}…"
    return "\n".join(f"> {line}" for line in short.splitlines())
