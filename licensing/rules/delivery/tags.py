"""The licence tags of a work where programs look for them: in the header of its tensors, as JSON.

source  modelspec.*: the Model Metadata Standard of Stability AI, version 1.0.1
"""

import json
from datetime import UTC, datetime

from assay.canonical import canonical
from licensing.rules.delivery.told import Told

PREFIX = "assay."
WORK, MESSAGE, TERMS, LICENCE, PARENTS, ORIGIN = (
    f"{PREFIX}{name}"
    for name in ("work", "message", "terms_version", "licence", "work_parents", "log_origin")
)
PLACES = {"work": WORK, "message": MESSAGE, "origin": ORIGIN, "terms_version": TERMS}
MODELSPEC = "1.0.1"
LIBRARY = "https://github.com/huggingface/peft"


def header(told: Told, tensors_sha256: str) -> dict[str, str]:
    """The texts for a safetensors header. tensors_sha256: of the bytes behind that header"""
    own = {
        WORK: told.work.id,
        MESSAGE: told.work.message,
        TERMS: str(told.terms.number),
        LICENCE: _text([list(tag) for tag in told.tags]),
        PARENTS: _text([one.id for one in told.parents]),
        ORIGIN: told.origin,
    }
    known = {
        "sai_model_spec": MODELSPEC,
        "architecture": f"{told.base.family}/lora",
        "implementation": LIBRARY,
        "title": told.work.title,
        "description": f"A LoRA adapter for {told.base.id}.",
        "author": told.work.owner,
        "date": _moment(told.work.registered_ms),
        "hash_sha256": f"0x{tensors_sha256}",
        "license": told.spdx,
        "data_format": "fp32",
    }
    return own | {f"modelspec.{name}": value for name, value in known.items()}


def licence_tags(told: Told) -> str:
    """LICENSE-TAGS.json: the terms as they were given, for programs."""
    value = {
        "work": told.work.id,
        "title": told.work.title,
        "owner": told.work.owner,
        "registered_ms": told.work.registered_ms,
        "terms_version": told.terms.number,
        "tags": [list(tag) for tag in told.tags],
        "deed": list(told.sentences),
        "parents": [one.id for one in told.parents],
        "message": told.work.message,
        "log_origin": told.origin,
    }
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _moment(at_ms: int) -> str:
    at = datetime.fromtimestamp(at_ms // 1000, tz=UTC)
    return at.isoformat().replace("+00:00", "Z")


def _text(value: object) -> str:
    return canonical(value).decode()
