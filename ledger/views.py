"""The record for readers: the log as files (C2SP tiles, receipts, entries) and as pages."""

import json
from datetime import datetime
from typing import NamedTuple

from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from assay import merkle, messages, wire
from assay.money import show_tokens
from ledger import actions, log, queries
from ledger.errors import AnotherHistory, MessageUnknown
from ledger.models import Message
from ledger.rules.accounts import AccountKind
from ledger.rules.entry import Entry, read_entry
from ledger.sequencer import proofs, tiles
from web import codes
from web.errors import Forbidden, NotFound
from web.receipts import accepted
from web.strict import a_button

FOREVER = "public, max-age=31536000, immutable"
NEWEST = 50
STATEMENT_LINES = 100
LINE = 72  # letters of a value that a page shows on one line


class Field(NamedTuple):
    """A part of a message: its value as JSON, and the time or the amount that it is; 0 for none."""

    name: str
    value: str
    at_ms: int
    amount_nano: int


class LogLine(NamedTuple):
    """One entry of the log as a page lists it."""

    place: int | None
    entry: Entry
    signer: str


@require_safe
def checkpoint(request: HttpRequest) -> HttpResponse:
    """The newest signed checkpoint, with the lines of its witnesses."""
    newest = queries.latest_checkpoint()
    if newest is None:
        raise NotFound("The log has no checkpoint yet.", path=request.path)
    return _text(queries.cosigned_note(newest), "no-cache")


@require_safe
def witnessed_checkpoint(request: HttpRequest) -> HttpResponse:
    """The newest checkpoint that a witness cosigned; the witness may be a moment behind."""
    found = queries.covering_checkpoint(0)
    if found is None:
        raise NotFound("The log has no checkpoint yet.", path=request.path)
    return _text(queries.cosigned_note(found), "no-cache")


@require_safe
def tile(request: HttpRequest, level: str, place: str) -> HttpResponse:
    """A tile of hashes (level 0 and up) or of entries (level `entries`); it never changes."""
    index, width = _place_of(request, level, place)
    height = 0 if level == "entries" else int(level)
    is_entries = level == "entries"
    raw = tiles.entries_tile(index, width) if is_entries else tiles.hash_tile(height, index, width)
    if raw is None:
        raise NotFound("No checkpoint has this tile (yet).", path=request.path)
    return _bytes(raw)


@require_safe
def receipt(request: HttpRequest, item: str) -> HttpResponse:  # noqa: ARG001
    """The `.tlog-proof` of a message: it is in the log of this checkpoint."""
    response = _text(proofs.receipt(item), "no-cache")
    response.headers["Content-Disposition"] = f'inline; filename="{item}.tlog-proof"'
    return response


@require_safe
def entry(request: HttpRequest, item: str) -> HttpResponse:  # noqa: ARG001
    """The signed bytes of one message."""
    return _bytes(_found(item).raw)


@require_safe
def log_page(request: HttpRequest) -> HttpResponse:
    """Size, root, and the messages from newest to oldest; ?after=INDEX goes on below it."""
    size = queries.log_size()
    asked = request.GET.get("after", "")
    top = min(int(asked), size) if asked.isascii() and asked.isdigit() and len(asked) < 19 else size
    start = max(0, top - NEWEST)
    rows = reversed(queries.messages_from(start, limit=top - start))
    lines = [LogLine(row.log_index, read_entry(bytes(row.raw)), "") for row in rows]
    context = {
        "size": size,
        "newest": queries.latest_checkpoint(),
        "waiting": queries.waiting_messages(),
        "lines": _with_signers(lines),
        "next": str(start) if start else "",
        "origin": settings.LOG_ORIGIN,
        "witnesses": queries.witnesses(),
        "stopped_by": queries.evidence_holders(),
    }
    return render(request, "ledger/log.html", context)


@require_safe
def message(request: HttpRequest, item: str) -> HttpResponse:
    """What one message says, who signed it, what money it moved, and its proof."""
    found = _found(item)
    line = _with_signers([LogLine(log.index_of(item), found, "")])[0]
    context = {
        "line": line,
        "fields": [_field(name, one) for name, one in wire.to_json(found.body).items()],
        "meaning": messages.meaning(found.kind),
        "transfers": queries.transfers_of(item),
        "answers": queries.answers_to(item),
        "is_fact": messages.KINDS[found.kind].signer != "person",
    }
    return render(request, "ledger/message.html", context)


@never_cache
@require_safe
def account(request: HttpRequest, name: str) -> HttpResponse:
    """What an account holds and why: its statement with the balance after each line."""
    found = queries.account(name)
    after = request.GET.get("after", "")
    shown = queries.statement_page(name, after=after, limit=STATEMENT_LINES)
    context = {
        "account": found,
        "lines": shown.lines,
        "next": shown.next,
        "is_first": not after,
        "keys": queries.keys_of(name),
        "play_money_nano": _play_money_nano(request, name),
    }
    if found.kind == AccountKind.POOL:
        work = name.partition(":")[2]
        context["work_url"] = f"/models/{work}/"
    return render(request, "ledger/account.html", context)


@login_required
@require_safe
def my_account(request: HttpRequest) -> HttpResponse:
    return redirect("ledger_account", request.user.get_username())


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@a_button
def my_keys(request: HttpRequest) -> HttpResponse:
    """The keys that sign for whoever is signed in; a code with which one more is added."""
    name, code, until = request.user.get_username(), "", None
    if request.method == "POST":
        code, until = codes.make_code(name, codes.FOR_KEY, timezone.now())
    context = {"keys": queries.key_rows(name), "code": code, "until": until}
    return render(request, "ledger/keys.html", context)


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@a_button
def revoke_key(request: HttpRequest, public: str) -> HttpResponse:
    """End a key of whoever is signed in; it asks first."""
    name = request.user.get_username()
    if request.method != "POST":
        key = queries.key_rows(name).filter(pk=public, revoked_by="").first()
        if key is None:
            raise NotFound("No such key signs for you.", path=request.path)
        return render(request, "ledger/revoke_key.html", {"key": key})
    order = actions.revoke_key_for(
        name, public, now=timezone.now(), keeps_session=request.session.session_key or ""
    )
    told = f"The key {public[:16]}... is revoked. All tokens and other browsers are signed out."
    accepted(request, told, ("key.revoke", order))
    return redirect("ledger_keys")


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@a_button
def close_account(request: HttpRequest, name: str) -> HttpResponse:
    """Close the own account for good; it asks first."""
    if request.user.get_username() != name:
        raise Forbidden("Only its owner closes an account.", path=request.path)
    if request.method != "POST":
        return render(request, "ledger/close_account.html", {"account": queries.account(name)})
    order = actions.close_account_for(name, now=timezone.now())
    logout(request)
    accepted(request, f"The account {name} is closed.", ("account.close", order))
    return redirect("ledger_account", name)


@login_required
@require_POST
@a_button
def draw_play_money(request: HttpRequest, name: str) -> HttpResponse:
    """Give the signed-in owner all play money that is left; twice is the same as once."""
    if request.user.get_username() != name:
        raise Forbidden("Only its owner draws an account's play money.", path=request.path)
    had_nano = queries.minted_nano(name)
    amount_nano = actions.play_money_nano(name) or settings.FAUCET_NANO
    now = timezone.now()
    words = f"faucet/{had_nano}"
    item = actions.mint(account=name, amount_nano=amount_nano, idempotency=words, now=now)
    told = f"{show_tokens(amount_nano)} tokens of play money are in the account."
    accepted(request, told, ("books.minted", item))
    return redirect("ledger_account", name)


@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """How many messages wait for their place, how long, and whether they get one.

    200 while the database answers and the sequencer does not refuse; else 503. Refused or not,
    pages answer and orders are accepted.
    """
    try:
        waiting = queries.waiting_messages()
        oldest_s = _oldest_waiting_s(timezone.now())
        size = queries.log_size()
        witnesses = queries.witnesses()
    except DatabaseError as error:
        body = {"database": "down", "cause": type(error).__name__}
        return JsonResponse(body, status=503)
    told: dict[str, object] = {
        "database": "ok",
        "log_size": size,
        "waiting": waiting,
        "oldest_waiting_s": oldest_s,
        "witness_disputes": [one.id for one in witnesses if one.is_dispute],
    }
    if holders := [one.id for one in witnesses if one.evidence]:
        refusal = AnotherHistory(holders)
        told |= {"sequencing": "refused", "refusal": refusal.as_dict()}
        return JsonResponse(told, status=refusal.status)
    return JsonResponse(told | {"sequencing": "ok"})


def _found(item: str) -> Entry:
    """raises MessageUnknown"""
    found = log.find(item)
    if found is None:
        raise MessageUnknown(f"No message {item} is in the log.", id=item)
    return found


def _field(name: str, value: object) -> Field:
    """The end of a field's name says what it is; a time or an amount of 0 needs no words."""
    number = int(str(value)) if str(value).isdecimal() else 0
    at_ms, amount_nano = (number if name.endswith(end) else 0 for end in ("_ms", "_nano"))
    return Field(name, _shown(value), at_ms, amount_nano)


def _shown(value: object) -> str:
    """A field of a message as JSON, a part on each line when it is long; a text without quotes."""
    if isinstance(value, str):
        return value
    line = json.dumps(value, ensure_ascii=False)
    return line if len(line) <= LINE else json.dumps(value, ensure_ascii=False, indent=1)


def _place_of(request: HttpRequest, level: str, place: str) -> tuple[int, int]:
    """(index, width) of a tile's address, which must be the one spelling of them."""
    path, _, part = place.partition(".p/")
    digits = "".join(step.removeprefix("x") for step in path.split("/"))
    is_plain = all(one.isascii() and one.isdigit() for one in (digits, part or "1"))
    is_level = level == "entries" or (len(level) == 1 and level in "01234567")
    if is_plain and is_level and len(digits) <= 15 and len(part) <= 3:
        index, width = int(digits), int(part or merkle.TILE)
        if merkle.tile_path(level, index, width) == f"tile/{level}/{place}" and 0 < width <= 256:
            return index, width
    raise NotFound("This is not the address of a tile.", path=request.path)


def _with_signers(lines: list[LogLine]) -> list[LogLine]:
    """The lines with the account of each signing key; one look-up for all."""
    accounts = queries.accounts_of_keys({line.entry.signer for line in lines})
    return [
        line._replace(
            signer=line.entry.speaker or accounts.get(line.entry.signer, line.entry.signer[:16])
        )
        for line in lines
    ]


def _play_money_nano(request: HttpRequest, name: str) -> int:
    """What the visitor may still draw here: something only on the own account."""
    if request.user.get_username() != name:
        return 0
    return actions.play_money_nano(name)


def _oldest_waiting_s(now: datetime) -> int:
    """How long the oldest message without a place waits, by the time it carries; 0 when none."""
    waiting = Message.objects.filter(log_index=None).order_by("id").values_list("raw", flat=True)
    entries = (read_entry(bytes(raw)) for raw in waiting[:20])
    times_ms = [entry.body.at_ms for entry in entries if hasattr(entry.body, "at_ms")]
    return max((actions.ms(now) - min(times_ms)) // 1000, 0) if times_ms else 0


def _text(text: str, caching: str) -> HttpResponse:
    headers = {"Cache-Control": caching}
    return HttpResponse(text, content_type="text/plain; charset=utf-8", headers=headers)


def _bytes(raw: bytes) -> HttpResponse:
    headers = {"Cache-Control": FOREVER}
    return HttpResponse(raw, content_type="application/octet-stream", headers=headers)


def record_context(request: HttpRequest) -> dict[str, object]:
    """What every page shows of the record: the reader's balance, the log's size and root."""
    checkpoint = queries.latest_checkpoint()
    user = getattr(request, "user", None)  # an early refusal comes before the sign-in is known
    name = user.get_username() if user is not None and user.is_authenticated else ""
    return {
        "account_balance_nano": queries.balances_nano([name]).get(name) if name else None,
        "log_size": checkpoint.size if checkpoint else 0,
        "log_root": checkpoint.root if checkpoint else "",
    }
