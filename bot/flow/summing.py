"""The order of a summary: which answers stand together, and under which heading. The author of the flows decides.

Read from the entry flow: each section has a title, and the flows and steps whose answers stand in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from bot.domain import Answer, TextId
from bot.flow.fields import Fields, Texts, good_name
from bot.flow.model import Target
from bot.flow.positions import Entries, Items, Problems, Scalar, Value

SECTION = ("title", "note", "steps")

Sections = Mapping[TextId, tuple[Target, ...]]

_LIKE = "'summary:', and below it each section, 'who: {title: Who is asking, steps: [eligibility.role, incident]}'"


def read(flow: str, fields: Fields, texts: Texts, problems: Problems) -> Sections:
    """The sections of a flow file, in order."""
    listed = fields.entries("summary", _LIKE)
    found: dict[TextId, tuple[Target, ...]] = {}
    for name, value in listed.items() if listed else ():
        if not isinstance(value, Entries):
            problems.error(value.mark, "wrong-form", f"'{name.text}' is written like this: {_LIKE}")
        elif good_name(name, problems):
            section = Fields(value, "a section of the summary", SECTION, problems)
            title, steps = section.need("title", "missing-text"), section.need("steps")
            if title is not None and steps is not None:
                text = texts.add(f"{flow}/summary/{name.text}", title, section.plain("note"))
                found[text] = tuple(_named(steps, problems))
    return found


def arranged(answers: Iterable[Answer], sections: Sections) -> Sequence[tuple[TextId | None, Sequence[Answer]]]:
    """The answers by sections. A step goes before its flow; what no section names stands last, without a title."""
    places: dict[str, tuple[int, int]] = {}
    for number, named in enumerate(sections.values()):
        for place, target in enumerate(named):
            places.setdefault(target.name, (number, place))
    nowhere = (len(sections), 0)

    def place_of(answer: Answer) -> tuple[int, int]:
        return places.get(answer.step) or places.get(answer.step.partition(".")[0]) or nowhere

    found: dict[TextId | None, list[Answer]] = {}
    titles: Sequence[TextId | None] = (*sections, None)
    for answer in sorted(answers, key=place_of):
        found.setdefault(titles[place_of(answer)[0]], []).append(answer)
    return list(found.items())


def _named(steps: Value, problems: Problems) -> Iterator[Target]:
    """Names of flows, and of steps with their flows before them."""
    for name in steps.values if isinstance(steps, Items) else (steps,):
        if isinstance(name, Scalar):
            yield Target(name.text, name.mark)
        else:
            problems.error(name.mark, "wrong-form", "'steps' is a list of names: [eligibility.role, incident]")
