"""From a sponsor's three lists of examples to a manifest and the blobs it pins.

The same input gives the same bytes. Runs in a worker: it reads a stranger's texts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from math import prod

from assay.canonical import sha256_hex
from evaluator import manifest as forms
from evaluator.bases import Base, folder_of
from evaluator.errors import DataEmpty, DataLabelUnknown, DataTooLarge
from evaluator.examples import Example, write_jsonl
from evaluator.intake.header import MOST_HEADER_BYTES
from evaluator.metrics import metric_named
from evaluator.overlap import refuse_overlap
from evaluator.slices import final_commitment, pack_inputs, pack_labels, public_root
from evaluator.tokens import load_tokenizer, token_ids

MOST_TEST_EXAMPLES = 20_000
ENGINE = "assay-bert/1"
DTYPES = ("BF16", "F16", "F32")
ALPHA_MAX = 512
AMAX_MAX = 1_000
FLOAT_BYTES = 4


@dataclass(frozen=True)
class Options:
    """What a sponsor chooses.

    salt  32 secret bytes that seal the final slice; the caller draws and keeps them
    """

    salt: bytes
    metric: str = "accuracy"
    max_tokens: int = 48
    rank_max: int = 16
    budget_tokens: int = 512
    threads: int = 1
    min_sandbox_level: str = "seccomp"


@dataclass(frozen=True)
class Prepared:
    """A pinned task.

    train_jsonl, public_jsonl  what miners download
    public_*, final_*          inputs and labels blobs (evaluator/slices.py)
    twins                      near-duplicates that were found and let pass: "train-public" -> count
    """

    manifest: forms.Manifest
    train_rows: int
    train_jsonl: bytes
    public_jsonl: bytes
    public_inputs: bytes
    public_labels: bytes
    final_inputs: bytes
    final_labels: bytes
    salt: bytes
    twins: Mapping[str, int]


@dataclass(frozen=True)
class _Slice:
    examples: int
    tokens: int
    inputs: bytes
    labels: bytes


def prepare(
    base: Base,
    train: Sequence[Example],
    public: Sequence[Example],
    final: Sequence[Example],
    options: Options,
) -> Prepared:
    """Pin the task.

    raises  DataRefused: empty, too_large, metric_unknown, metric_mismatch, label_unknown,
            overlap; BaseMissing, BaseDamaged
    """
    slices = {"train": train, "public": public, "final": final}
    metric = metric_named(options.metric)
    _check_sizes(slices)
    metric.check([one.label for one in train])
    labels = tuple(sorted({one.label for one in train}))
    _check_labels(slices, labels)
    twins = refuse_overlap(slices)
    packed = {name: _packed(base, slices[name], labels, options) for name in ("public", "final")}
    manifest = _manifest(base, labels, packed, options)
    return Prepared(
        manifest=manifest,
        train_rows=len(train),
        train_jsonl=write_jsonl(train),
        public_jsonl=write_jsonl(public),
        public_inputs=packed["public"].inputs,
        public_labels=packed["public"].labels,
        final_inputs=packed["final"].inputs,
        final_labels=packed["final"].labels,
        salt=options.salt,
        twins=twins,
    )


def opens(manifest: forms.Manifest, salt: bytes, inputs: bytes, labels: bytes) -> bool:
    """True when these are the final slice that the manifest sealed."""
    return final_commitment(salt, inputs, labels) == manifest.test.final.commitment


def _check_sizes(slices: Mapping[str, Sequence[Example]]) -> None:
    for name, examples in slices.items():
        if not examples:
            raise DataEmpty(f"The {name} slice is empty.", slice=name, row=0)
        if name != "train" and len(examples) > MOST_TEST_EXAMPLES:
            raise DataTooLarge(
                f"The {name} slice has {len(examples)} examples.",
                slice=name,
                size=len(examples),
                limit=MOST_TEST_EXAMPLES,
                unit="examples",
            )


def _check_labels(slices: Mapping[str, Sequence[Example]], labels: tuple[str, ...]) -> None:
    known = set(labels)
    for name, examples in slices.items():
        for row, one in enumerate(examples, start=1):
            if one.label not in known:
                raise DataLabelUnknown(
                    f"Row {row} of the {name} slice has the label {one.label!r:.60}, which the "
                    "training data lacks.",
                    slice=name,
                    label=one.label[:60],
                    row=row,
                    labels=list(labels[:20]),
                )


def _packed(
    base: Base, examples: Sequence[Example], labels: tuple[str, ...], options: Options
) -> _Slice:
    tokenizer = load_tokenizer(folder_of(base, is_verified=False), max_tokens=options.max_tokens)
    ids = token_ids(tokenizer, [one.text for one in examples])
    return _Slice(
        examples=len(examples),
        tokens=sum(map(len, ids)),
        inputs=pack_inputs(ids),
        labels=pack_labels([labels.index(one.label) for one in examples]),
    )


def _manifest(
    base: Base, labels: tuple[str, ...], packed: Mapping[str, _Slice], options: Options
) -> forms.Manifest:
    metric = metric_named(options.metric)
    pinned = forms.Manifest(
        version=forms.VERSION,
        base=forms.BaseClause(
            name=base.name,
            family=base.family,
            files=base.files,
            config=base.shape,
            licence=base.licence,
            author=base.author,
        ),
        tokenizer=forms.TokenizerClause(base.files["tokenizer.json"].sha256, options.max_tokens),
        labels=labels,
        test=_test(packed["public"], packed["final"], options.salt),
        metric=forms.MetricClause(metric.name, metric.version, {}),
        adapter=_adapter(base, len(labels), options.rank_max),
        mode=forms.MODES[0],
        plan=forms.PlanClause(forms.PLAN_RULE, options.budget_tokens),
        engine=forms.EngineClause(ENGINE, version("torch").partition("+")[0], options.threads),
        min_sandbox_level=options.min_sandbox_level,
    )
    return forms.from_json(forms.to_json(pinned))  # what is written can be read


def _test(public: _Slice, final: _Slice, salt: bytes) -> forms.TestClause:
    return forms.TestClause(
        public=forms.PublicSlice(
            examples=public.examples,
            tokens=public.tokens,
            inputs_sha256=sha256_hex(public.inputs),
            labels_sha256=sha256_hex(public.labels),
            root=public_root(public.inputs, public.labels),
        ),
        final=forms.FinalSlice(
            examples=final.examples,
            tokens=final.tokens,
            commitment=final_commitment(salt, final.inputs, final.labels),
        ),
    )


def _adapter(base: Base, classes: int, rank_max: int) -> forms.AdapterClause:
    targets = base.targets()
    head = {"classifier.weight": (classes, base.shape.hidden), "classifier.bias": (classes,)}
    values = rank_max * sum(sum(size) for size in targets.values()) + sum(map(prod, head.values()))
    return forms.AdapterClause(
        targets=targets,
        rank_max=rank_max,
        alpha_max=ALPHA_MAX,
        amax_max=AMAX_MAX,
        dtypes=DTYPES,
        bytes_max=values * FLOAT_BYTES + MOST_HEADER_BYTES,
        head=head,
    )
