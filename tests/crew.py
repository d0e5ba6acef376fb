"""Two workers of the tests, with keys of their own: a final score needs both."""

from dataclasses import replace
from hashlib import sha256
from itertools import count

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.utils import timezone

from assay import keys, messages
from assay.messages import Attested
from assay.runs import run_words, worker_words
from assay.wire import changed
from competitions import queries
from competitions.actions import crew, queue, score
from workers import identity, tasks

SEEDS = [sha256(f"worker {number}".encode()).digest() for number in range(3)]
KEYS = tuple(Ed25519PrivateKey.from_private_bytes(seed) for seed in SEEDS)
NAMES = tuple(keys.public_hex(key) for key in KEYS)
LEVEL = "full"


def registration(number, at_ms):
    """The fact that lets one of them sign."""
    told = (f"worker-{number}", NAMES[number], "cpu", LEVEL)
    signature = KEYS[number].sign(worker_words(*told)).hex()
    return messages.WorkerRegistered(NAMES[number], told[0], "cpu", LEVEL, signature, at_ms)


def register(now):
    """Both, and a third for what they differ in."""
    for number in range(len(KEYS)):
        body = registration(number, 0)
        one = crew.Applicant(body.key, body.name, body.device, LEVEL, body.signature)
        crew.register(one, now=now)


def signature(number, about, made_of, result):
    """Of one of them, on a run. about: competition and entry; made_of: manifest and adapter"""
    return KEYS[number].sign(run_words(*about, made_of, result)).hex()


def attested(competition, submission, manifest_sha256, adapter_sha256, result):
    """What makes a final result count."""
    about, made_of = (competition, submission), (manifest_sha256, adapter_sha256)
    return tuple(
        Attested(NAMES[number], signature(number, about, made_of, result)) for number in range(2)
    )


def with_both(body, competition=""):
    """A fact of a final score, signed by both."""
    adapter = getattr(body, "adapter_sha256", "")
    contest = competition or body.competition
    entry = getattr(body, "submission", "")
    signed = attested(contest, entry, body.manifest_sha256, adapter, body.result)
    return changed(body, attested=signed)


def finish(work, measured, *, taken, now):
    """A run on the final slice by the worker of its number, from the lease to the score."""
    register(taken)
    fence = queue.lease(evaluation=work.pk, worker=NAMES[work.number], now=taken)
    signed = sealed(work, measured)
    score.record_score(evaluation=work.pk, fence=fence, measured=signed, now=now)


def sealed(work, measured, number=None):
    """What a run came to, signed by its worker."""
    manifest = queries.competition_row(work.competition).spec.manifest_sha256
    who = work.number if number is None else number
    about, made_of = (work.competition, work.submission), (manifest, measured.adapter_sha256)
    return replace(measured, signature=signature(who, about, made_of, measured.result))


def take_turns(monkeypatch):
    """Let this one process be another worker each time that it looks for work."""
    now, turn = timezone.now, count()
    mine = {"number": 0}

    def levels(held):
        mine["number"] = next(turn) % 2
        register(now())
        return held

    def me():
        number = mine["number"]
        return identity.Identity(f"worker-{number}", KEYS[number], None)

    monkeypatch.setattr(identity, "levels_of_mine", levels)

    def signed(words, *, worker):
        return KEYS[NAMES.index(worker)].sign(words).hex()

    monkeypatch.setattr(identity, "me", me)
    monkeypatch.setattr(identity, "signed", signed)
    monkeypatch.setattr(tasks, "ASIDE_S", 0)
