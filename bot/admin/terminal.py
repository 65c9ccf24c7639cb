"""How the command line asks whoever sits there, and tells them; standard output is for what was asked for."""

from __future__ import annotations

import typer


def ask(question: str, *, hidden: bool = False) -> str:
    """Put one question; what is hidden is not shown while it is typed."""
    return str(typer.prompt(question, hide_input=hidden, err=True))


def tell(line: str) -> None:
    """Say one line."""
    typer.echo(line, err=True)
