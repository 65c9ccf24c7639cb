"""The small helpline with two flows more: one that staff can have asked, and one for whoever comes back."""

from __future__ import annotations

from bot.domain import FIRST_RELEASE
from bot.flow.engine import Engine
from bot.flow.loader import load
from bot.flow.machine import compile_flows
from bot.flow.phrases import EVERYWHERE
from bot.flow.questions import finder
from bot.i18n import Catalogs, Texts
from bot.services.releases import Content, Releases
from tests.services.world import CLAIMER, CONSENT, MAIN, PERSON, SHIPPED, World

DETAILS = """
flow: details
about: What the device is.
entry: asked
keep: case
steps:
  - choose: device
    text: Which device is it?
    label: Device
    options: {phone: A phone, computer: A computer}
  - ask: system
    text: Which system is on it?
    label: System
  - ask: doctor
    text: Who can tell us more?
    label: Who knows more
    keep: vetting
  - attach: picture
    text: Have you a picture of it?
    label: Picture
"""
RETURNING = """
flow: returning
about: What it is about.
entry: returning
keep: case
steps:
  - choose: matter
    text: The same matter or another?
    label: Came back with
    options: {same: The same matter, new: Something new}
    go: {new: end, not_understood: end}
  - reopen: reopen
    text: Case {case} is open again.
"""


def files(details: str = DETAILS, returning: str = RETURNING) -> dict[str, str | bytes]:
    phrases = {name: (SHIPPED / "flows" / name).read_bytes() for name in ("bot.yaml", "staff.yaml")}
    flows = {"main.yaml": MAIN, "consent.yaml": CONSENT, "person.yaml": PERSON}
    return {**flows, "details.yaml": details, "returning.yaml": returning, **phrases}


def content(contents: dict[str, str | bytes]) -> Content:
    """The engine and the texts of these flows, in English."""
    library = load(contents)
    compiled = compile_flows(library, ["en"])
    texts = Texts(library, Catalogs.read(SHIPPED / "locales"), lambda _: dict.fromkeys(EVERYWHERE, "example"), ["en"])
    lexicons = texts.lexicons()
    return Content(library, compiled, Engine(compiled, lexicons, texts.languages(), finder(library, lexicons)), texts)


CONTENT = content(files())


class EnteredWorld(World):
    """A world with these flows. In English alone, so that the first question is answered by what one writes first."""

    content = CONTENT

    def compiled(self) -> Releases:
        return Releases((FIRST_RELEASE, self.content), [], lambda *_: self.content, self._languages)

    async def asked(self, name: str = "details") -> str:
        """A claimed case whose requester is asked something; its number."""
        number = await self.claimed()
        await self.ask(name)
        return number

    async def ask(self, name: str = "details") -> list[str]:
        """The claimer writes the command in the notes room: the answers there."""
        return await self.command(f"!ask {name}", CLAIMER, self.notes)
