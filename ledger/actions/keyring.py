"""Keys come and go: a person's are added, replaced and revoked, the house's are rotated."""

from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import transaction

from assay import messages
from assay.keys import public_hex
from assay.succession import rotation_words
from ledger import log, queries
from ledger.actions.moment import ms, only_one_at_a_time
from ledger.errors import LastKey, SignerRefused
from ledger.models import Key
from ledger.rules.accounts import Role
from ledger.rules.entry import Entry
from web import auth


@transaction.atomic
def add_key(order: Entry, *, now: datetime) -> str:
    """Let the key of a `key.add` order sign for the account; the same order, the same key.

    returns  the key
    raises   KeyTaken, MessageRefused
    """
    only_one_at_a_time("accounts")
    public = str(order.body.public)
    if log.find(order.id):
        return public
    added = messages.KeyAdded(public, order.actor, "person", ms(now))
    log.record([order, log.fact(added, answers=order)])
    return public


def add_key_for(account: str, public: str, *, now: datetime) -> str:
    """Let a key sign for a web user's account, in the operator's words.

    returns  the id of the order;  raises as add_key
    """
    words = f"key.add/{public}"
    order = log.order_for(account, messages.KeyAdd(public), idempotency=words)
    add_key(order, now=now)
    return order.id


def revoke_key(order: Entry, *, now: datetime, keeps_session: str = "") -> str:
    """End the key that a `key.revoke` order names, and whatever was signed in by any key.

    The same order, the same answer, and nobody is signed out by it again: the log is public.
    keeps_session  the browser session that stays
    returns        the key
    raises         KeyUnknown, LastKey
    """
    public = str(order.body.public)
    if _end(order, messages.KeyRevoked(public, order.actor, ms(now))):
        auth.sign_out_everywhere(order.actor, keeps_session=keeps_session)
    return public


def revoke_key_for(account: str, public: str, *, now: datetime, keeps_session: str = "") -> str:
    """End a key of a web user's account, in the operator's words.

    The last one stays where no password leads into the account.
    returns  the id of the order;  raises KeyUnknown, LastKey
    """
    if queries.keys_of(account) == [public] and not auth.has_password(account):
        raise LastKey(f"{public[:16]}... is the only way into {account}.", key=public)
    words = f"key.revoke/{public}"
    order = log.order_for(account, messages.KeyRevoke(public), idempotency=words)
    revoke_key(order, now=now, keeps_session=keeps_session)
    return order.id


def replace_key(order: Entry, *, now: datetime) -> str:
    """Put the new key of a `key.rotate` order in the place of the old one.

    The same order, the same answer. returns the new key; raises KeyTaken, KeyUnknown
    """
    new, old, at_ms = str(order.body.public), str(order.body.instead_of), ms(now)
    added = messages.KeyAdded(new, order.actor, "person", at_ms)
    if _end(order, added, messages.KeyRevoked(old, order.actor, at_ms)):
        auth.sign_out_everywhere(order.actor)
    return new


@transaction.atomic
def _end(order: Entry, *bodies: object) -> bool:
    """Record what an order that ends a key comes to. False: it was recorded before.

    While the table of messages is held, tokens end, and no more: sessions may be many.
    """
    log.keep_appends_out()
    if log.is_recorded(order.id):
        return False
    log.record([order, *(log.fact(one, answers=order) for one in bodies)])
    auth.revoke_all(order.actor)
    return True


@transaction.atomic
def rotate_house_key(
    role: Role, old: Ed25519PrivateKey | None, new: Ed25519PrivateKey, *, now: datetime
) -> str:
    """Write into the log that another key signs for the house from here on.

    old      None: lost, which only the evaluator's may be; the operator's word is enough then
    returns  the message; the same keys again, the same one
    raises   MessageRefused, SignerRefused
    """
    log.keep_appends_out()
    public = public_hex(new)
    if made := Key.objects.filter(pk=public, role=role.value).first():
        return made.message
    before = public_hex(old) if old else _signing(role)
    words = rotation_words(role.value, before, public)
    body = messages.HouseKeyRotated(
        role.value,
        before,
        public,
        old_signs=old.sign(words).hex() if old else "",
        new_signs=new.sign(words).hex(),
        at_ms=ms(now),
    )
    fact = log.fact(body, idempotency=public)
    log.record([fact])
    return fact.id


def _signing(role: Role) -> str:
    """raises SignerRefused"""
    found = Key.objects.filter(role=role.value, revoked_by="").first()
    if found is None:
        raise SignerRefused(f"The log knows no key of the {role}.", key="", kind="")
    return found.pk
