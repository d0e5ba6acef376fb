"""Whether a receipt that a page or the API names proves what it says."""

from django.conf import settings as house
from django.utils import timezone

from assay import merkle, notes
from ledger import log, sequencer
from ledger.models import Message


def assert_resolves(client, address, kind):
    """The receipt is of a message of this kind, and proves it as soon as a checkpoint covers it."""
    raw = bytes(Message.objects.get(item=address.rpartition("/")[2], kind=kind).raw)
    while sequencer.sequence(holder="t", now=timezone.now()):
        pass
    public = log.signing_key("log").public_key().public_bytes_raw()
    key = notes.verifier_key(house.LOG_ORIGIN, notes.LOG_KEY, public)
    assert notes.check_proof(client.get(address).text, key, merkle.leaf_hash(raw)) >= 0
