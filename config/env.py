"""The environment, read once and typed, with every variable's meaning. A wrong value stops us."""

import ipaddress
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from assay.errors import AssayError
from assay.notes import WITNESS_KEY, NoteInvalid, read_verifier_key
from web import allowances
from web.allowances import Budget
from web.risks import RISKS

_NUMBERS = (
    "assay_faucet", "assay_tick_s", "assay_lease_s", "assay_dispute_least_s", "assay_quota_mib",
    "assay_least_final_examples", "assay_slots", "assay_expected_owners",
)  # fmt: skip
HOUSE = Path(__file__).resolve().parent.parent


class SettingInvalid(AssayError):
    """An environment variable has a value that cannot be used. Facts: name."""

    code, status = "config.setting_invalid", 500
    next_step = "Correct the variable; `python manage.py env` lists all of them."


def _says(meaning: str, default: str) -> str:
    return field(default=default, metadata={"meaning": meaning})


@dataclass(frozen=True)
class Environment:
    """Every variable the house reads; the names are the field names in capitals."""

    assay_data: str = _says("Folder of database, blobs, keys and run files.", "var/data")
    database_url: str = _says("PostgreSQL by URL; empty: SQLite in ASSAY_DATA.", "")
    celery_broker_url: str = _says("Redis or RabbitMQ by URL; empty: files in ASSAY_DATA.", "")
    storage_url: str = _says("Blobs: s3://bucket?endpoint=URL; empty: a folder in ASSAY_DATA.", "")
    secret_key: str = _says("Django's secret; empty: made once in ASSAY_DATA.", "")
    keys_folder: str = _says("Folder of the house's signing keys; empty: ASSAY_DATA/keys.", "")
    assay_bases: str = _says("Folder of registered bases; empty: ASSAY_DATA/bases.", "")
    assay_origin: str = _says("The log's name: host and path without scheme.", "assay.local/log")
    assay_hosts: str = _says("Host names the site answers to, by commas.", "127.0.0.1,localhost")
    assay_trusted_proxies: str = _says(
        "Addresses or networks of the proxies in front, by commas: only they are believed about "
        "whom a request comes from, and whether by HTTPS.",
        "",
    )
    assay_https: str = _says("1 when the site is served over HTTPS only.", "0")
    assay_accept: str = _says(
        "What is accepted although strangers reach the site, by commas: " + ", ".join(RISKS) + ".",
        "",
    )
    assay_debug: str = _says("1 for development: tracebacks in the browser.", "0")
    assay_faucet: str = _says("Play money an account may draw, in tokens; 0 closes it.", "100000")
    assay_quota_mib: str = _says("Files an account may keep in the store, in MiB.", "1024")
    assay_budgets: str = _says(
        "Budgets over the usual ones, NAME=NUMBER or NAME@address=NUMBER by commas.", ""
    )
    assay_witnesses: str = _says(
        "Witnesses that cosign checkpoints: verifier key, space, URL; several by commas.", ""
    )
    assay_tick_s: str = _says("Seconds between two ticks of the clock.", "2")
    assay_lease_s: str = _says(
        "Seconds until the work of a worker that is lost is sent again.", "300"
    )
    assay_dispute_least_s: str = _says("Shortest dispute window a sponsor may choose.", "0")
    assay_least_final_examples: str = _says(
        "Fewest rows of a final slice, which decides the prizes; fewer prove little.", "100"
    )
    assay_slots: str = _says("Scoring workers, at least 2; 0: one a core, between 2 and 4.", "0")
    assay_expected_owners: str = _says(
        "Owners that a competition is expected to have, when it is asked whether its dates can "
        "hold their runs.",
        "20",
    )


def read(source: Mapping[str, str] = os.environ) -> Environment:
    """The environment as it is.

    raises SettingInvalid for a flag or number that is none, and for a public site whose log has the
    name that every new site has: what is signed for one would be signed for all
    """
    given = {
        one.name: source[one.name.upper()]
        for one in fields(Environment)
        if one.name.upper() in source
    }
    found = Environment(**given)
    for name in ("assay_https", "assay_debug"):
        _need(name, getattr(found, name) in ("0", "1"), "0 or 1")
    for name in _NUMBERS:
        value = getattr(found, name)
        _need(name, value.isascii() and value.isdigit(), "a whole number")
    _need("assay_tick_s", int(found.assay_tick_s) > 0, "at least 1")
    is_named = found.assay_origin != Environment.assay_origin
    _need("assay_origin", is_named or found.assay_https == "0", "the site's own name with HTTPS")
    witnesses(found.assay_witnesses)
    budgets(found.assay_budgets)
    proxies(found.assay_trusted_proxies)
    accepted(found.assay_accept)
    return found


def hand_down(name: str, value: str) -> None:
    """Set a variable for what cannot see our settings: the scale, here and in our children."""
    os.environ[name] = value


def accepted(listed: str) -> frozenset[str]:
    """Names of risks. raises SettingInvalid"""
    found = frozenset(filter(None, (one.strip() for one in listed.split(","))))
    _need("assay_accept", found <= {*RISKS}, f"some of {', '.join(RISKS)}")
    return found


def proxies(listed: str) -> tuple[str, ...]:
    """Addresses and networks. raises SettingInvalid"""
    found = tuple(filter(None, (one.strip() for one in listed.split(","))))
    for one in found:
        try:
            ipaddress.ip_network(one)
        except ValueError:
            _need("assay_trusted_proxies", False, "addresses or networks")  # noqa: FBT003
    return found


def budgets(listed: str) -> Mapping[str, Budget]:
    """What accounts and addresses may cost. raises SettingInvalid"""
    try:
        return allowances.budgets(listed)
    except allowances.BudgetUnknown as error:
        message = f"ASSAY_BUDGETS: {error}; docs/settings.md lists them."
        raise SettingInvalid(message, name="ASSAY_BUDGETS") from error


def witnesses(listed: str) -> tuple[tuple[str, str], ...]:
    """(verifier key, URL) of each witness. raises SettingInvalid"""
    return tuple(_witnesses(listed))


def meanings() -> list[tuple[str, str, str]]:
    """(variable, default, meaning) of every variable."""
    return [
        (one.name.upper(), str(one.default), one.metadata["meaning"]) for one in fields(Environment)
    ]


def _witnesses(listed: str) -> Iterator[tuple[str, str]]:
    for one in filter(None, (part.strip() for part in listed.split(","))):
        vkey, _, url = one.partition(" ")
        try:
            kind = read_verifier_key(vkey)[1]
        except NoteInvalid:
            kind = 0
        is_right = kind == WITNESS_KEY and url.startswith(("http://", "https://"))
        _need("assay_witnesses", is_right, "a witness's verifier key, a space and its URL")
        yield vkey, url.rstrip("/")


def _need(name: str, is_right: bool, wanted: str) -> None:  # noqa: FBT001 - a claim, not a switch
    if not is_right:
        raise SettingInvalid(f"{name.upper()} must be {wanted}.", name=name.upper())
