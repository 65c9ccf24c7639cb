"""What can be wrong with the store. No message carries anything that was stored.

By whose fault it is:

    ConfigError (the administrator's)
    ├── KeyFileError      the key file: missing, readable by others, not a key, already there
    ├── WrongKeyError     the key file is not the one that sealed this store
    ├── KeysMissingError  the store is here, its wrapped keys are not
    └── StoreFileError    the data directory or a database file cannot be used
    VestibuleError
    └── RecordBroken      a sealed record does not open or cannot be read: the disk was changed, or lost something
    Exception
    └── StatementFailed   the database did not run a statement: a full disk, a lost file
        └── Conflict      it broke a rule of the tables
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


class StatementFailed(Exception):
    """A statement that the database did not run. Its words name the kind of the failure, and quote nothing.

    No VestibuleError, which a transaction may catch and go on after: this one takes all of it back.
    """


class Conflict(StatementFailed):
    """A statement that would have broken a rule of the tables, such as an id given twice."""
