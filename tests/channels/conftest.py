"""The live half of these tests uses the homeserver and the people of `tests/live`."""

from tests.live.conftest import people, synapse

__all__ = ["people", "synapse"]
