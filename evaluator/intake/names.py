"""Names from outside, made fit for a message."""

MOST_SHOWN = 100


def shown(name: str) -> str:
    """The name in ASCII, without control characters, at most 100 characters long."""
    text = ascii(name[:MOST_SHOWN])[1:-1]
    return text if len(text) <= MOST_SHOWN else text[: MOST_SHOWN - 3] + "..."
