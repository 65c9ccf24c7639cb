"""What an edit of the flows changed, in the words of whoever edited them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from bot.domain import TextId
from bot.flow.machine import kept
from bot.flow.model import END, MENU, CallStep, ConsentStep, EndStep, Flow, FlowStep, HandoffStep, Library, Option, Ways
from bot.flow.renames import Renames

_LONGEST_QUOTE = 70  # characters
_ANY = "any other answer"


@dataclass(frozen=True, slots=True)
class Differences:
    """One line a change, and the texts that are new or say something else now."""

    lines: tuple[str, ...]
    texts: tuple[TextId, ...]


def compare(old: Library, new: Library) -> Differences:
    """What is another in the new one."""
    renames = Renames.of(new)
    lines: list[str] = []
    for flow in new.flows.values():
        before = old.flows.get(flow.name) or next((old.flows[name] for name in flow.was if name in old.flows), None)
        if before is None:
            lines.append(f"+ {flow.name}: a new flow, with {_count(len(flow.steps), 'step')}")
        else:
            lines += _flow(before, flow, old, new, renames)
    gone = [name for name in old.flows if renames.flows.get(name, name) not in new.flows]
    lines += [f"- {name}: this flow is gone" for name in gone]
    texts = tuple(_changed_texts(old, new, renames))
    lines += _other_texts(old, new, texts)
    return Differences(tuple(lines), texts)


def quoted(library: Library, text: TextId) -> str:
    """The end of a text, where a question stands; empty where there is no such text."""
    source = library.sources.get(text)
    if source is None or not source.paragraphs:
        return ""
    said = " ".join(source.paragraphs[-1].split())
    return f'"{said}"' if len(said) <= _LONGEST_QUOTE else f'"{said[: _LONGEST_QUOTE - 3].rstrip()}..."'


def kind(step: FlowStep) -> str:
    """What an operator writes before the name of such a step."""
    return type(step).__name__.removesuffix("Step").lower()


def _flow(before: Flow, flow: Flow, old: Library, new: Library, renames: Renames) -> Iterator[str]:
    if before.name != flow.name:
        yield f"= {flow.name}: this flow was called '{before.name}'"
    called = _called_now(before, renames)
    earlier = {called[step.name]: step for step in before.steps}
    for step in flow.steps:
        if step.name not in earlier:
            said = quoted(new, TextId(f"{flow.name}.{step.name}"))
            yield f"+ {flow.name}: a new step, {kind(step)} '{step.name}'{f': {said}' if said else ''}"
            continue
        was = earlier[step.name]
        if was.name != step.name and not isinstance(step, CallStep):
            yield f"= {flow.name}: '{step.name}' was called '{was.name}'"
        yield from (f"~ {flow.name}: '{step.name}' {line}" for line in _step(before, was, flow, step, old, new))
        yield from (f"~ {flow.name}: {line}" for line in _ways(before, was, flow, step, renames))
    for name, step in earlier.items():
        if all(name != other.name for other in flow.steps):
            yield f"- {flow.name}: the step {kind(step)} '{step.name}' is gone"
    if before.entry != flow.entry:
        yield f"~ {flow.name}: is entered as '{flow.entry}'" if flow.entry else f"~ {flow.name}: is run by other flows"
    if _name(before.menu) != _name(flow.menu):
        yield f"~ {flow.name}: the menu is '{_name(flow.menu)}'"
    if _summary(before, old) != _summary(flow, new):
        yield f"~ {flow.name}: the summary has other titles, or another order"
    if _name(before.person) != _name(flow.person):
        yield f"~ {flow.name}: the word for a person leads to '{_name(flow.person)}'"


def _step(before: Flow, was: FlowStep, flow: Flow, step: FlowStep, old: Library, new: Library) -> Iterator[str]:
    if kept(before, was) != kept(flow, step) and kept(flow, step) is not None:
        yield f"keeps its answer as '{kept(flow, step)}'"
    compared = flow.compares.get(step.name)
    if before.compares.get(was.name) != compared:
        yield f"compares its answer with other cases, as '{compared}'" if compared else "compares its answer no more"
    if kind(was) != kind(step):
        yield f"was a '{kind(was)}' step, and is a '{kind(step)}' step"
    said = _texts_of(old, f"{before.name}.{was.name}") != _texts_of(new, f"{flow.name}.{step.name}")
    if isinstance(was, ConsentStep) and isinstance(step, ConsentStep) and was.version != step.version:
        yield f"has version {step.version} of its text, after {was.version}: who agreed to another one is asked again"
    elif isinstance(step, ConsentStep) and said:
        yield f"says something else under the same version {step.version}: nobody is asked again"
    elif said:
        yield "says something else"
    then, now = _options(was), _options(step)
    yield from (f"has a new answer '{name}': \"{_label(new, now[name])}\"" for name in now if name not in then)
    yield from (f"has no answer '{name}' any more" for name in then if name not in now)
    for name in then.keys() & now.keys():
        label = _label(new, now[name])
        if label != _label(old, then[name]):
            yield f"says its answer '{name}' otherwise: \"{label}\""


def _ways(before: Flow, was: FlowStep, flow: Flow, step: FlowStep, renames: Renames) -> Iterator[str]:
    """Where its answers lead, if that is another step than it was; a step that came or went is told already."""
    called = _called_now(before, renames)
    there = {*called.values(), MENU, END} & {*(other.name for other in flow.steps), MENU, END}
    then = {answer: led if led == MENU else called.get(led, led) for answer, led in _leads(before, was).items()}
    for answer, leads in _leads(flow, step).items():
        led = then.get(answer, then.get(_ANY))
        if led is not None and led != leads and {led, leads} <= there:
            after = f"'{step.name}'" if answer == _ANY else f"the answer '{answer}' to '{step.name}'"
            yield f"after {after} comes '{leads}', and not '{led}'"


def _called_now(before: Flow, renames: Renames) -> Mapping[str, str]:
    """What each step of a flow is called now; a call is called as its flow is."""
    return {
        step.name: renames.flows.get(step.name, step.name)
        if isinstance(step, CallStep)
        else renames.step(before.name, step.name)[1]
        for step in before.steps
    }


def _leads(flow: Flow, step: FlowStep) -> Mapping[str, str]:
    """The name of the step to which each answer leads."""
    if isinstance(step, EndStep | HandoffStep):
        return {}
    place = flow.steps.index(step)
    following = flow.steps[place + 1].name if place + 1 < len(flow.steps) else END
    ways: Ways = getattr(step, "go", Ways())  # every kind that has ways has them under this name
    leads = {outcome: target.name for outcome, target in ways.by_outcome.items()}
    leads[_ANY] = ways.default.name if ways.default else following
    return {answer: MENU if name == _name(flow.menu) else name for answer, name in leads.items()}


def _options(step: FlowStep) -> Mapping[str, TextId]:
    options: Iterable[Option] = getattr(step, "options", ())  # whatever kind has a list of answers
    return {option.name: option.text for option in options}


def _label(library: Library, text: TextId) -> str:
    source = library.sources.get(text)
    return " ".join(source.paragraphs) if source else ""


def _texts_of(library: Library, step_id: str) -> Mapping[str, tuple[str, ...]]:
    """All that a step says, but for the texts of its answers."""
    return {
        text.removeprefix(step_id): source.paragraphs
        for text, source in library.sources.items()
        if text == step_id or text.startswith(f"{step_id}/")
    }


def _changed_texts(old: Library, new: Library, renames: Renames) -> Iterator[TextId]:
    then = {_renamed(text, renames): said for text, said in _said(old).items()}
    return (text for text, said in _said(new).items() if then.get(text) != said)


def _said(library: Library) -> Mapping[TextId, tuple[str, ...]]:
    """Every text, and every list of words, as it stands in the files."""
    sources = (*library.sources.values(), *library.word_sources.values())
    return {source.id: source.paragraphs for source in sources}


def _renamed(text: TextId, renames: Renames) -> TextId:
    flow, _, rest = text.partition(".")
    name = rest.replace("/", ".").split(".")[0]
    return TextId(".".join(renames.step(flow, name)) + rest.removeprefix(name)) if name else text


def _other_texts(old: Library, new: Library, texts: Iterable[TextId]) -> Iterator[str]:
    """What changed outside the flows: the FAQ, the phrases, the words."""
    changed = [text for text in texts if text.replace("/", ".").split(".")[0] not in new.flows]
    for name in dict.fromkeys(text.split(".")[0] for text in changed):
        own = [text for text in changed if text.startswith(f"{name}.")]
        yield f"~ {name}: {_count(len(own), 'text')} new or changed"
    gone = sum(
        1 for text in _said(old) if text not in _said(new) and text.replace("/", ".").split(".")[0] not in old.flows
    )
    if gone:
        yield f"- {_count(gone, 'text')} of the FAQ or the phrases gone"


def _summary(flow: Flow, library: Library) -> list[tuple[str, list[str]]]:
    return [(_label(library, title), [target.name for target in named]) for title, named in flow.summary.items()]


def _name(target: object) -> str:
    return getattr(target, "name", "")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
