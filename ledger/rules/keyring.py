"""The fold of the keys: people's keys are added, replaced and revoked, the house's are rotated."""

import re
from collections.abc import Callable
from types import MappingProxyType

from assay.succession import is_signed, rotation_words
from assay.wire import changed
from ledger.errors import KeyTaken, KeyUnknown, LastKey
from ledger.rules.accounts import OPERATOR, Key, Role
from ledger.rules.checks import need_order, refused
from ledger.rules.entry import Entry
from ledger.rules.rows import Rows
from ledger.rules.speakers import actor_of

HOUSE = (Role.OPERATOR, Role.EVALUATOR, Role.LOG)
SHA256 = re.compile(r"[0-9a-f]{64}")


def house_key(rows: Rows, role: str) -> Key | None:
    """The key that signs for the house in a role now; None while the log does not know it."""
    mine = rows.find(Key, account=OPERATOR)
    return next((one for one in mine if one.role == role and not one.revoked_by), None)


# --- orders -----------------------------------------------------------------------------------


def _key_add(entry: Entry, rows: Rows) -> None:
    _need_new(entry, entry.body.public, rows)


def _key_revoke(entry: Entry, rows: Rows) -> None:
    """The last key stays: nobody could speak for the account. The operator still speaks for it."""
    mine = _signing(entry.actor, rows)
    key = _need_own(entry, entry.body.public, mine)
    if len(mine) == 1 and not entry.speaker:
        raise LastKey(f"{key.id[:16]}... is the only key of {key.account}.", key=key.id)


def _key_rotate(entry: Entry, rows: Rows) -> None:
    _need_new(entry, entry.body.public, rows)
    _need_own(entry, entry.body.instead_of, _signing(entry.actor, rows))


def _need_new(entry: Entry, public: str, rows: Rows) -> None:
    if not SHA256.fullmatch(public):
        raise refused(entry, "it names no key")
    if known := rows.get(Key, public):
        state = "was revoked, and comes back to no account" if known.revoked_by else "signs already"
        told = {"key": public, "account": known.account}
        raise KeyTaken(f"This key of {known.account} {state}.", **told)


def _need_own(entry: Entry, public: str, mine: list[Key]) -> Key:
    found = next((one for one in mine if one.id == public), None)
    if found is None:
        text = f"No key {public[:16]}... signs for {entry.actor}."
        raise KeyUnknown(text, key=public, account=entry.actor)
    return found


def _signing(account: str, rows: Rows) -> list[Key]:
    return [one for one in rows.find(Key, account=account) if not one.revoked_by]


# --- facts ------------------------------------------------------------------------------------


def _key_added(entry: Entry, rows: Rows) -> None:
    body = entry.body
    if rows.get(Key, body.public) is not None:
        raise refused(entry, "the key is known already")
    role = Role(body.role)
    if role == Role.PERSON:
        _need_wish(entry, rows)
    elif role == Role.LOG or house_key(rows, role):
        raise refused(entry, "the house has such a key; another one takes its place by a rotation")
    rows.put(Key(body.public, body.account, role.value, body.at_ms, entry.id))


def _need_wish(entry: Entry, rows: Rows) -> None:
    """A person's key comes with the account that it opens, or by an order of the account."""
    body, order = entry.body, entry.order
    if order is not None and order.kind in ("key.add", "key.rotate"):
        if (order.body.public, actor_of(order, rows)) != (body.public, body.account):
            raise refused(entry, "the order names another key or account")
        return
    order = need_order(entry, "account.open")
    if order.signer != body.public or order.body.account != body.account:
        raise refused(entry, "the order was signed by another key")


def _key_revoked(entry: Entry, rows: Rows) -> None:
    """As the order wished; of a key that is replaced, once the new one is there."""
    body, order = entry.body, need_order(entry, "key.revoke", "key.rotate")
    is_replaced = order.kind == "key.rotate"
    public = order.body.instead_of if is_replaced else order.body.public
    if (body.public, body.account) != (public, actor_of(order, rows)):
        raise refused(entry, "the order names another key or account")
    mine = _signing(body.account, rows)
    key = _need_own(changed(entry, actor=body.account), public, mine)
    others = {one.id for one in mine} - {public}
    if is_replaced and order.body.public not in others:
        raise refused(entry, "the key that takes its place is not there")
    if not others and not order.speaker:
        raise LastKey(f"{key.id[:16]}... is the only key of {key.account}.", key=key.id)
    rows.put(changed(key, revoked_by=entry.id))


def _house_key_rotated(entry: Entry, rows: Rows) -> None:
    """Signed by the old key and by the new one; only an evaluator's old key may be lost.

    The first time that the log's own key changes, the log learns the old one here: whoever followed
    the checkpoints knows it (assay/succession.py).
    """
    body = entry.body
    if body.role not in HOUSE:
        raise refused(entry, "the house has no such key")
    now = house_key(rows, body.role)
    if body.old != (now.id if now else body.old) or (now is None and body.role != Role.LOG):
        raise refused(entry, "the old key is not the one that signs")
    if not SHA256.fullmatch(body.new) or rows.get(Key, body.new) or body.new == body.old:
        raise refused(entry, "the new key is known already, or is none")
    words = rotation_words(body.role, body.old, body.new)
    is_lost = body.role == Role.EVALUATOR and not body.old_signs
    if not (is_lost or is_signed(body.old, body.old_signs, words)):
        raise refused(entry, "the old key did not sign it")
    if not is_signed(body.new, body.new_signs, words):
        raise refused(entry, "the new key did not sign it")
    old = now or Key(body.old, OPERATOR, body.role, body.at_ms, entry.id)
    if now is None and rows.get(Key, body.old):
        raise refused(entry, "the old key is another's")
    rows.put(changed(old, revoked_by=entry.id))
    rows.put(Key(body.new, OPERATOR, body.role, body.at_ms, entry.id))


RULES: MappingProxyType[str, Callable[[Entry, Rows], None]] = MappingProxyType(
    {
        "key.add": _key_add,
        "key.revoke": _key_revoke,
        "key.rotate": _key_rotate,
        "key.added": _key_added,
        "key.revoked": _key_revoked,
        "house.key_rotated": _house_key_rotated,
    }
)
ENDING = frozenset({"key.revoked", "house.key_rotated"})  # facts after which a key signs nothing
