"""The card of a model, as a file beside its tensors: what it is, how good, under which terms."""

import json
from datetime import UTC, datetime

from licensing.rules.deed import NO_LEGAL_TEXT
from licensing.rules.delivery.told import E9, LICENCE, TAGS, Told, figure
from licensing.rules.rows import WorkKind

MISREAD = str.maketrans({sign: f"\\{sign}" for sign in "\\`*_[]<>|#"})  # by markdown


def card(told: Told) -> str:
    """README.md: what the hub's readers know in front, then plain sentences."""
    parts = (_front(told), _what(told), _score(told), _use(told), _terms(told), _lineage(told))
    return "\n".join((*parts, _inherited(told), _proof(told)))


def licence_text(told: Told) -> str:
    """LICENSE.md: the terms in sentences, then the tags, for whoever looks for a licence."""
    lines = "\n".join(f"- {one}" for one in told.sentences)
    tags = "\n".join(f"| {_plain(name)} | {_plain(value)} |" for name, value in told.tags)
    return f"""# Licence of {_plain(told.work.title)}

{told.spdx}: the Universal Data License with the tags below. On {_day(told)}, when version
{told.terms.number} of these terms was read, they said:

{lines}

{NO_LEGAL_TEXT}

| tag | value |
|---|---|
{tags}

The base model `{told.base.id}` is under a licence of its own: {_plain(told.base.licence)}.
{_inherited(told)}"""


def _front(told: Told) -> str:
    """YAML of the fields that the hub knows; a JSON text is one of its texts.

    source  modelcard.md of huggingface/hub-docs
    """
    measured = told.measured
    fields: dict[str, object] = {
        "base_model": told.base.id,
        "base_model_relation": "adapter",
        "library_name": "peft",
        "pipeline_tag": told.usage.pipeline,
        "license": "other",
        "license_name": told.licence,
        "license_link": LICENCE,
        "datasets": [one.content for one in told.parents if one.kind == WorkKind.DATA],
        "metrics": [measured.metric],
        "tags": ["lora", "assay"],
        "model-index": [{"name": told.work.title, "results": [_result(told)]}],
    }
    lines = [
        f"{name}: {json.dumps(value, ensure_ascii=False)}"
        for name, value in fields.items()
        if value
    ]
    return "\n".join(["---", *lines, "---", ""])


def _result(told: Told) -> dict[str, object]:
    """The final score, as the hub writes results. Its value is a number there, and only there."""
    measured = told.measured
    return {
        "task": {"type": told.usage.pipeline, "name": measured.evaluator},
        "dataset": {
            "type": measured.competition,
            "name": measured.title,
            "split": "final",
        },
        "metrics": [
            {"type": measured.metric, "value": measured.score_e9 / E9, "name": measured.metric}
        ],
    }


def _what(told: Told) -> str:
    work, measured = told.work, told.measured
    labels = f"\nClasses: {', '.join(map(_plain, told.usage.labels))}." if told.usage.labels else ""
    return f"""# {_plain(work.title)}

A LoRA adapter by {_plain(work.owner)} for the base model {_plain(told.base.id)}. It won in the
competition "{_plain(measured.title)}" (`{measured.competition}`), whose task is
{measured.evaluator}.{labels}
"""


def _score(told: Told) -> str:
    one = told.measured
    between = ""
    if one.low_e9 is not None and one.high_e9 is not None:
        between = f" | {figure(one.low_e9)} to {figure(one.high_e9)}"
    head = "| metric | this adapter |" + (" 95 % interval |" if between else "")
    rule = "|---|---|" + ("---|" if between else "")
    return f"""## How good it is

On the sealed final slice of the competition, measured by the site and to be computed again by
anybody (`assay rerun {one.entry}`):

{head} the base alone |
{rule}---|
| {one.metric} | {figure(one.score_e9)}{between} | {figure(one.baseline_e9)} |
"""


def _use(told: Told) -> str:
    return f"""## How to use it

Run this beside these files. It asks as the evaluator asked, so it answers as it was scored.

```python
{told.usage.snippet}```

- Pooling: {told.usage.pooling}
- Texts are cut after {told.usage.max_tokens} tokens.
- Base: `{told.base.id}`, licence {_plain(told.base.licence)}. Its weights are the file with the
  SHA-256 `{told.base.sha256}`.
"""


def _terms(told: Told) -> str:
    lines = "\n".join(f"- {one}" for one in told.sentences)
    return f"""## Terms

The licence tags of this work are in {TAGS} and, for people, in {LICENCE}. On the day of its
registration, {_day(told)}, they said this. A licence that you bought is a signed text of its own,
and names the uses that you paid for.

{lines}
"""


def _lineage(told: Told) -> str:
    if not told.parents:
        return "## Lineage\n\nIt names no parents.\n"
    rows = "\n".join(
        f"| {_plain(one.title)} | {one.kind} | {_plain(one.owner)} | {one.rate} | `{one.id}` |"
        for one in told.parents
    )
    return f"""## Lineage

| made from | kind | owner | takes of sales | work |
|---|---|---|---|---|
{rows}
"""


def _inherited(told: Told) -> str:
    """What the parents ask for: whoever uses this work uses them too."""
    lines = [
        f"- {_plain(one.title)}, by {_plain(one.owner)}: {' '.join(one.sentences)}"
        for one in told.parents
        if one.sentences
    ]
    if not lines:
        return ""
    return "\n".join(["## Inherited from its parents", "", *lines, ""])


def _proof(told: Told) -> str:
    return f"""## Proof

The work `{told.work.id}` is registered on the log `{told.origin}` by the message
`{told.work.message}`. The values of its tensors are, byte for byte, those that were scored.
SHA256SUMS names every other file here: `sha256sum -c SHA256SUMS`.
"""


def _day(told: Told) -> str:
    return datetime.fromtimestamp(told.work.registered_ms // 1000, tz=UTC).date().isoformat()


def _plain(text: str) -> str:
    """A stranger's text, so that markdown shows it as it is."""
    return text.translate(MISREAD)
