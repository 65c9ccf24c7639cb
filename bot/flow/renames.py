"""What steps and flows were called before, and where an answer or a state stands under the names of now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Self

from bot.domain import TextId
from bot.flow.model import ENTRY_FLOW, Library
from bot.flow.session import Passed


@dataclass(frozen=True, slots=True)
class Renames:
    """The new names in one library, by the old ones: of its flows, and of the steps by their flow's new name."""

    flows: Mapping[str, str]
    steps: Mapping[tuple[str, str], str]

    @classmethod
    def of(cls, library: Library) -> Self:
        """What the flow files say with `was:`."""
        return cls(
            {old: flow.name for flow in library.flows.values() for old in flow.was},
            {(flow.name, old): new for flow in library.flows.values() for old, new in flow.renamed.items()},
        )

    def step(self, flow: str, step: str) -> tuple[str, str]:
        """Flow and step, as they are called now."""
        flow = self.flows.get(flow, flow)
        return flow, self.steps.get((flow, step), step)

    def state(self, name: str) -> str:
        """A state of the machine, which stands in the flows that call each other."""
        *calls, step = name.split("/")
        flow, step = self.step(calls[-1] if calls else ENTRY_FLOW, step)
        return "/".join((*(self.flows.get(call, call) for call in calls[:-1]), *([flow] if calls else []), step))

    def id(self, step_id: str) -> str:
        """A step by its id, such as `eligibility.role`."""
        return ".".join(self.step(*step_id.split(".", 1))) if "." in step_id else step_id

    def passed(self, passed: Passed) -> Passed:
        """An answer, with its question and its label."""
        before = passed.answer
        now = self.id(before.step)
        if now == before.step:
            return replace(passed, state=self.state(passed.state))
        label = None if before.label is None else _renamed(before.label, before.step, now)
        chosen = tuple((name, _renamed(text, before.step, now)) for name, text in before.chosen)
        question = _renamed(before.question, before.step, now)
        answer = replace(before, step=now, question=question, label=label, chosen=chosen)
        return Passed(self.state(passed.state), answer, passed.ref)


Chain = tuple[Renames, ...]
"""The renames of several releases, the oldest first."""


def renamed_state(chain: Iterable[Renames], name: str) -> str:
    """The state after all of these."""
    for renames in chain:
        name = renames.state(name)
    return name


def renamed_id(chain: Iterable[Renames], step_id: str) -> str:
    """The step's id after all of these."""
    for renames in chain:
        step_id = renames.id(step_id)
    return step_id


def renamed_passed(chain: Iterable[Renames], passed: Passed) -> Passed:
    """The answer after all of these."""
    for renames in chain:
        passed = renames.passed(passed)
    return passed


def _renamed(text: TextId, before: str, now: str) -> TextId:
    """A text of the step: its own, or one that stands behind it (`flow.step/label`, `flow.step.option`)."""
    own = text == before or text.startswith((f"{before}/", f"{before}."))
    return TextId(now + text.removeprefix(before)) if own else text
