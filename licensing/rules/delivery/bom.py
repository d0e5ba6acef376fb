"""The bill of materials of a model: CycloneDX 1.6, with what 1.5 added for models.

The kept library writes no `modelCard`, which is the part that is about models; so the document is
made here, and the tests check it against the standard's own schema.
source  https://cyclonedx.org/docs/1.6/json/
"""

import json
from datetime import UTC, datetime
from uuid import NAMESPACE_URL, uuid5

from licensing.rules.delivery.policy import urn
from licensing.rules.delivery.told import LICENCE, TENSORS, Ancestor, Told, figure
from licensing.rules.rows import WorkKind

MODEL, DATA = "machine-learning-model", "data"


def bom(told: Told, files: dict[str, str]) -> str:
    """sbom.cdx.json: the adapter, its files, and what it was made from.

    files  name -> SHA-256 of every file of the folder that the bill names
    """
    work = urn(told.work.id)
    at = datetime.fromtimestamp(told.work.registered_ms // 1000, tz=UTC)
    above = [_ancestor(one, told) for one in told.parents]
    if not any(one.kind == WorkKind.BASE for one in told.parents):
        above.append(_base(told, f"{work}:base"))
    value = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid5(NAMESPACE_URL, f'{work}/{told.terms.number}')}",
        "version": 1,
        "metadata": {
            "timestamp": at.isoformat().replace("+00:00", "Z"),
            "tools": {"components": [{"type": "application", "name": "assay"}]},
            "component": _model(told, work, files),
        },
        "components": above,
        "dependencies": [
            {"ref": work, "dependsOn": sorted(str(one["bom-ref"]) for one in above)},
            *({"ref": one["bom-ref"]} for one in above),
        ],
    }
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _model(told: Told, work: str, files: dict[str, str]) -> dict[str, object]:
    inside = [
        {"type": "file", "bom-ref": f"{work}/{name}", "name": name, "hashes": [_hash(sha256)]}
        for name, sha256 in sorted(files.items())
    ]
    return {
        "type": MODEL,
        "bom-ref": work,
        "name": told.work.title,
        "version": str(told.terms.number),
        "description": f"A LoRA adapter for {told.base.id}.",
        "authors": [{"name": told.work.owner}],
        "hashes": [_hash(files[TENSORS])],
        "licenses": [{"license": {"name": told.spdx, "url": LICENCE}}],
        "modelCard": _card(told),
        "components": inside,
        "properties": [
            {"name": f"assay:{name}", "value": value}
            for name, value in (
                ("work", told.work.id),
                ("message", told.work.message),
                ("log_origin", told.origin),
                *((f"tag:{tag}", value) for tag, value in told.tags),
            )
        ],
    }


def _card(told: Told) -> dict[str, object]:
    sets = [{"ref": urn(one.id)} for one in told.parents if one.kind == WorkKind.DATA]
    one = told.measured
    score: dict[str, object] = {
        "type": one.metric,
        "value": figure(one.score_e9),
        "slice": f"the sealed final slice of {one.competition}",
    }
    if one.low_e9 is not None and one.high_e9 is not None:
        bounds = {"lowerBound": figure(one.low_e9), "upperBound": figure(one.high_e9)}
        score["confidenceInterval"] = bounds
    alone = {
        "type": one.metric,
        "value": figure(one.baseline_e9),
        "slice": "the same, the base alone",
    }
    return {
        "modelParameters": {
            "approach": {"type": "supervised"},
            "task": told.usage.pipeline,
            "architectureFamily": told.base.family,
            "modelArchitecture": "LoRA",
            **({"datasets": sets} if sets else {}),
        },
        "quantitativeAnalysis": {"performanceMetrics": [score, alone]},
        "considerations": {
            "technicalLimitations": [f"Texts are cut after {told.usage.max_tokens} tokens."]
        },
    }


def _ancestor(one: Ancestor, told: Told) -> dict[str, object]:
    if one.kind == WorkKind.BASE:
        return {**_base(told, urn(one.id)), "authors": [{"name": one.owner}]}
    made: dict[str, object] = {
        "type": DATA if one.kind == WorkKind.DATA else MODEL,
        "bom-ref": urn(one.id),
        "name": one.title,
        "authors": [{"name": one.owner}],
    }
    if one.content:
        made["hashes"] = [_hash(one.content)]
    if one.kind == WorkKind.DATA:
        made["data"] = [{"type": "dataset", "name": one.title}]
    return made


def _base(told: Told, ref: str) -> dict[str, object]:
    made: dict[str, object] = {"type": MODEL, "bom-ref": ref, "name": told.base.id}
    if told.base.licence:
        made["licenses"] = [{"license": {"name": told.base.licence}}]
    if told.base.sha256:
        made["hashes"] = [_hash(told.base.sha256)]
    return made


def _hash(sha256: str) -> dict[str, str]:
    return {"alg": "SHA-256", "content": sha256}
