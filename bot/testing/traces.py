"""`ports.Traces` in memory, in clear."""

from __future__ import annotations

from collections.abc import Container, Sequence

from bot.domain import CaseNumber, Trace

Found = dict[tuple[CaseNumber, str, str], Trace]


class Traces:
    """By what cases are compared: the form of each, by its case and kind."""

    def __init__(self, cases: Container[CaseNumber], found: Found) -> None:
        self._cases = cases
        self._found = found

    def add(self, trace: Trace, form: str) -> None:
        if trace.case not in self._cases:
            raise KeyError(trace.case)
        self._found.setdefault((trace.case, trace.kind, form), trace)

    def alike(self, case: CaseNumber) -> Sequence[Trace]:
        own = {(kind, form) for of, kind, form in self._found if of == case}
        found = {trace for (_, kind, form), trace in self._found.items() if (kind, form) in own}
        return sorted(found, key=lambda trace: (trace.day, trace.case, trace.kind))

    def erase(self, case: CaseNumber) -> None:
        for key in [key for key in self._found if key[0] == case]:
            del self._found[key]
