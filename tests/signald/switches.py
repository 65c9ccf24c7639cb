"""The switches with which a test makes the daemon go wrong; `Signald` has them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, TypeVar

from tests.signald.control import Control
from tests.signald.faults import Fault, Wire
from tests.signald.patience import PATIENCE

T = TypeVar("T")


class Switches(ABC):
    """Faults in what is answered, and in how lines travel."""

    _hub: Control

    @abstractmethod
    async def act(self, deed: Callable[[], T]) -> T:
        """Do something to the world, on its own thread."""

    @abstractmethod
    async def until(self, predicate: Callable[[], Any], what: str = "", within: float = PATIENCE) -> None:
        """Wait for something in the world."""

    # ---- faults: each is met by the next `times` calls of `method` after `after` that go well (None: by all of them)

    async def silent(self, method: str = "*", *, times: int | None = 1, after: int = 0, done: bool = False) -> Fault:
        """No answer ever."""
        return await self._fault(Fault(method, "silent", done, times, after))

    async def late(self, method: str = "*", *, seconds: float, times: int | None = 1, after: int = 0) -> Fault:
        """Done at once, answered after so long."""
        return await self._fault(Fault(method, "late", True, times, after, seconds))

    async def holds(self, method: str = "*", *, times: int | None = 1, after: int = 0) -> Fault:
        """Done at once, answered when released with `releases`; others overtake it."""
        return await self._fault(Fault(method, "held", True, times, after))

    async def cuts(self, method: str = "*", *, times: int | None = 1, after: int = 0, done: bool = True) -> Fault:
        """The connection is closed in the middle of the answer's line."""
        return await self._fault(Fault(method, "cut", done, times, after))

    async def loses_answer(self, method: str = "send", *, times: int | None = 1, after: int = 0) -> Fault:
        """Done, and the connection is closed before the answer."""
        return await self._fault(Fault(method, "lost", True, times, after))

    async def dies(self, method: str = "*", *, done: bool, times: int | None = 1, after: int = 0) -> Fault:
        """The program dies by SIGKILL, before the deed or right after it."""
        return await self._fault(Fault(method, "dies", done, times, after))

    async def refuses(
        self, method: str, code: int, message: str, *, times: int | None = 1, after: int = 0, done: bool = False
    ) -> Fault:
        """An error for an answer, done or not."""
        return await self._fault(Fault(method, "refused", done, times, after, error=(code, message)))

    async def releases(self, fault: Fault) -> None:
        """Let the answers go that this fault holds."""
        await self.act(fault.released.set)

    async def met(self, fault: Fault, times: int = 1) -> None:
        """Wait until a fault was met so often."""
        await self.until(lambda: fault.met >= times, f"call number {times} of {fault.method} to go wrong")

    async def heals(self) -> None:
        """Nothing goes wrong from now on; what is held or silent stays so."""
        await self.act(self._hub.faults.clear)
        await self.wire()

    async def wire(self, **switches: bool) -> None:
        """How lines travel from now on: `split`, `glued`, `disorder`, `early`, `extras`, `shuffled` (see `Wire`)."""
        await self.act(lambda: self._hub.set_wire(Wire(**switches)))

    async def _fault(self, fault: Fault) -> Fault:
        await self.act(lambda: self._hub.faults.append(fault))
        return fault
