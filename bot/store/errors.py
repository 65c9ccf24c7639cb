"""What can be wrong with the store. No message carries anything that was stored.

By whose fault it is:

    ConfigError (the administrator's)
    ├── KeyFileError      the key file: missing, readable by others, not a key, already there
    ├── WrongKeyError     the key file is not the one that sealed this store
    ├── KeysMissingError  the store is here, its wrapped keys are not
    └── StoreFileError    the data directory or a database file cannot be used
    VestibuleError
    └── RecordBroken      a sealed record does not open or cannot be read: the disk was changed, or lost something
"""

from __future__ import annotations

from bot.config import ConfigError
from bot.errors import VestibuleError


class KeyFileError(ConfigError):
    """The key file cannot be used, or must not be overwritten."""


class WrongKeyError(ConfigError):
    """The key file is well formed, but another one sealed this store."""


class KeysMissingError(ConfigError):
    """There is a store, but the file with its wrapped keys is gone: nothing sealed can be read."""


class StoreFileError(ConfigError):
    """The data directory, a database file or its address cannot be used."""


class RecordBroken(VestibuleError):
    """A sealed record that does not open under its key and place, or whose content is not what we write."""

    def __init__(self, place: str) -> None:
        super().__init__(f"a record in {place} cannot be read: it was changed or damaged on the disk")
        self.place = place
