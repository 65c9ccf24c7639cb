"""The specialists, as the config names them: who may read cases, where, and in which language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot import calling, forms, routes
from bot.ladder import Shift
from bot.toml import Table


@dataclass(frozen=True, slots=True)
class Member:
    """One of the staff, with the master key that proves which devices are theirs (law 10).

    `language`: in which summaries are posted for them; None is that of the rooms.
    """

    user: str = field(repr=False)
    master_key: str = field(repr=False)
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Silence:
    """After how many hours staff are told that a requester, or they themselves, have not answered."""

    requester_hours: int = 24
    staff_hours: int = 4


@dataclass(frozen=True, slots=True)
class Specialists:
    """Who may read cases, and the rooms in which cases are shown. Leads may also close a case that is another's.

    `timezone`: where the clock hangs by which the shifts change.
    """

    room: str = field(repr=False)
    members: tuple[Member, ...]
    leads: tuple[Member, ...] = ()
    rooms: tuple[routes.QueueRoom, ...] = ()
    silence: Silence = field(default_factory=Silence)
    directors: tuple[Member, ...] = ()
    shifts: tuple[Shift, ...] = ()
    timezone: str = "UTC"
    language: str = "en"  # of their rooms

    @property
    def languages(self) -> Mapping[str, str]:
        """Who reads summaries in another language than that of the rooms."""
        everyone = (*self.members, *self.leads, *self.directors)
        return {member.user: member.language for member in everyone if member.language}

    @property
    def staff(self) -> Mapping[str, str]:
        """Everyone listed: who, and their pinned master key."""
        return {member.user: member.master_key for member in (*self.members, *self.leads, *self.directors)}


def read(section: Table, bot: str, locales: Sequence[str]) -> Specialists:
    """The section `[specialists]`. What cannot be used is reported to it, and stands in the result as its default."""
    room = section.text("room", forms.ROOM)
    members = _members(section, "members", locales, required=True)
    leads = _members(section, "leads", locales, required=False)
    directors = _members(section, "directors", locales, required=False)
    keys: dict[str, str] = {}
    for member in (*members, *leads, *directors):
        if member.user and keys.setdefault(member.user, member.master_key) != member.master_key:
            section.report("two-keys", "members", "[specialists] names one person with two different master keys")
    if bot in keys:
        section.report(
            "bot-as-member", "members", "[specialists] names the bot's own account; it is not one of the staff"
        )
    return Specialists(
        room,
        members,
        leads,
        rooms=routes.read(section, locales),
        silence=_silence(section.table("silence")),
        directors=directors,
        shifts=calling.shifts(section, [lead.user for lead in leads]),
        timezone=section.text("timezone", forms.ZONE, "UTC"),
        language=_language(section, locales) or locales[0],
    )


def _silence(section: Table) -> Silence:
    default = Silence()
    return Silence(
        requester_hours=section.number("requester_hours", forms.HOURS, default.requester_hours),
        staff_hours=section.number("staff_hours", forms.HOURS, default.staff_hours),
    )


def _members(section: Table, key: str, locales: Sequence[str], *, required: bool) -> tuple[Member, ...]:
    entries = section.tables(key, 'a list of entries { user = "@who:example.org", master_key = "..." }', required)
    return tuple(
        Member(entry.text("user", forms.STAFF), entry.text("master_key", forms.MASTER_KEY), _language(entry, locales))
        for entry in entries
    )


def _language(section: Table, locales: Sequence[str]) -> str | None:
    language = section.text("language", forms.LOCALE, "")
    if language and language not in locales:
        section.report(
            "unknown-locale",
            "language",
            f"[specialists] language, and that of a member, is one of [helpline] locales: {', '.join(locales)}",
        )
    return language or None
