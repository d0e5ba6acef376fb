"""What a site must not be by accident once strangers reach it; each may be accepted, by its name.

A site that only its own machine reaches, such as `make demo`, is asked nothing.
"""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from django.core.checks import CheckMessage, Error

from assay.errors import AssayError
from web.risks import RISKS


class Unsafe(AssayError):
    """Strangers reach the site, and it has settings for play. Facts: risks, accept."""

    code, status = "profile.unsafe", 500
    next_step = "Change each setting, or accept what it means by its name in ASSAY_ACCEPT."


@dataclass(frozen=True)
class Risk:
    """name: by which ASSAY_ACCEPT accepts it"""

    name: str
    words: str


def risks(host: str = "127.0.0.1") -> list[Risk]:
    """What is unsafe and not accepted. host: where the web server listens"""
    names = [host, *settings.ALLOWED_HOSTS]
    if not settings.IS_HTTPS and all(is_of_this_machine(one) for one in names):
        return []
    return [Risk(one, RISKS[one]) for one in _found() if one not in settings.ACCEPTED_RISKS]


def check(host: str = "127.0.0.1") -> None:
    """raises Unsafe, which names all of them"""
    found = risks(host)
    if found:
        words = " ".join(f"{one.name}: {one.words}" for one in found)
        names = [one.name for one in found]
        raise Unsafe(
            f"Strangers can reach this site, and: {words}", risks=names, accept=",".join(names)
        )


def deploy_check(**_: object) -> list[CheckMessage]:
    """The same for `manage.py check --deploy`."""
    return [Error(one.words, hint=Unsafe.next_step, id=f"assay.{one.name}") for one in risks()]


def is_of_this_machine(name: str) -> bool:
    """Whether a host's name or address leads to this machine alone."""
    bare = name.strip("[]")
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return bare in ("localhost", "testserver")  # the second one is Django's own tests


def _found() -> Iterator[str]:
    if not settings.IS_HTTPS:
        yield "no-https"
    elif not settings.TRUSTED_PROXIES:
        yield "no-proxy"
    if settings.LOG_ORIGIN == settings.USUAL_ORIGIN:
        yield "usual-origin"
    if settings.FAUCET_NANO:
        yield "faucet"
    if not settings.DISPUTE_LEAST_S:
        yield "no-dispute-window"
    if settings.DEBUG:
        yield "debug"
