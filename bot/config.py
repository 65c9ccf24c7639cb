"""The configuration: `config.toml` and two environment variables in, frozen values out.

Everything wrong with it is told at once, one line a fault, with its place; no value that stands in it is ever repeated,
because one of them may be a secret put in the wrong line. Secrets are files or environment variables.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from zoneinfo import ZoneInfo

from bot import calling, forms, specialists
from bot.cldr import length_of_time
from bot.errors import VestibuleError
from bot.flow.model import Problem
from bot.ladder import TWO_HOURS, Promise, Rung, usual
from bot.specialists import Specialists
from bot.toml import Table, parse

PASSWORD_VARIABLE = "VESTIBULE_MATRIX_PASSWORD"  # noqa: S105 - the name of a variable, not a secret
TOKEN_VARIABLE = "VESTIBULE_MATRIX_ACCESS_TOKEN"  # noqa: S105 - likewise
LINKS = ("eligibility", "first_steps", "guides", "services", "terms", "grants", "contact")


class ConfigError(VestibuleError):
    """The administrator's to mend: config, key file, credentials. `problems` has the places, where there are any."""

    def __init__(self, message: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Helpline:
    """What the texts say of the helpline. An empty address or link leaves out the sentences that need it."""

    name: str = "Digital Security Helpline"
    help_address: str = ""
    legal_address: str = ""
    general_address: str = ""
    links: Mapping[str, str] = field(default_factory=dict)
    locales: tuple[str, ...] = ("en", "ar", "fr", "de", "it", "pt", "ru", "es", "tl", "uk")  # the languages that ship
    first_response: int = 120  # minutes


@dataclass(frozen=True, slots=True)
class Password:
    """Logs in, once, at setup."""

    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AccessToken:
    """Stands for a login made elsewhere, and for the device that it made."""

    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Matrix:
    """The bot's account."""

    homeserver: str
    user_id: str = field(repr=False)
    credential: Password | AccessToken


class ChangedIdentity(StrEnum):
    """What happens where somebody's identity is another one than before: a new phone, or somebody in between."""

    WAIT = "wait"  # until one of the specialists accepts it
    TRUST = "trust"  # it is accepted, and the specialists are told


@dataclass(frozen=True, slots=True)
class Signal:
    """The daemon that holds the helpline's account on Signal, and where it puts the files that people send.

    `disappearing`: the helpline's own timer, set where it meets somebody; zero sets none.
    """

    socket: Path
    account: str = field(repr=False)
    attachments: Path | None = None
    changed_identity: ChangedIdentity = ChangedIdentity.WAIT
    disappearing: timedelta = timedelta(days=28)


@dataclass(frozen=True, slots=True)
class Vetting:
    """Whether a person must have signed a case off before it can be claimed (law 8), and where that is done.

    `room`: None is the default queue room.
    """

    before_claim: bool = True
    room: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Retention:
    """How many days what a requester said is kept: after their case is over, and after its vetting what that needs."""

    case: int = 90
    vetting: int = 30


@dataclass(frozen=True, slots=True)
class Flows:
    """Where the flow files lie."""

    path: Path

    @property
    def catalogs(self) -> Path:
        """The translations lie beside the flows."""
        return self.path.parent / "locales"


@dataclass(frozen=True, slots=True)
class StorePlace:
    """Where the bot keeps what it must remember; the key that opens it lies elsewhere."""

    key_file: Path
    data_dir: Path
    url: str


@dataclass(frozen=True, slots=True)
class Config:
    """All of `config.toml`, checked."""

    file: Path
    helpline: Helpline
    matrix: Matrix
    specialists: Specialists
    vetting: Vetting
    flows: Flows
    store: StorePlace
    retention: Retention = field(default_factory=Retention)
    signal: Signal | None = None
    ladder: tuple[Rung, ...] = usual(TWO_HOURS)

    @property
    def promise(self) -> Promise:
        """Within what time a person answers, and who is called when nobody does."""
        response = timedelta(minutes=self.helpline.first_response)
        return Promise(response, self.ladder, self.specialists.shifts, ZoneInfo(self.specialists.timezone))

    @property
    def other_rooms(self) -> tuple[str, ...]:
        """The queue rooms beside the default one, each once."""
        named = [self.vetting.room, *(each.room for each in self.specialists.rooms)]
        return tuple(dict.fromkeys(room for room in named if room and room != self.specialists.room))

    @classmethod
    def read(cls, path: Path, environ: Mapping[str, str]) -> Config:
        """Read and check everything. Relative paths start at the folder of the file. Raises ConfigError."""
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise ConfigError(
                f"{path}: there is no such file. Begin with a copy of config.example.toml, or name one with --config"
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: cannot be read: {_why(error)}") from None
        root, faults = parse(str(path), text)
        if not faults.problems:
            config = _read(path.absolute(), root, environ)
            root.finish(_HINTS)
        if faults.problems:
            problems = sorted(faults.problems, key=lambda problem: (problem.mark.line, problem.mark.column))
            raise ConfigError("\n".join(map(str, problems)), problems)
        return config

    def texts_params(self, locale: str) -> dict[str, str]:
        """What the placeholders of the texts stand for; empty where the config leaves an address or a link empty."""
        return texts_params(self.helpline, locale, self.retention)


def texts_params(helpline: Helpline, locale: str, retention: Retention | None = None) -> dict[str, str]:
    """The same without a whole config, for trying flows."""
    return {
        "name": helpline.name,
        "help_address": helpline.help_address,
        "legal_address": helpline.legal_address,
        "general_address": helpline.general_address,
        **{f"link_{link}": helpline.links.get(link, "") for link in LINKS},
        "first_response": length_of_time(timedelta(minutes=helpline.first_response), locale),
        "case_kept": length_of_time(timedelta(days=(retention or Retention()).case), locale),
    }


_RELATIVE = "a relative path starts at the folder of this file"
_INSTEAD = "a secret never stands in this file; put it in a file of its own and name that in {key}, or set {variable}"
_HINTS = {
    "password": _INSTEAD.format(key="password_file", variable=PASSWORD_VARIABLE),
    "access_token": _INSTEAD.format(key="access_token_file", variable=TOKEN_VARIABLE),
}
_DOUBLED = re.compile(r"(.)\1+")


def _read(file: Path, root: Table, environ: Mapping[str, str]) -> Config:
    """Every section in turn. What cannot be used is reported to the table, and stands in the result as its default."""
    here = file.parent
    matrix, helpline = _matrix(root.table("matrix"), here, environ), _helpline(root.table("helpline"))
    return Config(
        file=file,
        helpline=helpline,
        matrix=matrix,
        specialists=specialists.read(root.table("specialists"), matrix.user_id, helpline.locales),
        vetting=_vetting(root.table("vetting")),
        flows=_flows(root.table("flows"), here),
        store=_store(root.table("store"), here),
        signal=_signal(root.table_if_given("signal"), here),
        retention=_retention(root.table("retention")),
        ladder=calling.ladder(root.table("promise"), timedelta(minutes=helpline.first_response)),
    )


def _helpline(section: Table) -> Helpline:
    default = Helpline()
    links = section.table("links")
    helpline = Helpline(
        name=section.text("name", forms.NAME, default.name),
        help_address=section.text("help_address", forms.MAIL, ""),
        legal_address=section.text("legal_address", forms.MAIL, ""),
        general_address=section.text("general_address", forms.MAIL, ""),
        links={key: links.text(key, forms.PAGE, "") for key in LINKS},
        locales=section.texts("locales", forms.LOCALES, default.locales),
        first_response=section.number("first_response", forms.PROMISE, default.first_response),
    )
    domains = {
        address.rpartition("@")[2].lower()
        for address in (helpline.help_address, helpline.legal_address, helpline.general_address)
    } - {""}
    if len({_DOUBLED.sub(r"\1", domain) for domain in domains}) < len(domains):
        section.report(
            "look-alike",
            "help_address",
            "[helpline] has addresses whose domains differ only by a doubled letter; one of them is a typing error and "
            "would send people to a stranger",
        )
    return helpline


def _matrix(section: Table, here: Path, environ: Mapping[str, str]) -> Matrix:
    homeserver = section.text("homeserver", forms.HOMESERVER)
    user_id = section.text("user_id", forms.BOT)
    password = _secret(section, "password_file", PASSWORD_VARIABLE, here, environ)
    token = _secret(section, "access_token_file", TOKEN_VARIABLE, here, environ)
    if password is None and token is None:
        section.report(
            "missing-key",
            "password_file",
            "[matrix] has no credential: name a file in password_file or access_token_file, or set "
            f"{PASSWORD_VARIABLE} or {TOKEN_VARIABLE}",
        )
    if password is not None and token is not None:
        section.report("two-credentials", "access_token_file", "[matrix] has a password and an access token; keep one")
    credential = Password(password or "") if token is None else AccessToken(token)
    return Matrix(homeserver.rstrip("/"), user_id, credential)


def _secret(section: Table, key: str, variable: str, here: Path, environ: Mapping[str, str]) -> str | None:
    """The variable, or else what stands in the file; None where neither is given, empty where it was faulty."""
    given = key in section
    name = section.text(key, forms.FILE, default="")
    if environ.get(variable):
        return environ[variable]
    if not name:
        return "" if given else None
    try:
        secret = (here / name).read_text(encoding="utf-8").strip("\r\n")
    except (OSError, ValueError) as error:
        section.report(
            "bad-file", key, f"[matrix] {key}: the file that it names cannot be read: {_why(error)} ({_RELATIVE})"
        )
        return ""
    if not forms.is_line(secret):
        section.report("bad-file", key, f"[matrix] {key}: the file that it names must hold the secret in one line")
    return secret


def _signal(section: Table | None, here: Path) -> Signal | None:
    """None where the section is not there: the helpline is then not on Signal."""
    if section is None:
        return None
    attachments = section.text("attachments", forms.FOLDER, default="")
    default = Signal(Path(), "")
    return Signal(
        socket=here / section.text("socket", forms.SOCKET),
        account=section.text("account", forms.PHONE),
        attachments=here / attachments if attachments else None,
        changed_identity=ChangedIdentity(
            section.text("changed_identity", forms.CHANGED_IDENTITY, default.changed_identity)
        ),
        disappearing=timedelta(
            days=section.number("disappearing_days", forms.DISAPPEARING_DAYS, default.disappearing.days)
        ),
    )


def _vetting(section: Table) -> Vetting:
    return Vetting(section.flag("before_claim", default=True), section.text("room", forms.ROOM, "") or None)


def _flows(section: Table, here: Path) -> Flows:
    path = here / section.text("path", forms.FOLDER, default="flows")
    if not path.is_dir():
        section.report("bad-file", "path", f"[flows] path: the folder that it names does not exist ({_RELATIVE})")
    return Flows(path)


def _store(section: Table, here: Path) -> StorePlace:
    key_name = section.text("key_file", forms.KEY_FILE)
    key_file = here / key_name
    data_dir = here / section.text("data_dir", forms.FOLDER, default="data")
    url = section.text("url", forms.DATABASE, f"sqlite:///{data_dir / 'vestibule.db'}")
    if key_name and key_file.resolve().is_relative_to(data_dir.resolve()):
        section.report(
            "key-beside-data",
            "key_file",
            "[store] key_file lies inside data_dir; whoever takes the data must not find its key there",
        )
    return StorePlace(key_file, data_dir, f"sqlite:///{here / url.removeprefix('sqlite:///')}")


def _retention(section: Table) -> Retention:
    default = Retention()
    return Retention(
        case=section.number("case", forms.DAYS, default.case),
        vetting=section.number("vetting", forms.DAYS, default.vetting),
    )


def _why(error: Exception) -> str:
    """What the system says, without the name of the file, which may be a secret put in the wrong line."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return "it is not a text in UTF-8"
