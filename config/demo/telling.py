"""What the demo says: a line per step as it happens, seconds per stage, facts for the report."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


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

    def check(self, name: str, *, holds: bool, says: str = "") -> None:
        """A step that must hold. raises StoryBroken when it does not"""
        self.facts["checks"][name] = holds
        if not holds:
            raise StoryBroken(f"{name}: {says or 'it does not hold'}")
