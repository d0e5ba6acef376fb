"""What counts once: codes that one door gives and another takes, and signatures that were used.

A code lives for some minutes, and the table keeps only sha256 of it.
"""

import secrets
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from assay.canonical import sha256_hex
from web.errors import CodeSpent
from web.models import OneTimeCode

FOR_BROWSER, FOR_KEY, FOR_FILE, SIGNATURE = "browser", "key", "file", "signature"
LIFETIMES = {
    FOR_BROWSER: timedelta(minutes=2),
    FOR_KEY: timedelta(minutes=10),
    FOR_FILE: timedelta(minutes=5),
    SIGNATURE: timedelta(minutes=15),  # longer than two clocks may differ
}


def make_code(account: str, purpose: str, now: datetime) -> tuple[str, datetime]:
    """A new code of an account, and until when it counts; what is over is swept out."""
    OneTimeCode.objects.filter(expires_at__lte=now).delete()
    code, until = secrets.token_hex(16), now + LIFETIMES[purpose]
    OneTimeCode.objects.create(
        digest=_digest(code, purpose), account=account, purpose=purpose, expires_at=until
    )
    return code, until


def account_of(code: str, purpose: str, now: datetime) -> str:
    """Whose code it is; it still counts afterwards. raises CodeSpent"""
    found = OneTimeCode.objects.filter(digest=_digest(code, purpose), expires_at__gt=now).first()
    if found is None:
        raise CodeSpent("This code is over, was used, or was never given.")
    return found.account


def redeem(code: str, purpose: str, now: datetime, *, account: str = "") -> str:
    """Use a code; the answer is its account. account: whose it must be

    raises CodeSpent; of two who use it at once, one
    """
    owner = account_of(code, purpose, now)
    deleted, _ = OneTimeCode.objects.filter(digest=_digest(code, purpose)).delete()
    if not deleted or account not in ("", owner):
        raise CodeSpent("This code is over, was used, or is another account's.")
    return owner


def forget_codes(account: str) -> None:
    """No code of an account counts any more."""
    OneTimeCode.objects.filter(account=account).delete()


def spend_signature(words: str, now: datetime) -> None:
    """Note that what was signed is used up. raises CodeSpent when it was before

    words  name the key and what it signed: of the same words some keys have many signatures
    """
    OneTimeCode.objects.filter(expires_at__lte=now).delete()
    try:
        with transaction.atomic():
            OneTimeCode.objects.create(
                digest=_digest(words, SIGNATURE),
                account="",
                purpose=SIGNATURE,
                expires_at=now + LIFETIMES[SIGNATURE],
            )
    except IntegrityError as error:
        raise CodeSpent("This signature was used already.") from error


def _digest(code: str, purpose: str) -> str:
    return sha256_hex(f"{purpose}/{code}".encode())
