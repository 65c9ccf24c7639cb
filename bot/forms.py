"""What the values of the configuration must look like: addresses, Matrix ids, keys, languages."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError

from bot.ladder import Call
from bot.toml import Form

MASTER_KEY_BYTES = 32  # an Ed25519 public key
LONGEST_PROMISE = 7 * 24 * 60  # minutes; a first answer after more than a week is no first response
LONGEST_TIMER = 365  # days; what disappears later than that may as well stay
SOCKET_CHARS = 107  # of its path: what Linux takes (sun_path)
LONGEST_SILENCE = 30 * 24  # hours; who has not answered in a month will not be reminded of it by a bot
LONGEST_KEPT = 10 * 365  # days; whoever must keep a case for longer does not keep it here

_LOCALE = re.compile(r"[a-z]{2,3}(_[A-Z][a-z]{3})?(_[A-Z]{2})?")  # the form in which catalogs' folders are named
_MAIL = re.compile(r"[^@\s]+@[A-Za-z0-9\-]+(\.[A-Za-z0-9\-]+)+")
_USER = re.compile(r"@[!-9;-~]+:[A-Za-z0-9.\-\[\]:]+")
_ROOM = re.compile(r"![!-~]+|#[^\s:]+:[A-Za-z0-9.\-\[\]:]+")
_PHONE = re.compile(r"\+[1-9][0-9]{5,14}")  # ITU-T E.164
_HOUR = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_SQLITE = re.compile(r"sqlite:///[^?:]+")


def is_line(text: str) -> bool:
    """One line with something in it."""
    return bool(text.strip()) and text.isprintable()


def _is_mail_or_empty(text: str) -> bool:
    return not text or _MAIL.fullmatch(text) is not None


def _is_page_or_empty(text: str) -> bool:
    try:
        return not text or (text.startswith("https://") and bool(urlsplit(text).hostname) and is_line(text))
    except ValueError:
        return False


def _is_locale(text: str) -> bool:
    try:
        return _LOCALE.fullmatch(text) is not None and bool(Locale.parse(text))
    except (UnknownLocaleError, ValueError):
        return False


def _is_homeserver(text: str) -> bool:
    """In clear only where nobody else can listen: the access token travels with every request."""
    try:
        url = urlsplit(text)
        host = url.hostname or ""
        bare = not (url.username or url.password or url.query or url.fragment or url.path.strip("/") or url.port == 0)
    except ValueError:
        return False
    return bare and bool(host) and (url.scheme == "https" or (url.scheme == "http" and _is_near(host)))


def _is_near(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host  # localhost, or a container beside ours


def _is_master_key(text: str) -> bool:
    try:
        key = base64.b64decode(text + "=", validate=True)
    except (binascii.Error, ValueError):
        return False
    # compared as written later on, so only the one way of writing it will do
    return len(key) == MASTER_KEY_BYTES and base64.b64encode(key).decode().rstrip("=") == text


def _is_zone(text: str) -> bool:
    try:
        return bool(ZoneInfo(text).key)
    except (KeyError, OSError, ValueError):  # none of this name, or no name of one
        return False


NAME = Form("the helpline's name, in one line", is_line)
MAIL = Form("an e-mail address, or empty where there is none", _is_mail_or_empty)
PAGE = Form("the address of a page, beginning with https://, or empty where there is none", _is_page_or_empty)
LOCALES = Form(
    'a list of different language codes, the helpline\'s own language first, such as ["en", "pt_BR"]', _is_locale
)
TOPICS = Form('a list of different answers, as the flows name them, such as ["account"]', is_line)
LOCALE = Form('a language code, such as "en" or "pt_BR"', _is_locale)
PROMISE: Form[int] = Form(
    f"a number of minutes, from 1 to {LONGEST_PROMISE}", lambda minutes: 1 <= minutes <= LONGEST_PROMISE
)
CALL: Form[str] = Form(f"a list of different ones of {', '.join(Call)}", lambda call: call in list(Call))
ZONE = Form('a time zone by its name, such as "Europe/Berlin" or "UTC"', _is_zone)
HOUR = Form('an hour of the day, from "00:00" to "23:59"', _HOUR.fullmatch)
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DAYS_OF_WEEK: Form[str] = Form('a list of different days, such as ["monday", "tuesday"]', lambda day: day in WEEKDAYS)
DAYS: Form[int] = Form(f"a number of days, from 1 to {LONGEST_KEPT}", lambda days: 1 <= days <= LONGEST_KEPT)
HOURS: Form[int] = Form(f"a number of hours, from 1 to {LONGEST_SILENCE}", lambda hours: 1 <= hours <= LONGEST_SILENCE)
HOMESERVER = Form(
    'the address of the bot\'s homeserver, such as "https://matrix.example.org" (http:// only on a private network)',
    _is_homeserver,
)
BOT = Form('the bot\'s own Matrix id, such as "@helpline:example.org"', _USER.fullmatch)
STAFF_LIST = Form('a list of different Matrix ids, such as ["@lead:example.org"]', _USER.fullmatch)
STAFF = Form('a Matrix id, such as "@specialist:example.org"', _USER.fullmatch)
ROOM = Form('a room id ("!...") or an alias ("#cases:example.org")', _ROOM.fullmatch)
MASTER_KEY = Form(
    "the person's master key as their client shows it: 43 characters of base64, without spaces or a = at the end",
    _is_master_key,
)
DATABASE = Form(
    "the place of an SQLite database, sqlite:/// and a file; without it, vestibule.db in data_dir", _SQLITE.fullmatch
)
SOCKET: Form[str] = Form(
    f"the path of the daemon's UNIX socket, of {SOCKET_CHARS} characters at most",
    lambda path: is_line(path) and len(path.encode()) <= SOCKET_CHARS,
)
PHONE = Form('the account\'s number with its country, such as "+15550100000"', _PHONE.fullmatch)
CHANGED_IDENTITY: Form[str] = Form('"wait" or "trust"', lambda policy: policy in ("wait", "trust"))
DISAPPEARING_DAYS: Form[int] = Form(
    f"a number of days, from 0 (no timer) to {LONGEST_TIMER}", lambda days: 0 <= days <= LONGEST_TIMER
)
FILE = Form("the name of a file", is_line)
KEY_FILE = Form("the name of the file of the master key, which `vestibule setup` makes", is_line)
FOLDER = Form("the name of a folder", is_line)


GROUP = 4  # characters of a key that are read aloud in one breath


def grouped(identity: str) -> str:
    """An identity as it is read aloud."""
    return " ".join(identity[start : start + GROUP] for start in range(0, len(identity), GROUP))
