"""JSON that nobody would write, and JSON that somebody wrote and somebody else spoiled."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@st.composite
def mutations(draw: Any, value: Any) -> Any:
    """The same JSON with some of its parts replaced, removed or doubled."""
    return _mutated(draw, value)


def _mutated(draw: Any, value: Any) -> Any:
    if draw(st.integers(0, 7)) == 0:
        return draw(json_values)
    if isinstance(value, dict):
        return {key: _mutated(draw, part) for key, part in value.items() if draw(st.integers(0, 15))}
    if isinstance(value, list):
        return [_mutated(draw, part) for part in value for _ in range(draw(st.sampled_from((1, 1, 1, 0, 2))))]
    return value
