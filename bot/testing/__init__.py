"""The fakes: a store in memory, a channel that only records, a clock that stands still.

They are held to the same contract tests as the real adapters, so that what is shown on them holds for the rest.
"""

from bot.testing.channel import MemoryChannel, MemoryDone
from bot.testing.clock import FixedClock
from bot.testing.memory import MemoryStore

__all__ = ["FixedClock", "MemoryChannel", "MemoryDone", "MemoryStore"]
