"""Reading what proves grants offline: the keys that signed them, and the list of revoked ones."""

from datetime import datetime

from django.conf import settings
from django.db.models import Q

from assay.keys import public_hex
from ledger import log
from ledger import queries as record
from ledger.rules.accounts import Role
from licensing.models import Revocation
from licensing.rules import revoked
from licensing.rules.keyset import KnownKey, jwks


def key_set() -> dict[str, object]:
    """Every key that ever signed grants here, the oldest first."""
    known = [KnownKey(*one[1:]) for one in log.house_keys() if one.role == Role.OPERATOR]
    return jwks(known or [KnownKey(public_hex(log.signing_key(Role.OPERATOR)))])


def revoked_note(*, now: datetime) -> str:
    """The licences that were revoked by now and would last, up to the size that the log has."""
    size, at_ms = record.log_size(), int(now.timestamp() * 1000)
    lasting = Revocation.objects.filter(Q(until_ms=0) | Q(until_ms__gt=at_ms))
    found = dict(lasting.values_list("message", "pk"))
    placed = record.placed_before(size, found)
    grants = frozenset(found[message] for message in placed)
    made = revoked.Revoked(settings.LOG_ORIGIN, size, at_ms // 1000, grants)
    return revoked.sign(made, log.log_key_at(size))
