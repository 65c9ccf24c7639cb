"""Reads a folder of flow files from the disk. What stands in them is judged by `flow.loader`, which knows no disk."""

from __future__ import annotations

from pathlib import Path

from bot.flow.loader import load
from bot.flow.model import FlowError, Library, Mark, Problem, Severity

ENDINGS = {".yaml", ".yml"}
PHRASINGS = "faq"  # the folder, beside the flows, of how people ask in each language


def read(folder: Path) -> Library:
    """Every YAML file in the folder, in the order of their names, then the phrasings. Raises FlowError."""
    try:
        paths = _files(folder)
    except OSError as error:
        raise _unreadable(folder, error) from None
    if not paths:
        message = "there is no flow file in this folder; flow files end in .yaml"
        raise FlowError([Problem(Mark(str(folder), 1, 1), Severity.ERROR, "no-flow-files", message)])
    phrasings = folder / PHRASINGS
    try:
        paths += _files(phrasings) if phrasings.is_dir() else []
    except OSError as error:
        raise _unreadable(phrasings, error) from None
    files: dict[str, bytes] = {}
    for path in paths:
        try:
            files[str(path)] = path.read_bytes()
        except OSError as error:
            raise _unreadable(path, error) from None
    return load(files)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix in ENDINGS and path.is_file())


def _unreadable(path: Path, error: OSError) -> FlowError:
    why = (error.strerror or type(error).__name__).lower()
    return FlowError([Problem(Mark(str(path), 1, 1), Severity.ERROR, "unreadable-file", f"cannot be read: {why}")])
