"""The root of the exceptions that Vestibule raises; the tree is drawn in `ports`."""


class VestibuleError(Exception):
    """Something went wrong that we can name. Its words carry nothing that a person wrote (law 6)."""


class WorldError(VestibuleError):
    """A server, a network or another program failed us; the command line ends with 3 because of it."""
