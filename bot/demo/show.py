"""The demo on the terminal: played by itself (`--script`), or with you as the requester and the specialist."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import threading
from collections.abc import Coroutine

from rich.console import Console
from rich.markup import escape

from bot.demo.helpline import Helpline
from bot.demo.person import Person, PersonError
from bot.demo.shift import Shift
from bot.demo.walk import WHOLE

COLOURS = {"requester": "green", "specialist 1": "magenta", "specialist 2": "cyan"}


class Screen:
    """Prints who read what, as their own client decrypted it."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, soft_wrap=True)

    def say(self, line: str) -> None:
        """The demo itself speaks."""
        self._console.print(f"[bold]·[/bold] {escape(line)}")

    def show(self, who: str, where: str, words: str) -> None:
        """Somebody reads, or writes (`> …`), in a room."""
        head = f"{who} · {where}"
        for number, line in enumerate(words.splitlines() or [""]):
            name = head if number == 0 else ""
            self._console.print(f"[{COLOURS[who]}]{name:>22}[/] │ {escape(line)}")


def run(*, script: bool) -> int:
    """Run the demo; the exit code: 0 only if every message arrived, decrypted."""
    screen = Screen()
    try:
        return asyncio.run(_until_told(_scripted(screen) if script else _interactive(screen)))
    except PersonError as error:
        screen.say(f"a message did not arrive: {error}")
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 0


async def _until_told(demo: Coroutine[None, None, int]) -> int:
    """The demo, cleared away in order by a closed terminal or a kill too: its folder holds keys."""
    task = asyncio.ensure_future(demo)
    for number in (signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    return await task


async def _scripted(screen: Screen) -> int:
    async with Helpline(tell=screen.say) as helpline:
        requester = await helpline.person("requester")
        screen.say("everyone is there; the requester opens an encrypted conversation with the bot")
        room = await requester.invite_to_new_room(helpline.bot_id)
        shift = Shift(helpline, screen.show)
        for answer in WHOLE[0].answers:
            await _write(screen, requester, room, answer)
            await _read(screen, requester, room)
        await shift.card()
        await shift.vet()
        await shift.claim()
        screen.say("from here on people talk to each other, through the bot")
        hello = await shift.write(shift.claimer, "relay", shift.relay, "Hello, I have read your summary. Are you safe?")
        await _read(screen, requester, room)
        await shift.ticked(hello)
        screen.say("✓ the homeserver accepted the specialist's words for the requester")
        await _write(screen, requester, room, "Yes, I am at home. Thank you for answering.")
        await shift.read_until(shift.claimer, "relay", shift.relay, "Thank you for answering")
        await shift.write(shift.claimer, "notes", shift.notes, "Only between us: looks like a reused password.")
        await shift.close()
        await _read(screen, requester, room)
        return _verdict(screen, [requester, *helpline.specialists], len(requester.messages(room)))


async def _write(screen: Screen, person: Person, room: str, words: str) -> None:
    screen.show("requester", "with the bot", f"> {words}")
    await person.send(room, words)


async def _read(screen: Screen, person: Person, room: str) -> None:
    message = await person.next_message(room)
    screen.show("requester", "with the bot", message.body)


def _verdict(screen: Screen, people: list[Person], count: int) -> int:
    unread = sum(len(person.undecrypted()) for person in people)
    plain = sum(
        not message.decrypted for person in people for room in person.rooms() for message in person.messages(room)
    )
    if unread or plain:
        screen.say(f"{unread} messages could not be decrypted, {plain} were not encrypted")
        return 1
    screen.say(f"every message arrived, encrypted all the way; the requester's conversation has {count} of them")
    return 0


async def _interactive(screen: Screen) -> int:
    async with Helpline(tell=screen.say) as helpline:
        requester = await helpline.person("requester")
        guest = await helpline.synapse.register("guest")
        room = await requester.invite_to_new_room(helpline.bot_id)
        shift = Shift(helpline, screen.show)
        for line in (
            "You are the requester. Write anything and press Enter; the bot answers.",
            "Two specialists are on shift, for one case at a time: one vets what you hand over, the other claims it.",
            "/reply WORDS answers as the specialist, /close ends the case, /quit ends the demo.",
            "To join with your own Element on this machine, sign in at the homeserver "
            f"{helpline.synapse.url} as {guest.user_id} with the password {guest.password}, "
            f"and start an encrypted chat with {helpline.bot_id}.",
        ):
            screen.say(line)
        tasks = [
            asyncio.create_task(_follow(screen, requester, room)),
            asyncio.create_task(_on_shift(screen, shift)),
        ]
        try:
            await _typing(screen, requester, room, shift)
        finally:
            for task in tasks:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, PersonError):
                    await task
    return 0


async def _follow(screen: Screen, requester: Person, room: str) -> None:
    while True:
        message = await requester.next_message(room, timeout=None)
        screen.show("requester", "with the bot", message.body)


async def _on_shift(screen: Screen, shift: Shift) -> None:
    while True:
        await shift.card(timeout=None)
        await shift.vet()
        await shift.claim()
        screen.say("the case is claimed: what you write now reaches the specialist, and /reply answers")
        reading = asyncio.create_task(_read_relay(screen, shift))
        try:
            await shift.closed.wait()
        finally:
            reading.cancel()


async def _read_relay(screen: Screen, shift: Shift) -> None:
    relay = shift.relay
    while True:
        message = await shift.claimer.next_message(relay, timeout=None)
        screen.show("specialist 2", "relay", message.body)


async def _typing(screen: Screen, requester: Person, room: str, shift: Shift) -> None:
    lines = _lines()
    while True:
        line = await lines.get()
        if line is None or line.strip() == "/quit":
            return
        words = line.strip()
        command, _, rest = words.partition(" ")
        if command in ("/reply", "/close") and not shift.relay:
            screen.say("no case is claimed yet")
        elif command == "/reply" and rest:
            await shift.write(shift.claimer, "relay", shift.relay, rest)
        elif command == "/close":
            await shift.close()
        elif words:
            await requester.send(room, words)


def _lines() -> asyncio.Queue[str | None]:
    """Lines typed on the terminal, None at its end. A thread reads them: it must not keep the demo from ending."""
    found: asyncio.Queue[str | None] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def read() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(found.put_nowait, line)
        loop.call_soon_threadsafe(found.put_nowait, None)

    threading.Thread(target=read, daemon=True).start()
    return found
