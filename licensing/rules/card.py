"""The card of a model, as a file beside its tensors: what it is, how good, under which terms."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from licensing.rules.rows import Work
from licensing.rules.search import Measured
from licensing.rules.terms import Tag

E9 = 10**9
MISREAD = str.maketrans({sign: f"\\{sign}" for sign in "\\`*_[]<>|#"})  # by markdown


@dataclass(frozen=True)
class Ancestor:
    """A work that this one was made from. rate: what it takes of sales, as people read it."""

    title: str
    kind: str
    owner: str
    id: str
    rate: str


@dataclass(frozen=True)
class Told:
    """Everything that a card says. Nothing in it changes while the terms stay.

    base_id   what loads the base, such as ORG/NAME;  pooling: a sentence
    snippet   Python that loads the folder
    sentences the deed on the day of the registration
    """

    work: Work
    measured: Measured
    base_id: str
    base_licence: str
    base_sha256: str
    labels: tuple[str, ...]
    max_tokens: int
    pooling: str
    snippet: str
    tags: Sequence[Tag]
    sentences: Sequence[str]
    parents: Sequence[Ancestor]
    origin: str


def card(told: Told) -> str:
    """README.md: what the hub's readers know in front, then plain sentences."""
    parts = (_front(told), _what(told), _score(told), _use(told), _terms(told), _lineage(told))
    return "\n".join((*parts, _proof(told)))


def licence_tags(told: Told) -> str:
    """LICENSE-TAGS.json: the terms as they were given, for programs."""
    value = {
        "work": told.work.id,
        "title": told.work.title,
        "owner": told.work.owner,
        "registered_ms": told.work.registered_ms,
        "terms_version": told.work.terms_version,
        "tags": [list(tag) for tag in told.tags],
        "deed": list(told.sentences),
        "log_origin": told.origin,
    }
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _front(told: Told) -> str:
    """YAML; a JSON text is one of its texts."""
    fields = {
        "base_model": told.base_id,
        "base_model_relation": "adapter",
        "library_name": "peft",
        "license": "other",
        "license_name": "udl",
        "license_link": "LICENSE-TAGS.json",
    }
    lines = [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in fields.items()]
    return "\n".join(["---", *lines, "tags:", "- lora", "- assay", "---", ""])


def _what(told: Told) -> str:
    work, measured = told.work, told.measured
    labels = f"\nClasses: {', '.join(map(_plain, told.labels))}." if told.labels else ""
    return f"""# {_plain(work.title)}

A LoRA adapter by {_plain(work.owner)} for the base model {_plain(told.base_id)}. It won in the
competition "{_plain(measured.title)}" (`{measured.competition}`), whose task is
{measured.evaluator}.{labels}
"""


def _score(told: Told) -> str:
    one = told.measured
    between = ""
    if one.low_e9 is not None and one.high_e9 is not None:
        between = f" | {_figure(one.low_e9)} to {_figure(one.high_e9)}"
    head = "| metric | this adapter |" + (" 95 % interval |" if between else "")
    rule = "|---|---|" + ("---|" if between else "")
    return f"""## How good it is

On the sealed final slice of the competition, measured by the site and to be computed again by
anybody (`assay rerun {one.entry}`):

{head} the base alone |
{rule}---|
| {one.metric} | {_figure(one.score_e9)}{between} | {_figure(one.baseline_e9)} |
"""


def _use(told: Told) -> str:
    return f"""## How to use it

Run this beside these files. It asks as the evaluator asked, so it answers as it was scored.

```python
{told.snippet}```

- Pooling: {told.pooling}
- Texts are cut after {told.max_tokens} tokens.
- Base: `{told.base_id}`, licence {_plain(told.base_licence)}. Its weights are the file with the
  SHA-256 `{told.base_sha256}`.
"""


def _terms(told: Told) -> str:
    day = datetime.fromtimestamp(told.work.registered_ms // 1000, tz=UTC).date().isoformat()
    lines = "\n".join(f"- {one}" for one in told.sentences)
    return f"""## Terms

The licence tags of this work are in LICENSE-TAGS.json. On the day of its registration, {day}, they
said this. A licence that you bought is a signed text of its own, and names the uses that you paid
for.

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


def _proof(told: Told) -> str:
    return f"""## Proof

The work `{told.work.id}` is registered on the log `{told.origin}` by the message
`{told.work.message}`. The values of its tensors are, byte for byte, those that were scored.
SHA256SUMS names every other file here: `sha256sum -c SHA256SUMS`.
"""


def _plain(text: str) -> str:
    """A stranger's text, so that markdown shows it as it is."""
    return text.translate(MISREAD)


def _figure(value_e9: int) -> str:
    sign, size = ("-", -value_e9) if value_e9 < 0 else ("", value_e9)
    return f"{sign}{size // E9}.{size % E9:09d}"
