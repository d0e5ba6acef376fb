"""What the demo says: a line per step as it happens, seconds per stage, facts for the report."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

FIRST_S, NEXT_S = 2.0, 5.0


class StoryBroken(Exception):
    """A step of the story did not hold."""


class Telling:
    """Prints lines with the seconds since the start, and keeps what the report needs."""

    def __init__(self) -> None:
        self._begun_s = time.monotonic()
        self.facts: dict[str, Any] = {"stages": {}, "checks": {}}

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._begun_s

    def say(self, who: str, line: str) -> None:
        """One line: when, who, what."""
        sys.stdout.write(f"{self.elapsed_s:6.1f} s  {who:<10} {line}\n")
        sys.stdout.flush()

    def raw(self, text: str = "") -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure one stage of the story."""
        begun_s = time.monotonic()
        yield
        self.facts["stages"][name] = round(time.monotonic() - begun_s, 1)

    @contextmanager
    def waiting(self, who: str, what: str, far: Callable[[], str] = lambda: "") -> Iterator[None]:
        """Say what is waited for and how far it is, as long as it takes; nothing when it is quick.

        far   how far it is, in a few words; may be empty
        """
        is_over, begun_s = threading.Event(), time.monotonic()

        def tell() -> None:
            pause_s = FIRST_S
            while not is_over.wait(pause_s):
                parts = (far(), f"{time.monotonic() - begun_s:.0f} s so far")
                self.say(who, f"{what}: {', '.join(filter(None, parts))}")
                pause_s = NEXT_S

        teller = threading.Thread(target=tell, daemon=True)
        teller.start()
        try:
            yield
        finally:
            is_over.set()
            teller.join()

    def check(self, name: str, *, holds: bool, says: str = "") -> None:
        """A step that must hold. raises StoryBroken when it does not"""
        self.facts["checks"][name] = holds
        if not holds:
            raise StoryBroken(f"{name}: {says or 'it does not hold'}")
