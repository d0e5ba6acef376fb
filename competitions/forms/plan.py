"""From what a sponsor typed to what is published."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from assay.messages import FileRef, Share, Spec, Tag, WorkRegister
from assay.wire import Nano, from_json
from competitions import queries
from competitions.actions.contest import Publication
from competitions.errors import DatesInvalid, SpecInvalid
from competitions.forms.data import DataForm
from competitions.forms.fields import StepForm
from competitions.forms.steps import STEPS, moments
from competitions.models import Draft
from competitions.rules.registry import NEWEST
from competitions.rules.spec import BOND_E8, DEPOSIT_E8, FEE_E8, POOL_E8, REVEAL_S, VERIFY_S
from evaluator.bases import base_id, base_named
from licensing import queries as rights
from licensing.rules.rows import WorkKind, work_id
from licensing.rules.terms import (
    OUR_CURRENCY,
    OUR_LICENCE,
    Fee,
    Kind,
    Permission,
    Schedule,
    Terms,
    render,
)

Cleaned = Mapping[str, Any]
FIELD_OF = {  # a path of rules.spec.problems -> the field where it is typed, when named otherwise
    "files": "train",
    "prize_nano": "prize",
    "opens_at_ms": "opens",
    "closes_at_ms": "closes",
    "dispute_s": "dispute",
    "window_s": "window",
}
DATES = frozenset({"opens", "closes", "closes_in", "dispute"})


def bound(step: str, draft: Draft, *, now: datetime) -> StepForm:
    """The form of a page, with what the draft holds, to be checked."""
    form = STEPS[step]
    typed = {name: text for name, text in draft.fields.items() if name in form.base_fields}
    return DataForm(typed, stored=draft.files, now=now) if step == "data" else form(typed, now=now)


def unfinished(draft: Draft, *, now: datetime) -> list[str]:
    """The pages on which something is missing or wrong, in their order."""
    return [step for step in STEPS if not bound(step, draft, now=now).is_valid()]


def refusal(draft: Draft, *, now: datetime) -> SpecInvalid:
    """Everything that the pages of an unfinished draft refuse, in one error."""
    forms = [bound(step, draft, now=now) for step in STEPS]
    found = [
        (name, str(one)) for form in forms for name, told in form.errors.items() for one in told
    ]
    path, cause = found[0]
    is_dates = {name for name, _ in found} <= DATES
    error = DatesInvalid if is_dates else SpecInvalid
    every = [f"{name}: {told}" for name, told in found]
    return error(cause, path=path, cause=cause, problems=every)


def page_of(path: str) -> str:
    """The page on which a field, or a path of `rules.spec.problems`, is typed."""
    name = FIELD_OF.get(path, path)
    return next((step for step, form in STEPS.items() if name in form.base_fields), "task")


def cleaned(draft: Draft, *, now: datetime) -> dict[str, Any]:
    """Every field's value; call only when nothing is unfinished."""
    found: dict[str, Any] = {}
    for step in STEPS:
        form = bound(step, draft, now=now)
        is_valid = form.is_valid()
        assert is_valid, f"{step} is unfinished"
        found |= form.cleaned_data
    return found


def publication(draft: Draft, values: Cleaned, *, sponsor: str, now: datetime) -> Publication:
    """What one click publishes, from a draft that is ready.

    values  as `cleaned` gives them
    """
    spec = spec_of(draft, values, now=now)
    registered = rights.has_work(spec.data_work)
    data = None if registered else _data_work(spec.data_work, values, sponsor=sponsor)
    return Publication(values["competition"], spec, data)


def spec_of(draft: Draft, values: Cleaned, *, now: datetime) -> Spec:
    """The competition's terms. A draft that is not ready gets empty hashes, for showing money."""
    files = tuple(from_json(FileRef, one) for one in draft.prepared.get("files", ()))
    manifest_sha256 = str(draft.prepared.get("manifest_sha256", ""))
    opens_at_ms, closes_at_ms = moments(values, now)
    return Spec(
        title=values["title"],
        summary=values["summary"],
        base=values["base"],
        base_work=work_id(WorkKind.BASE, base_id(base_named(values["base"]))),
        data_work=_data_id(files),
        manifest_sha256=manifest_sha256,
        metric=values["metric"],
        files=files,
        prize_nano=Nano(values["prize"]),
        curve=values["curve"],
        fee_e8=FEE_E8,
        pool_e8=POOL_E8,
        bond_e8=BOND_E8,
        deposit_e8=DEPOSIT_E8,
        opens_at_ms=opens_at_ms,
        closes_at_ms=closes_at_ms,
        reveal_s=REVEAL_S,
        verify_s=VERIFY_S,
        dispute_s=values["dispute"],
        quota=values["quota"],
        window_s=values["window"],
        required_tags=required_tags(values),
        min_sandbox_level=_sandbox_level(manifest_sha256),
        rules=NEWEST,
        finals=values["finals"],
    )


def required_tags(values: Cleaned) -> tuple[Tag, ...]:
    """What every entry's licence must give at least, as canonical UDL tags."""
    commercial = {
        "free": (Permission(Kind.ALLOWED),),
        "fee": (_priced(values["commercial_fee"]),) if values["commercial_fee"] else (),
        "none": (),
    }
    terms = Terms(
        licence_id=OUR_LICENCE,
        derive=(_shared(values["derive_share"]),),
        commercial=commercial[values["commercial"]],
        train=(Permission(Kind.ALLOWED),) if values["train"] == "free" else (),
        currency=OUR_CURRENCY,
    )
    return tuple(render(terms))


def data_tags(values: Cleaned) -> tuple[Tag, ...]:
    """The data's own licence: adapters may be trained on it and sold, for a share of revenue."""
    terms = Terms(
        licence_id=OUR_LICENCE,
        derive=(_shared(values["data_share"]),),
        commercial=(Permission(Kind.ALLOWED),),
        train=(Permission(Kind.ALLOWED),),
        currency=OUR_CURRENCY,
    )
    return tuple(render(terms))


def _data_id(files: Sequence[FileRef]) -> str:
    """The id of the training data as a work; empty before there is any."""
    train = (one.sha256 for one in files if one.name == "train.jsonl")
    return next((work_id(WorkKind.DATA, one) for one in train), "")


def _data_work(work: str, values: Cleaned, *, sponsor: str) -> WorkRegister:
    shares = values["contributors"] or (Share(sponsor, 1),)
    title = f"Training data of {values['title']}"
    return WorkRegister(work, "data", title[:80], data_tags(values), shares)


def _priced(amount_nano: int) -> Permission:
    return Permission(Kind.PAID, fee=Fee(Schedule.ONE_TIME, amount_nano))


def _shared(rate_e8: int) -> Permission:
    if rate_e8:
        return Permission(Kind.REVENUE_SHARE, rate_e8=rate_e8)
    return Permission(Kind.ALLOWED)


def _sandbox_level(manifest_sha256: str) -> str:
    return queries.manifest(manifest_sha256).min_sandbox_level if manifest_sha256 else ""
