"""A flow as an SVG picture. A text that is too long for its box is shown whole when it is pointed at."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from bot.workshop.drawing.layout import Link, Plan, Point, Spot, plan
from bot.workshop.drawing.lettering import shortened, width, wrap
from bot.workshop.drawing.picture import Arrow, Box, Picture

_SIZE, _SMALL = 13.0, 12.0  # letters, in pixels as all else
_LINE = 1.35  # of the size of the letters
_TEXT = 230.0  # the widest line of a box
_LABEL = 210.0  # the widest line of an answer
_LINES = 4  # of a text in its box
_PAD = 10.0
_MARGIN = 24.0
_TITLE = 18.0
_BULLET = "• "
_NOT_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_STYLES: Mapping[str, tuple[str, str]] = {  # fill and border, by kind
    "say": ("#f2f4f7", "#98a2b3"),
    "consent": ("#e7f6ec", "#2f7d4f"),
    "branch": ("#f9fafb", "#475467"),
    "faq": ("#fff7e0", "#b7860b"),
    "call": ("#efeafc", "#6941c6"),
    "review": ("#e8f1fd", "#1d62b4"),
    "handoff": ("#fde8e4", "#b42318"),
    "end": ("#344054", "#344054"),
}
_ASKING = ("#ffffff", "#1d62b4")
_INK, _PALE, _LIGHT = "#101828", "#475467", "#ffffff"
_HEAD = (
    '<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" '
    f'orient="auto-start-reverse"><path d="M0,0L10,5L0,10z" fill="{_PALE}"/></marker></defs>'
)


@dataclass(frozen=True, slots=True)
class _Block:
    """Lines of text and the size of the box around them; `title` is the bold first one."""

    title: str
    lines: tuple[str, ...]
    width: float
    height: float
    size: float


def svg(picture: Picture) -> str:
    """A whole SVG file."""
    return "".join(f"{line}\n" for line in _Drawing(picture).lines())


class _Drawing:
    def __init__(self, picture: Picture) -> None:
        self._picture = picture
        self._boxes = {box.id: _block_of(box) for box in picture.boxes}
        self._labels = {_label_id(arrow): _answers(arrow) for arrow in picture.arrows if _has_label(arrow)}
        blocks = {**self._boxes, **self._labels}
        links = [link for arrow in picture.arrows for link in _links(arrow)]
        self.plan: Plan = plan({name: (block.width, block.height) for name, block in blocks.items()}, links)

    def lines(self) -> Iterator[str]:
        picture = self._picture
        head = wrap(picture.about, max(self.plan.width, _TEXT), _SIZE)
        words = f"At any time: {', '.join(picture.words)}"
        foot = wrap(words, max(self.plan.width, _TEXT), _SMALL) if picture.words else []
        top = _MARGIN + _TITLE * _LINE + len(head) * _SIZE * _LINE + 2 * _PAD
        across = max(self.plan.width, _TEXT) + 2 * _MARGIN
        down = top + self.plan.height + _PAD + len(foot) * _SMALL * _LINE + 2 * _MARGIN
        yield (
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{across:.0f}" height="{down:.0f}" '
            f'viewBox="0 0 {across:.0f} {down:.0f}" font-family="\'Noto Sans\', Helvetica, Arial, sans-serif" '
            f"lang={quoteattr(picture.locale.replace('_', '-'))}>"
        )
        yield f"<title>{_clean(picture.name)}</title>"
        yield f"<desc>{_clean(picture.about)}</desc>"
        yield _HEAD
        yield f'<rect width="100%" height="100%" fill="{_LIGHT}"/>'
        yield _text(picture.name, _MARGIN, _MARGIN + _TITLE, _TITLE, _INK, ' font-weight="bold"')
        for place, line in enumerate(head, 1):
            yield _text(line, _MARGIN, _MARGIN + _TITLE * _LINE + place * _SIZE * _LINE, _SIZE, _PALE, "")
        yield f'<g transform="translate({_MARGIN + (across - 2 * _MARGIN - self.plan.width) / 2:.1f} {top:.1f})">'
        for arrow in picture.arrows:
            for link in _links(arrow):
                yield self._route(link, ends=link[1] == arrow.target)
        for name, block in self._labels.items():
            yield from self._label(block, self.plan.spots[name])
        for box in picture.boxes:
            yield from self._box(box, self._boxes[box.id], self.plan.spots[box.id])
        yield "</g>"
        for place, line in enumerate(foot, 1):
            y = top + self.plan.height + _MARGIN + _PAD + place * _SMALL * _LINE
            yield _text(line, _MARGIN, y, _SMALL, _PALE, "")
        yield "</svg>"

    def _route(self, link: Link, *, ends: bool) -> str:
        points = self.plan.routes[link]
        end = ' marker-end="url(#head)"' if ends else ""
        return f'<path d="{_path(points)}" fill="none" stroke="{_PALE}" stroke-width="1.3"{end}/>'

    def _box(self, box: Box, block: _Block, spot: Spot) -> Iterator[str]:
        fill, border = _STYLES.get(box.kind, _ASKING)
        ink = _LIGHT if box.kind == "end" else _INK
        corner = {"say": 14, "end": spot.height / 2}.get(box.kind, 3)
        yield f"<g><title>{_clean(box.text)}</title>" if box.text else "<g>"
        yield _rect(spot, fill, border, corner)
        if box.kind == "call":  # a second border: there is more inside
            inner = Spot(spot.x + 3, spot.y + 3, spot.width - 6, spot.height - 6)
            yield _rect(inner, "none", border, corner)
        y = spot.y + _PAD
        if block.title:
            y += block.size * _LINE
            yield _text(block.title, spot.middle, y - 4, block.size, ink, ' font-weight="bold" text-anchor="middle"')
        for line in block.lines:
            y += block.size * _LINE
            yield _text(line, spot.middle, y - 4, block.size, ink, f' text-anchor="middle"{_direction(box.gist)}')
        yield "</g>"

    def _label(self, block: _Block, spot: Spot) -> Iterator[str]:
        yield _rect(spot, _LIGHT, _LIGHT, 0)
        x, anchor, direction = spot.middle, ' text-anchor="middle"', _direction(" ".join(block.lines))
        if any(line.startswith(_BULLET) for line in block.lines):
            x, anchor = spot.x + spot.width - _PAD / 2 if direction else spot.x + _PAD / 2, ""
        for place, line in enumerate(block.lines, 1):
            y = spot.y + place * block.size * _LINE - 2
            yield _text(line, x, y, block.size, _PALE, f"{anchor}{direction}")


def _block_of(box: Box) -> _Block:
    title = f"{box.kind}: {box.name}" if box.name else ""
    title = shortened(wrap(title, _TEXT, _SIZE), 1, _TEXT, _SIZE)[0] if title else ""
    lines = shortened(wrap(box.gist, _TEXT, _SIZE), _LINES, _TEXT, _SIZE)
    across = max(width(line, _SIZE) * (1.1 if line is title else 1) for line in (title, *lines)) + 2 * _PAD
    return _Block(title, tuple(lines), across, (len(lines) + bool(title)) * _SIZE * _LINE + 2 * _PAD, _SIZE)


def _answers(arrow: Arrow) -> _Block:
    lines = []
    for label in arrow.labels:
        first, *others = wrap(label, _LABEL, _SMALL) or [""]
        lines += [f"{_BULLET}{first}" if len(arrow.labels) > 1 else first, *others]
    across = max((width(line, _SMALL) for line in lines), default=0.0) + _PAD
    return _Block("", tuple(lines), across, len(lines) * _SMALL * _LINE + 4, _SMALL)


def _has_label(arrow: Arrow) -> bool:
    return bool(arrow.labels) or arrow.source == arrow.target


def _label_id(arrow: Arrow) -> str:
    return f"{arrow.source}\t{arrow.target}"


def _links(arrow: Arrow) -> tuple[Link, ...]:
    """An arrow passes through its answers, which take a place of their own."""
    if not _has_label(arrow):
        return ((arrow.source, arrow.target),)
    return (arrow.source, _label_id(arrow)), (_label_id(arrow), arrow.target)


def _path(points: tuple[Point, ...]) -> str:
    """Straight down across rows, curved between them."""
    (x, y), *others = points
    drawn = f"M{x:.1f},{y:.1f}"
    for to_x, to_y in others:
        middle = (y + to_y) / 2
        straight = abs(to_x - x) < 0.1
        curve = f"L{to_x:.1f},{to_y:.1f}"
        drawn += curve if straight else f"C{x:.1f},{middle:.1f} {to_x:.1f},{middle:.1f} {to_x:.1f},{to_y:.1f}"
        x, y = to_x, to_y
    return drawn


def _rect(spot: Spot, fill: str, border: str, corner: float) -> str:
    return (
        f'<rect x="{spot.x:.1f}" y="{spot.y:.1f}" width="{spot.width:.1f}" height="{spot.height:.1f}" '
        f'rx="{corner:.0f}" fill="{fill}" stroke="{border}" stroke-width="1.3"/>'
    )


def _text(text: str, x: float, y: float, size: float, ink: str, further: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:.0f}" fill="{ink}"{further}>{_clean(text)}</text>'


def _direction(text: str) -> str:
    """By its first letter, as everywhere that texts are shown: one that nobody translated runs as it was written."""
    strong = next((way for letter in text if (way := unicodedata.bidirectional(letter)) in ("L", "R", "AL")), "L")
    return "" if strong == "L" else ' direction="rtl"'


def _clean(text: str) -> str:
    """Escaped, and without what XML cannot hold."""
    return escape(_NOT_XML.sub("", text))
