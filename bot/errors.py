"""The root of the exceptions that Vestibule raises; the tree is drawn in `ports`."""


class VestibuleError(Exception):
    """Something went wrong that we can name. Its words carry nothing that a person wrote (law 6)."""
