"""What the record asks of the hands: checkpoints to witnesses, money to and from outside, files."""

import logging
from datetime import datetime
from typing import NamedTuple, Protocol

import httpx2
from celery import shared_task
from django.conf import settings
from django.utils import timezone

from assay import notes
from assay.answers import AnswerEndless, body_of
from assay.witness import FOLLOW_PATH, PATH, checkpoint_path, write_follow, write_request
from competitions import queries as contests
from competitions.actions.opening import sweep_openings
from ledger import actions, log, queries
from ledger.sequencer import proofs
from web import auth, budgets
from workers.doorbell import Bell

TIME_LIMIT_S = 10.0
MOST_ANSWER_BYTES = 64 << 10
MOST_AT_ONCE = 100
ASK_AGAIN_S = 60

_LOG = logging.getLogger(__name__)


class _Answer(NamedTuple):
    """What a witness answered, as far as we care to read."""

    status: int
    text: str


class _Checkpoint(Protocol):
    """What is brought to a witness."""

    size: int
    note: str


@shared_task(base=Bell)
def ask_witnesses(again_s: int = ASK_AGAIN_S) -> None:
    """Bring the newest checkpoint to every witness that has not cosigned it.

    again_s  one that has cosigned it, as far as we know, is asked again after so long: a database
             from a backup does not know what was cosigned since
    """
    with httpx2.Client(timeout=TIME_LIMIT_S) as http:
        for vkey, url in settings.WITNESSES:
            ask(vkey, url, http, now=timezone.now(), again_s=again_s)


@shared_task(base=Bell)
def sweep_files() -> int:
    """Delete files that neither a message nor a draft names a day after they were stored.

    Uploads that nobody went on with for a day are forgotten first. Last come bytes that no row
    knows, in the share of the store whose turn it is. What budgets and sessions are over goes too.
    """
    budgets.forget()
    auth.forget_sessions()
    now = timezone.now()
    sweep_openings(now=now)
    kept = contests.files_in_use()
    actions.sweep_uploads(now=now)
    actions.sweep_parts(now=now)
    gone = actions.sweep_blobs(now=now, kept=kept)
    return gone + actions.sweep_strays(now=now, kept=kept).gone


@shared_task(base=Bell)
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


def ask(
    vkey: str, url: str, http: httpx2.Client, *, now: datetime, again_s: int = ASK_AGAIN_S
) -> None:
    """Ask one witness; what it answers is noted, and a dispute stays noted until it is settled.

    A refusal stops the log only on proof: when the witness shows a checkpoint of another history
    that our own key signed. An answer by itself could come from whoever answers in its place.
    """
    name = notes.read_verifier_key(vkey)[0]
    newest, known = queries.latest_checkpoint(), queries.witness(name)
    old, is_recent = known.size, 0 <= actions.ms(now) - known.at_ms < again_s * 1000
    if newest is None or (newest.size == old and is_recent):
        return
    try:
        answer = _offer(http, url, old, newest)
        if answer.status == httpx2.codes.FORBIDDEN:  # it may know the log by an earlier key
            answer = _offer(http, url, _lead(vkey, url, http, old, now=now), newest)
    except (httpx2.HTTPError, AnswerEndless) as error:
        words = f"It does not answer: {str(error).rstrip('.') or type(error).__name__}."
        actions.record_answer(witness=name, size=old, problem=words, now=now)
        return
    if answer.status == httpx2.codes.OK:
        _keep(vkey, (newest.size, newest.note), answer.text, now=now)
    elif not _has_proof(vkey, url, http, answer, now=now):
        _note_refusal(name, answer, now=now)


def _offer(http: httpx2.Client, url: str, old: int, checkpoint: _Checkpoint) -> _Answer:
    """Ask for a cosignature; once more when the witness says that it cosigned another size."""
    answer = _post(http, url, (old, checkpoint.size), checkpoint.note)
    told = _told_size(answer)
    if told is not None and told <= checkpoint.size:
        answer = _post(http, url, (told, checkpoint.size), checkpoint.note)
    return answer


def _lead(vkey: str, url: str, http: httpx2.Client, old: int, *, now: datetime) -> int:
    """Lead a witness over the changes of the log's key, one after the other (assay/succession.py).

    Each: the checkpoint that ends with the announcement, by the old key; then the announcement.
    returns  the size that it cosigned last
    """
    for size in log.handovers():
        checkpoint = queries.checkpoint_at(size)
        if checkpoint is None or old > size:
            continue
        answer = _offer(http, url, old, checkpoint)
        if answer.status != httpx2.codes.OK:
            continue
        _keep(vkey, (size, checkpoint.note), answer.text, now=now)
        old, (entry,) = size, queries.entries(size - 1, size)
        proof = notes.write_proof(size - 1, proofs.inclusion(size - 1, size), checkpoint.note)
        _exchange(http, "POST", url + FOLLOW_PATH, write_follow(entry, proof))
    return old


def _has_proof(vkey: str, url: str, http: httpx2.Client, answer: _Answer, *, now: datetime) -> bool:
    """Whether the witness that refuses shows a checkpoint of another history under our key."""
    if answer.status not in {httpx2.codes.CONFLICT, httpx2.codes.UNPROCESSABLE_CONTENT}:
        return False
    found = actions.record_evidence(vkey=vkey, note=_shown_note(url, http), now=now)
    if found == actions.Evidence.NEW:
        name = notes.read_verifier_key(vkey)[0]
        _LOG.error("log.another_history: %s: %s", name, queries.witness(name).problem)
    return found is not None


def _shown_note(url: str, http: httpx2.Client) -> str:
    """The checkpoint that a witness cosigned last, as it shows it; empty when it shows none."""
    try:
        answer = _exchange(http, "GET", url + checkpoint_path(settings.LOG_ORIGIN))
    except (httpx2.HTTPError, AnswerEndless):
        return ""
    return answer.text if answer.status == httpx2.codes.OK else ""


def _post(http: httpx2.Client, url: str, sizes: tuple[int, int], note: str) -> _Answer:
    """Ask for a cosignature of this note; sizes: cosigned last, and of the note."""
    proof = proofs.consistency(*sizes)
    return _exchange(http, "POST", url + PATH, write_request(sizes[0], proof, note))


def _exchange(http: httpx2.Client, method: str, url: str, content: bytes = b"") -> _Answer:
    """raises httpx2.HTTPError, AnswerEndless"""
    with http.stream(method, url, content=content) as answer:
        raw = body_of(answer, most_bytes=MOST_ANSWER_BYTES, within_s=TIME_LIMIT_S)
    return _Answer(answer.status_code, raw.decode(errors="replace"))


def _told_size(answer: _Answer) -> int | None:
    """The size that a witness says it cosigned last."""
    text = answer.text.strip()
    is_size = answer.status == httpx2.codes.CONFLICT and text.isascii() and text.isdigit()
    return int(text) if is_size and len(text) < 20 else None


def _keep(vkey: str, signed: tuple[int, str], text: str, *, now: datetime) -> None:
    """Keep the witness's line under our checkpoint (size, note), once it verifies."""
    name, (size, note) = notes.read_verifier_key(vkey)[0], signed
    try:
        line = notes.cosignature_in(text, note, vkey)
    except notes.NoteInvalid as error:
        words = f"Its cosignature does not verify: {error.facts['reason']}."
        actions.record_answer(witness=name, size=0, problem=words, now=now)
        return
    actions.record_cosignature(witness=name, size=size, line=line, now=now)


def _note_refusal(name: str, answer: _Answer, *, now: datetime) -> None:
    """A witness that knows more entries than we have, or others, has seen another history."""
    told, ours = _told_size(answer), queries.log_size()
    if told is not None and told > ours:
        words = f"It cosigned {told} entries under our name, and this log has {ours}."
    elif answer.status == httpx2.codes.UNPROCESSABLE_CONTENT:
        words = "It cosigned other entries under our name: this log does not extend them."
    else:
        words = f"It answers with HTTP {answer.status}."
    is_dispute = words.startswith("It cosigned")
    size = queries.witness(name).size
    actions.record_answer(witness=name, size=size, problem=words, is_dispute=is_dispute, now=now)
