"""Files of works: an adapter as a folder, data as its file, gated ones by a signature."""

from collections.abc import Iterator
from types import MappingProxyType

from django.conf import settings
from django.core import signing
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from ninja import Field, Query, Router, Schema

from ledger import blobs
from ledger import queries as record
from ledger.actions import ms
from ledger.api.entrance import KeySignature, check_signed
from ledger.api.files import A_FILE, Served, part_of, sent
from ledger.errors import (
    AccountIsClosed,
    AccountUnknown,
    BlobDamaged,
    BlobMissing,
    RangeRefused,
)
from licensing import queries
from licensing.api.shown import DownloadOut
from licensing.errors import AccessNeeded, FolderMissing, TicketSpent, WorkUnknown
from web import budgets
from web.api import Body
from web.codes import FOR_FILE, make_code, redeem
from web.errors import CodeSpent, SignaturesSpent, SignInError
from web.openapi import documented

A_ZIP = MappingProxyType(
    {(status, kind and "application/zip"): words for (status, kind), words in A_FILE.items()}
)
SPENT = (AccountIsClosed, SignaturesSpent)
SALT = "licensing.delivery"
OPEN_S = 3600


class ChallengeIn(Body):
    """Who is about to sign for a file."""

    account: str = Field(max_length=120)


class ChallengeOut(Schema):
    """What is to be signed, once, until it expires."""

    challenge: str
    expires_at_ms: int


class DeliveryIn(KeySignature):
    """One over `assay-delivery-v2 0x00 origin 0x00 host 0x00 account 0x00 work 0x00 challenge`.

    By the key that a licence names, or where it names none by a key of the account that holds it
    """

    challenge: str = Field(max_length=64)


class DeliveryOut(Schema):
    """Where the file is got, whole or by `Range`, until it expires."""

    url: str
    expires_at_ms: int


def add_to(works: Router) -> None:
    """The addresses below /works/{work}."""
    missing = (WorkUnknown, FolderMissing, BlobMissing, BlobDamaged)
    says = documented(*missing)
    works.get("/{work}/download", response=DownloadOut, openapi_extra=says)(_download)
    says = documented(*missing, RangeRefused, gives=A_ZIP)
    works.get("/{work}/folder.zip", openapi_extra=says)(_folder)
    gated = (*missing, AccessNeeded)
    refusals = (WorkUnknown, AccountUnknown, SignaturesSpent)
    works.post(
        "/{work}/delivery/challenge", response=ChallengeOut, openapi_extra=documented(*refusals)
    )(_challenge)
    says = documented(*gated, SignInError, CodeSpent, AccountUnknown, *SPENT)
    works.post("/{work}/delivery", response=DeliveryOut, openapi_extra=says)(_deliver)
    says = documented(*gated, TicketSpent, RangeRefused, gives=A_FILE)
    works.get("/{work}/file", openapi_extra=says)(_file)


def _download(request: HttpRequest, work: str) -> dict[str, object]:  # noqa: ARG001
    """What can be downloaded of a work: an adapter as a folder for peft, data as its file."""
    found = queries.download(work)
    named = ("name", "kind", "size_bytes", "sha256", "is_gated")
    told = {name: getattr(found, name) for name in named}
    names = ("name", "size_bytes", "sha256")
    files = [dict(zip(names, one, strict=True)) for one in found.files]
    return {**told, "work": work, "url": found.path, "files": files}


def _folder(request: HttpRequest, work: str) -> HttpResponseBase:
    """The folder of an adapter as a ZIP that is the same every time; `Range` gives a part of it."""
    found = queries.download(work)
    whole = queries.folder_pieces(work)
    file = Served(found.sha256, found.size_bytes)
    response = sent(request, file, lambda span: _cut(whole, *span), keeps="no-cache")
    response.headers["Content-Disposition"] = f'attachment; filename="{found.name}"'
    response.headers["Content-Type"] = "application/zip"
    return response


def _challenge(request: HttpRequest, work: str, body: ChallengeIn) -> dict[str, object]:  # noqa: ARG001
    """Something new to sign for a file; it counts once, for some minutes."""
    budgets.spend("signatures")
    queries.work(work)
    record.account(body.account)
    code, until = make_code(body.account, FOR_FILE, timezone.now())
    return {"challenge": code, "expires_at_ms": ms(until)}


def _deliver(request: HttpRequest, work: str, body: DeliveryIn) -> dict[str, object]:
    """Open the file of a work with restricted access to a holder of a licence, for an hour."""
    now, origin, host = timezone.now(), settings.LOG_ORIGIN, request.get_host()
    words = ("assay-delivery-v2", origin, host, body.account, work, body.challenge)
    check_signed(body, *words)
    redeem(body.challenge, FOR_FILE, now, account=body.account)
    queries.check_access_by(work, body.account, body.key, now=now)
    ticket = signing.dumps([work, body.account], salt=SALT)
    url = f"/api/works/{work}/file?ticket={ticket}"
    return {"url": url, "expires_at_ms": ms(now) + 1000 * OPEN_S}


def _file(
    request: HttpRequest, work: str, ticket: str = Query("", max_length=500)
) -> HttpResponseBase:
    """The file that a signature opened; `Range: bytes=a-b` gives a part of it."""
    try:
        named, account = signing.loads(ticket, salt=SALT, max_age=OPEN_S)
    except signing.BadSignature as error:
        raise TicketSpent("This address opens nothing any more.", work=work) from error
    if named != work:
        raise TicketSpent("This address is of another work.", work=work)
    found = queries.check_access(work, account, now=timezone.now())
    file = Served(found.sha256, found.size_bytes)
    stored = blobs.open_verified(found.sha256)
    response = sent(request, file, lambda span: part_of(stored, span), keeps="no-store")
    response.headers["Content-Disposition"] = f'attachment; filename="{found.name}"'
    return response


def _cut(pieces: Iterator[bytes], start: int, end: int) -> Iterator[bytes]:
    """The bytes from `start` to before `end` of what comes piece by piece."""
    place = 0
    for piece in pieces:
        part = piece[max(start - place, 0) : max(end - place, 0)]
        place += len(piece)
        if part:
            yield part
        if place >= end:
            return
