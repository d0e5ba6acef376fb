"""How many scoring workers a site has: each is a process with a key of its own."""

import os

LEAST = 2  # a final score counts when two of them agree
MOST = 4  # that are started unasked: each holds a base in memory


def size(asked: int = 0) -> int:
    """So many as were asked for; otherwise one a core, between two and four.

    Two jobs of one thread beat one of two threads.
    """
    return max(LEAST, asked or min(os.cpu_count() or 1, MOST))
