"""A stand-in of signal-cli's daemon: a program on a UNIX socket that answers as the real one was recorded to answer.

No complete signal-cli can be had where the tests run. This one has behind it, in place of Signal's server, a world of
people (`world`), which outlives the program, and it goes wrong in every way that the real one does, when told
(`faults`). Tests use it through `handle`, whose docstring has an example. It shares no code with the bot.

Left out: HTTP and its event stream, over which the real daemon loses messages and which the bot does not use; linking
and registering; stories, polls, payments and calls beyond what a person sends of them.
"""
