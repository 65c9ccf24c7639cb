"""What a flow file names from a short list: what an answer in words has to be, and how a flow is entered."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """What an answer in one's own words has to be."""

    TEXT = "text"
    EMAIL = "email"
    PHONE = "phone"
    URL = "url"
    HANDLE = "handle"
    DATE = "date"
    COUNTRY = "country"


class Entry(StrEnum):
    """How a flow begins that no other flow runs."""

    ASKED = "asked"  # staff have its questions put to a requester whose case is theirs
    RETURNING = "returning"  # somebody writes again whose last case is closed
