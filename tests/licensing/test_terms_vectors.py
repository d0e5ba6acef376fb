"""Every tag set of the vectors is read, judged and rendered as the design decided."""

import json
from pathlib import Path

import pytest

from assay.money import show_tokens
from licensing.rules.may import YEAR_MS, Answer, Denied, Granted, Use, may
from licensing.rules.reading import parse
from licensing.rules.terms import Fee, Permission, Right, Terms, render

CASES = json.loads((Path(__file__).parents[1] / "vectors" / "udl.json").read_text())["cases"]
by_name = pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])


def pairs(lists):
    return [tuple(pair) for pair in lists]


def fee_json(fee: Fee | None):
    return fee and {"schedule": fee.schedule, "amount": show_tokens(fee.amount_nano)}


def permission_json(one: Permission):
    shown = {"grant": one.kind, "period": list(one.period) if one.period else None}
    if one.rate_e8:
        shown["rate_e8"] = one.rate_e8
    return {**shown, **(fee_json(one.fee) or {})}


def terms_json(terms: Terms):
    rights = (Right.DERIVE, Right.COMMERCIAL, Right.TRAIN)
    return {
        "licence_id": terms.licence_id,
        "version": terms.version,
        "access_fee": fee_json(terms.access_fee),
        "grants": {
            right: [permission_json(one) for one in terms.permissions(right)] for right in rights
        },
        "unknown_rights": "included" if terms.unknown_rights_included else "excluded",
        "currency": terms.currency,
        "expiry_years": terms.expiry_years or None,
        "payment_address": terms.payment_address or None,
        "payment_mode": terms.payment_mode,
    }


def answer_json(answer: Answer):
    if isinstance(answer, Denied):
        return {"answer": "denied", "reason": answer.reason}
    shown = {"conditions": list(answer.conditions)}
    if isinstance(answer, Granted):
        rate = {"rate_e8": answer.rate_e8} if answer.rate_e8 else {}
        return {"answer": "granted", **shown, **rate}
    amount = show_tokens(answer.amount_nano)
    return {"answer": "priced", "amount": amount, "schedule": answer.schedule, **shown}


@by_name
def test_errors_and_warnings_name_the_code_and_the_tag(case):
    reading = parse(pairs(case["tags"]))
    assert list(reading.errors) == pairs(case["errors"])
    assert list(reading.warnings) == pairs(case["warnings"])


@by_name
def test_terms_are_what_the_tags_say(case):
    terms = parse(pairs(case["tags"])).terms
    assert (terms and terms_json(terms)) == case.get("terms")


@by_name
def test_every_use_at_every_age_has_its_answer(case):
    reading = parse(pairs(case["tags"]))
    for right in case["rights"]:
        wanted = dict(right)
        use, age_ms = Use(wanted.pop("use")), round(wanted.pop("age_years") * YEAR_MS)
        answer = may(use, reading, age_ms=age_ms, settled=frozenset(case["settle"]))
        assert answer_json(answer) == wanted, (use, age_ms)


@by_name
def test_canonical_tags_exist_unless_a_value_was_unreadable(case):
    terms = parse(pairs(case["tags"])).terms
    if "canonical" in case:
        assert render(terms) == pairs(case["canonical"])
        assert parse(render(terms)).terms == terms
    elif terms:
        with pytest.raises(ValueError, match="unreadable"):
            render(terms)
