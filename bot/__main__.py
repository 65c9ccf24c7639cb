"""`python -m bot`: the same as `vestibule`."""

from bot.cli import main

main()
