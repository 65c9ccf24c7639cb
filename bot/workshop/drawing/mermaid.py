"""A flow as Mermaid text, which many wikis and code hosts draw."""

from __future__ import annotations

from bot.workshop.drawing.lettering import shortened, wrap
from bot.workshop.drawing.picture import Box, Picture

_LINE, _SIZE, _LINES = 260.0, 13.0, 4
_SHAPES = {
    "say": ("(", ")"),
    "handoff": ("[[", "]]"),
    "end": ("([", "])"),
    "call": ("[[", "]]"),
    "branch": ("{{", "}}"),
}
_ESCAPED = {
    letter: f"#{ord(letter)};" for letter in '"#%&;<>`\\|{}[]()*_~'
}  # what means something in a label, or to the HTML that it becomes


def mermaid(picture: Picture) -> str:
    """A flow chart."""
    names = {box.id: f"n{place}" for place, box in enumerate(picture.boxes)}
    lines = ["flowchart TD", f"  %% {_one_line(picture.name)}: {_one_line(picture.about)}"]
    lines += [f"  {names[box.id]}{_shaped(box)}" for box in picture.boxes]
    for arrow in picture.arrows:
        bullet = "• " if len(arrow.labels) > 1 else ""
        label = "<br/>".join(f"{bullet}{_escaped(label)}" for label in arrow.labels)
        between = f'-->|"{label}"|' if label else "-->"
        lines.append(f"  {names[arrow.source]} {between} {names[arrow.target]}")
    lines.append(f"  %% At any time: {', '.join(map(_one_line, picture.words))}")
    return "".join(f"{line}\n" for line in lines)


def _shaped(box: Box) -> str:
    opened, closed = _SHAPES.get(box.kind, ("[", "]"))
    title = [_escaped(f"{box.kind}: {box.name}")] if box.name else []
    said = " ".join(shortened(wrap(box.gist, _LINE, _SIZE), _LINES, _LINE, _SIZE))  # it breaks lines by itself
    return f'{opened}"{"<br/>".join([*title, *([_escaped(said)] if said else [])])}"{closed}'


def _escaped(text: str) -> str:
    return "".join(_ESCAPED.get(letter, letter) for letter in " ".join(text.split()))


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("%%", "% %").replace("{", "(").replace("}", ")")
