"""Naming a hash is a right: the name of bytes that one never sent tells nothing, gets nothing."""

from dataclasses import replace
from hashlib import sha256

import pytest
from django.utils import timezone

from assay import messages
from assay.canonical import canonical
from competitions.actions import drafts
from competitions.models import Evaluation, Opening
from evaluator.bases import MINILM, base_id
from evaluator.bases.catalogue import plain
from ledger.models import Blob, Message
from licensing.rules.terms import OUR_LICENCE
from tests import factories
from tests.hostile.orders import Stranger, fold_anew

pytestmark = pytest.mark.django_db
NOWHERE = "0d" * 32


@pytest.fixture
def contest(monkeypatch):
    """An open competition, at a moment in which it is open."""
    found = factories.competition()
    monkeypatch.setattr(timezone, "now", lambda: factories.at(30))
    return found


@pytest.fixture
def eve(client, contest):
    return Stranger(client)


def entering(commitment):
    return messages.SubmissionCommit("docs", commitment, "Mine", factories.REQUIRED, ())


def registering(work, kind="data"):
    tags = (("License", OUR_LICENCE),)
    return messages.WorkRegister(f"{kind}:{work}", kind, "Mine", tags, (messages.Share("eve", 1),))


def answer_to(stranger, body, words="one"):
    """What an order is told, without the name that it is about."""
    return said_by(stranger.send(body, words))


def said_by(answer):
    told = answer.json()
    for name in [told["facts"].get("sha256", "")]:
        told = {key: str(value).replace(name[:16], "") for key, value in told.items()}
    return answer.status_code, told["code"], told["message"]


def test_anothers_private_files_cannot_be_entered(eve):
    """They were entered in a contest of the thief's own, and published and licensed there."""
    theirs = [factories.blob(f"{part} of bob", owner="bob").sha256 for part in ("c", "t")]
    before = Message.objects.count()
    told = said_by(eve.hand_in(*theirs))
    assert told[:2] == (404, "blob.unknown")
    assert told == said_by(eve.hand_in(NOWHERE, NOWHERE))
    assert not Opening.objects.exists()
    unopened = answer_to(eve, entering("c" * 64))
    assert unopened[:2] == (409, "submission.opening_missing")
    assert (Message.objects.count(), Evaluation.objects.count()) == (before, 0)
    fold_anew()


def test_whoever_sends_the_same_bytes_may_name_them_too(eve):
    raws = [f"{part} of bob".encode() for part in ("c", "t")]
    names = [factories.blob(raw, owner="bob").sha256 for raw in raws]
    for raw, name in zip(raws, names, strict=True):
        assert eve.client.head(f"/api/blobs/{name}", headers=eve.headers).status_code == 404
        assert eve.upload(raw, name).status_code == 200
        assert eve.client.head(f"/api/blobs/{name}", headers=eve.headers).status_code == 200
    commitment = eve.hand_in(*names).json()["commitment"]
    assert eve.send(entering(commitment)).status_code == 200
    assert {one.owner for one in Blob.objects.filter(pk__in=names)} == {"bob"}
    fold_anew()


def test_a_file_that_is_going_or_withdrawn_cannot_be_named(eve):
    names = []
    for part in ("c", "t"):
        raw = f"{part} of eve".encode()
        names.append(sha256(raw).hexdigest())
        eve.upload(raw, names[-1])
    Blob.objects.filter(pk=names[0]).update(is_going=True)
    assert said_by(eve.hand_in(*names))[1] == "blob.unknown"
    Blob.objects.filter(pk=names[0]).update(is_going=False, withdrawn="x" * 43)
    assert said_by(eve.hand_in(*names))[1] == "blob.unknown"


def test_anothers_data_cannot_be_registered_as_ones_own(eve):
    """Whoever registers a work is paid for it: not even a public file of others may be claimed."""
    private = factories.blob("rows of bob", owner="bob").sha256
    public = factories.blob("published rows of bob", owner="bob", is_public=True).sha256
    for number, name in enumerate((private, public, NOWHERE)):
        assert answer_to(eve, registering(name), f"{number}")[:2] == (404, "blob.unknown")
    assert Message.objects.filter(kind="work.register", signer=eve.key_name).count() == 0


def test_what_one_has_sent_can_be_registered(eve):
    raw = b"rows of eve"
    name = sha256(raw).hexdigest()
    eve.upload(raw, name)
    assert eve.send(registering(name)).status_code == 200
    fold_anew()


@pytest.mark.parametrize("kind", ["base", "data"])
def test_a_base_is_not_registered_by_whoever_makes_the_bytes_of_its_id(eve, kind):
    base = replace(MINILM, name="another-base", shape=replace(MINILM.shape, layers=1))
    for one in (MINILM,) if kind == "data" else (MINILM, base):
        parts = {name: vars(pin) for name, pin in one.files.items()}
        raw = canonical({"family": one.family, "shape": plain(one.shape), "files": parts})
        assert sha256(raw).hexdigest() == base_id(one)
        eve.upload(raw, base_id(one))
        answer = answer_to(eve, registering(base_id(one), kind), one.name)
        assert answer[:2] == (422, "log.message_refused")


def test_a_full_account_learns_nothing_of_the_files_of_others(eve, settings):
    """What is there already cost no quota, and so told that it is there."""
    settings.BLOB_QUOTA_BYTES = 10
    raw = b"longer than the quota"
    name = factories.blob(raw, owner="operator").sha256
    told = eve.upload(raw, name).json()
    other = b"another of the same size"[: len(raw)]
    assert told["code"] == eve.upload(other, sha256(other).hexdigest()).json()["code"]


def test_a_prepared_draft_is_nobody_elses_to_read(client):
    """A dry run alone made the manifest and the files public."""
    draft = factories.draft()
    drafts.request_preparation(draft.id, sponsor="sponsor", now=factories.NOW)
    fence = drafts.lease_preparation(draft=draft.id, now=factories.NOW)
    body, files = factories.evaluator("docs")
    sealed = factories.sealed_files("docs")
    Blob.objects.update(is_public=False)
    base = drafts.BaseOnBoard(factories.base_salt("docs"), factories.result(10))
    made = drafts.Preparation(body, files, "5a" * 32, sealed, "7e" * 32, base)
    drafts.record_preparation(draft=draft.id, fence=fence, made=made, now=factories.NOW)
    assert not Blob.objects.filter(is_public=True).exists()
    assert client.get(f"/api/blobs/{body.manifest_sha256}").status_code == 404
