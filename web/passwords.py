"""Passwords cost half a second of a core each, on purpose; so only a few are hashed at once."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from django.conf import settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.http import HttpRequest

from web import budgets, errors


class Hasher(PBKDF2PasswordHasher):
    """Django's own, at most settings.BUDGETS["passwords"] at a time in this process."""

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        """raises PasswordsBusy"""
        with _place():
            return str(super().encode(password, salt, iterations))


class Attempts:
    """Knows nobody: it stands before the other backends of sign-in, and counts who tries."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str = "",
        password: str = "",  # noqa: ARG002 - as Django asks
    ) -> None:
        """Nobody, so that the next one is asked. raises SignInsSpent"""
        if request is not None and username:
            budgets.spend("sign_ins", account=username.lower().replace("\0", ""))


@contextmanager
def _place() -> Iterator[None]:
    budget = settings.BUDGETS["passwords"]
    gate = _gate(budget.most)
    if not gate.acquire(timeout=settings.PASSWORD_WAIT_S):
        raise errors.PasswordsBusy(budget, "site", budget.most, errors.BUSY_S)
    try:
        yield
    finally:
        gate.release()


@cache
def _gate(places: int) -> threading.Semaphore:
    return threading.BoundedSemaphore(places)
