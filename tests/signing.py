"""Messages as the tests sign them: orders for the log of this site, unless another one is named."""

from django.conf import settings

from assay import messages, signing
from audit.history import History
from ledger.rules import entry, envelope


def origin_of(kind):
    """What a message of this kind names: the log, when it is an order."""
    is_order = messages.KINDS[kind].signer == "person"
    return settings.LOG_ORIGIN if is_order else ""


def sign_order(body, key, *, idempotency, origin=None):
    named = settings.LOG_ORIGIN if origin is None else origin
    return signing.sign_order(body, key, origin=named, idempotency=idempotency)


def make_item(body, key, **told):
    named = origin_of(messages.KIND_OF[type(body)])
    return entry.make_item(body, key, **{"origin": named, **told})


def tags_of(kind, **told):
    return envelope.tags_of(kind, **{"origin": origin_of(kind), **told})


def history():
    """A fold of this site's log that has read nothing yet."""
    return History(settings.LOG_ORIGIN)
