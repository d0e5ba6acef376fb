"""The terms as JSON-LD: schema.org says what the work is, ODRL what may be done with it.

source  the ODRL vocabulary and information model 2.2 (W3C); schema.org
"""

import json

from assay.money import show_tokens
from licensing.rules.deed import Clause, deed
from licensing.rules.delivery.told import Told
from licensing.rules.may import Condition, Use
from licensing.rules.offer import Subject
from licensing.rules.reading import Reading, parse
from licensing.rules.terms import OUR_CURRENCY, show_rate

OWN = "urn:assay:terms:"  # of words that ODRL has none for
CONTEXT = [
    "http://www.w3.org/ns/odrl.jsonld",
    {"schema": "https://schema.org/", "cc": "http://creativecommons.org/ns#", "assay": OWN},
]
ACTIONS = {
    Use.ACCESS: "assay:access",
    Use.COPY: "reproduce",
    Use.DISPLAY: "display",
    Use.PUBLISH: "present",
    Use.DISTRIBUTE: "distribute",
    Use.DERIVE: "derive",
    Use.COMMERCIAL: "cc:CommercialUse",
    Use.TRAIN: "assay:train",
}
DUTIES = {
    Condition.CREDIT: "attribute",
    Condition.INDICATION: "cc:Notice",
    Condition.PASSTHROUGH: "cc:ShareAlike",
}


def policy(told: Told) -> str:
    """LICENSE.jsonld: an ODRL offer by the owner, as of the day of the registration."""
    reading, work = parse(told.tags), urn(told.work.id)
    given: dict[str, list[dict[str, object]]] = {"permission": [], "prohibition": []}
    for clause in deed(Subject(reading), now_ms=0):
        kind = "prohibition" if clause.offer.reason else "permission"
        given[kind].append(_rule(clause, work, reading))
    value = {
        "@context": CONTEXT,
        "@type": "Offer",
        "uid": f"{work}:terms:{told.terms.number}",
        "profile": OWN,
        "assigner": f"urn:assay:account:{told.work.owner}",
        "target": _target(told, work),
        **{kind: rules for kind, rules in given.items() if rules},
    }
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def urn(work: str) -> str:
    """The name of a work outside of this site."""
    return f"urn:assay:work:{work}"


def _target(told: Told, work: str) -> dict[str, object]:
    return {
        "@id": work,
        "@type": ["Asset", "schema:SoftwareSourceCode"],
        "schema:name": told.work.title,
        "schema:identifier": told.work.id,
        "schema:creator": told.work.owner,
        "schema:license": told.spdx,
        "schema:isBasedOn": [{"@id": urn(one.id)} for one in told.parents],
    }


def _rule(clause: Clause, work: str, reading: Reading) -> dict[str, object]:
    given, asks = clause.offer, clause.asks
    rule: dict[str, object] = {"target": work, "action": ACTIONS[clause.use]}
    if given.reason:
        return {**rule, "assay:reason": given.reason}
    conditions = [Condition(one) for one in given.conditions]
    duties: list[dict[str, object]] = [
        {"action": DUTIES[one]} for one in conditions if one in DUTIES
    ]
    if Condition.NON_COMMERCIAL in conditions:
        rule["constraint"] = [_constraint("purpose", "neq", "assay:commercial")]
    if asks.amount_nano:
        duties.append(_payment("payAmount", show_tokens(asks.amount_nano), OUR_CURRENCY))
        rule["assay:schedule"] = asks.schedule.value
    elif given.rate_e8:
        duties.append(_payment("percentage", show_rate(given.rate_e8)[:-1], "revenue"))
    if reading.terms and reading.terms.expiry_years:
        rule["assay:expiryYears"] = reading.terms.expiry_years
    return {**rule, **({"duty": duties} if duties else {})}


def _payment(what: str, amount: str, unit: str) -> dict[str, object]:
    size = {"@value": amount, "@type": "xsd:decimal"}
    told = {**_constraint(what, "eq", size), "unit": f"assay:{unit}"}
    return {"action": [{"rdf:value": {"@id": "odrl:compensate"}, "refinement": [told]}]}


def _constraint(left: str, operator: str, right: object) -> dict[str, object]:
    return {"leftOperand": left, "operator": operator, "rightOperand": right}
