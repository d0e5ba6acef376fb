"""What the record asks of the hands: checkpoints to witnesses, money to and from outside, files."""

from datetime import datetime

import httpx
from celery import shared_task
from django.conf import settings
from django.utils import timezone

from assay import notes
from assay.witness import PATH, write_request
from competitions import queries as contests
from ledger import actions, log, queries
from ledger.sequencer import proofs

TIME_LIMIT_S = 10.0
MOST_ANSWER_BYTES = 64 << 10
MOST_AT_ONCE = 100


@shared_task
def ask_witnesses() -> None:
    """Bring the newest checkpoint to every witness that has not cosigned it."""
    with httpx.Client(timeout=TIME_LIMIT_S) as http:
        for vkey, url in settings.WITNESSES:
            ask(vkey, url, http, now=timezone.now())


@shared_task
def sweep_files() -> int:
    """Delete files that neither a message nor a draft names a day after they were stored.

    Uploads that nobody went on with for a day are forgotten first. Last come bytes that no row
    knows, in the share of the store whose turn it is.
    """
    now, kept = timezone.now(), contests.files_in_use()
    actions.sweep_uploads(now=now)
    actions.sweep_parts(now=now)
    gone = actions.sweep_blobs(now=now, kept=kept)
    return gone + actions.sweep_strays(now=now, kept=kept).gone


@shared_task
def cross_bridge() -> None:
    """Bring in what came from outside, and pay out what is held for it.

    May be cut off between any two steps: a deposit is minted once, a payment is made once.
    """
    way = actions.bridge()
    for deposit in way.deposits():
        if message := actions.mint_deposit(deposit, now=timezone.now()):
            way.minted(deposit, message)
    for withdrawal in queries.withdrawals_waiting(MOST_AT_ONCE):
        order = log.find(withdrawal)
        assert order is not None, "what is held names its order"
        payment = way.pay(order.body.to, order.body.amount_nano, once=withdrawal)
        actions.settle_withdrawal(withdrawal, payment, now=timezone.now())


def ask(vkey: str, url: str, http: httpx.Client, *, now: datetime) -> None:
    """Ask one witness; what it answers is noted, and a dispute stays noted until it is settled."""
    name = notes.read_verifier_key(vkey)[0]
    newest = queries.latest_checkpoint()
    old = queries.cosigned_size(name)
    if newest is None or newest.size == old:
        return
    try:
        answer = _post(http, url, (old, newest.size), newest.note)
        told = _told_size(answer)
        if told is not None and told <= newest.size:
            answer = _post(http, url, (told, newest.size), newest.note)
    except httpx.HTTPError as error:
        words = f"It does not answer: {error or type(error).__name__}."
        actions.record_answer(witness=name, size=old, problem=words, now=now)
        return
    if answer.status_code == httpx.codes.OK:
        _keep(vkey, (newest.size, newest.note), answer.text, now=now)
    else:
        _note_refusal(name, answer, now=now)


def _post(http: httpx.Client, url: str, sizes: tuple[int, int], note: str) -> httpx.Response:
    """Ask for a cosignature of this note; sizes: cosigned last, and of the note."""
    proof = proofs.consistency(*sizes)
    return http.post(url + PATH, content=write_request(sizes[0], proof, note))


def _told_size(answer: httpx.Response) -> int | None:
    """The size that a witness says it cosigned last."""
    text = answer.text.strip()
    is_size = answer.status_code == httpx.codes.CONFLICT and text.isascii() and text.isdigit()
    return int(text) if is_size and len(text) < 20 else None


def _keep(vkey: str, signed: tuple[int, str], text: str, *, now: datetime) -> None:
    """Keep the witness's line under our checkpoint (size, note), once it verifies."""
    name, (size, note) = notes.read_verifier_key(vkey)[0], signed
    try:
        line = notes.cosignature_in(text[:MOST_ANSWER_BYTES], note, vkey)
    except notes.NoteInvalid as error:
        words = f"Its cosignature does not verify: {error.facts['reason']}."
        actions.record_answer(witness=name, size=0, problem=words, now=now)
        return
    actions.record_cosignature(witness=name, size=size, line=line, now=now)


def _note_refusal(name: str, answer: httpx.Response, *, now: datetime) -> None:
    """A witness that knows more entries than we have, or others, has seen another history."""
    told, ours = _told_size(answer), queries.log_size()
    if told is not None and told > ours:
        words = f"It cosigned {told} entries under our name, and this log has {ours}."
    elif answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY:
        words = "It cosigned other entries under our name: this log does not extend them."
    else:
        words = f"It answers with HTTP {answer.status_code}."
    is_dispute = words.startswith("It cosigned")
    size = queries.cosigned_size(name)
    actions.record_answer(witness=name, size=size, problem=words, is_dispute=is_dispute, now=now)
