"""`vestibule demo`: a whole helpline on this machine, with real encryption between everyone in it."""

from bot.demo.show import run

__all__ = ["run"]
