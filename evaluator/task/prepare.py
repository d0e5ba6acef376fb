"""From a sponsor's three lists of examples to a manifest and the blobs it pins.

The same input gives the same bytes. Runs in a worker: it reads a stranger's texts.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod

from assay.canonical import sha256_hex
from evaluator.bases import Base, folder_of
from evaluator.engine.library import VERSION
from evaluator.errors import (
    CodeRefused,
    DataEmpty,
    DataTooLarge,
    EvaluatorUnfit,
)
from evaluator.evaluators.form import Evaluator, Packed, Sample, Task
from evaluator.evaluators.options import chosen
from evaluator.intake.header import MOST_HEADER_BYTES
from evaluator.registry import evaluator_of, metric_named
from evaluator.score import racing
from evaluator.task import manifest as forms
from evaluator.task.examples import write_jsonl
from evaluator.task.lookalikes import warnings_of
from evaluator.task.oracle import Oracle, ask_all, trivial
from evaluator.task.overlap import refuse_overlap, told
from evaluator.task.plan import RULE
from evaluator.task.slices import commitment, pack_inputs, pack_labels, public_root
from evaluator.task.tokens import tokens_of
from evaluator.task.winnable import check_classes, check_size, refuse_unknown_labels

SEALED = ("board", "final")
MOST_TEST_EXAMPLES = 20_000
MOST_CODE_BYTES = 64 << 10
MOST_RECORD_BYTES = 44_000  # they travel in the score's message, which has 65,535 bytes
DTYPES = ("BF16", "F16", "F32")
ALPHA_MAX = 512
AMAX_MAX = 1_000
FLOAT_BYTES = 4


@dataclass(frozen=True)
class Options:
    """What a sponsor chooses.

    salt     32 secret bytes that seal board and final slice; the caller draws and keeps them
    options  of the evaluator; what is not named has its default
    code     the sponsor's own scoring code, for a custom metric
    is_raced stop hopeless entries early on the board slice, where that saves anything
    places   how many the sponsor pays: an entry is compared with the one at the last of them
    """

    salt: bytes
    metric: str = "accuracy"
    options: Mapping[str, str] = field(default_factory=dict)
    code: bytes = b""
    is_raced: bool = True
    places: int = 4
    max_tokens: int = 48
    rank_max: int = 16
    budget_tokens: int = 1024
    min_sandbox_level: str = "seccomp"


@dataclass(frozen=True)
class Prepared:
    """A pinned task.

    train_jsonl, public_jsonl  what miners download
    public_*, board_*, final_*  inputs and labels blobs (evaluator/task/slices.py); of a board that
                               there is not, empty
    code                       the sponsor's scoring code; empty where there is none
    twins                      near-duplicates that were found and let pass: "train-public" -> count
    oracles                    of the test slices, where right answers have a best
    warnings                   sentences: what was taken, and perhaps not what was meant
    """

    manifest: forms.Manifest
    train_rows: int
    train_jsonl: bytes
    public_jsonl: bytes
    public_inputs: bytes
    public_labels: bytes
    board_inputs: bytes
    board_labels: bytes
    final_inputs: bytes
    final_labels: bytes
    salt: bytes
    code: bytes
    twins: Mapping[str, int]
    oracles: Mapping[str, Oracle]
    warnings: tuple[str, ...]


def prepare(  # noqa: PLR0913 - a slice is an argument
    base: Base,
    train: Sequence[Sample],
    public: Sequence[Sample],
    final: Sequence[Sample],
    options: Options,
    *,
    board: Sequence[Sample] = (),
) -> Prepared:
    """Pin the task.

    train, public, board, final  rows with the evaluator's columns; without a board there is no
                                 live ranking
    raises  DataRefused: empty, too_large, too_small, one_class, unwinnable, metric_unknown,
            metric_mismatch, evaluator_unfit, label_unknown, overlap, sample_unfit, option_refused,
            harness_refused, code_refused; BaseMissing, BaseDamaged
    """
    slices = {"train": train, "public": public, "board": board, "final": final}
    if not board:
        del slices["board"]
    tests = [name for name in slices if name != "train"]
    evaluator = evaluator_of(options.metric)
    _check_fit(base, evaluator, options.code)
    _check_sizes(slices, options.metric)
    evaluator.check(train)
    labels = evaluator.classes(train)
    _check_answers(slices, labels)
    twins = refuse_overlap(
        {name: [told(evaluator, one) for one in rows] for name, rows in slices.items()}
    )
    tokens = tokens_of(folder_of(base, is_verified=False), max_tokens=options.max_tokens)
    task = _settled(evaluator, slices, Task(options.metric, labels, tokens, options.options))
    task = replace(task, options=evaluator.fitted(base.shape, task.options))
    options = replace(options, options=task.options)
    packed = {name: evaluator.pack(slices[name], task) for name in tests}
    oracles = ask_all(packed, evaluator, metric_named(task.metric), task)
    blobs = {
        name: (pack_inputs(one.inputs), pack_labels(one.labels)) for name, one in packed.items()
    }
    return Prepared(
        manifest=_manifest(
            base, labels, _test(packed, blobs, options.salt), options, _race(packed, options)
        ),
        train_rows=len(train),
        train_jsonl=write_jsonl(train),
        public_jsonl=write_jsonl(public),
        public_inputs=blobs["public"][0],
        public_labels=blobs["public"][1],
        board_inputs=blobs["board"][0] if board else b"",
        board_labels=blobs["board"][1] if board else b"",
        final_inputs=blobs["final"][0],
        final_labels=blobs["final"][1],
        salt=options.salt,
        code=options.code,
        twins=twins,
        oracles=oracles,
        warnings=(*_warnings(evaluator, slices, packed, task), *trivial(oracles)),
    )


def _check_fit(base: Base, evaluator: Evaluator, code: bytes) -> None:
    if not evaluator.fits(base.shape):
        raise EvaluatorUnfit(
            f"{base.name} cannot be asked for {evaluator.name}.",
            evaluator=evaluator.name,
            base=base.name,
        )
    if bool(code) != evaluator.needs_code or len(code) > MOST_CODE_BYTES:
        wanted = "needs" if evaluator.needs_code else "takes no"
        raise CodeRefused(
            f"{evaluator.name} {wanted} code of at most {MOST_CODE_BYTES} bytes.",
            evaluator=evaluator.name,
            bytes=len(code),
            limit=MOST_CODE_BYTES,
        )


def _check_sizes(slices: Mapping[str, Sequence[Sample]], metric: str) -> None:
    most = min(MOST_TEST_EXAMPLES, _most_recorded(metric))
    for name, rows in slices.items():
        if not rows:
            raise DataEmpty(f"The {name} slice is empty.", slice=name, row=0)
        if name != "train" and len(rows) > most:
            raise DataTooLarge(
                f"The {name} slice has {len(rows)} examples.",
                slice=name,
                size=len(rows),
                limit=most,
                unit="examples",
            )


def _check_answers(slices: Mapping[str, Sequence[Sample]], labels: Sequence[str]) -> None:
    """raises DataTooSmall, DataLabelUnknown, DataOneClass"""
    refuse_unknown_labels(slices, labels)
    check_size("final", len(slices["final"]))
    if labels:
        check_classes({name: rows for name, rows in slices.items() if name != "train"})


def _settled(evaluator: Evaluator, slices: Mapping[str, Sequence[Sample]], task: Task) -> Task:
    """The task with all options: as given, else by a look at all rows, else by default."""
    given = replace(task, options=chosen(evaluator.options, task.options))
    rows = [one for held in slices.values() for one in held]
    return replace(given, options=evaluator.settle(rows, given))


def _warnings(
    evaluator: Evaluator,
    slices: Mapping[str, Sequence[Sample]],
    packed: Mapping[str, Packed],
    task: Task,
) -> Iterator[str]:
    yield from warnings_of(task.classes)
    yield from evaluator.warn(task.metric, [one for rows in slices.values() for one in rows])
    for name, one in packed.items():
        whole = task.tokens.max_tokens - (one.inputs.shared[0].start if one.inputs.shared else 0)
        cut = sum(any(len(row.ids) >= whole for row in rows) for rows in one.inputs.examples)
        if cut:
            yield (
                f"{cut} of {len(one.inputs.examples)} rows of the {name} slice fill max_tokens "
                f"({task.tokens.max_tokens}); what is longer is cut."
            )


def _most_recorded(name: str) -> int:
    """How many examples' records fit into one message."""
    metric = metric_named(name)
    bits = 1 if metric.is_binary else 32 * metric.width
    return MOST_RECORD_BYTES * 8 // bits


def _race(packed: Mapping[str, Packed], options: Options) -> forms.RaceClause:
    metric, board = metric_named(options.metric), packed.get("board")
    if not options.is_raced or board is None:
        return forms.NO_RACE
    if options.code:  # its numbers come when a run is over
        return forms.NO_RACE
    return racing.clause_for(metric, board.inputs, places=options.places, secret=options.salt)


def _manifest(
    base: Base,
    labels: tuple[str, ...],
    test: forms.TestClause,
    options: Options,
    race: forms.RaceClause,
) -> forms.Manifest:
    evaluator, metric = evaluator_of(options.metric), metric_named(options.metric)
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
        test=test,
        metric=forms.MetricClause(evaluator.name, metric.name, metric.version, options.options),
        adapter=_adapter(base, evaluator, len(labels), options),
        plan=forms.PlanClause(RULE, options.budget_tokens),
        engine=forms.EngineClause(VERSION),
        race=race,
        code=sha256_hex(options.code) if options.code else "",
        min_sandbox_level=options.min_sandbox_level,
    )
    return forms.from_json(forms.to_json(pinned))  # what is written can be read


def _test(
    packed: Mapping[str, Packed], blobs: Mapping[str, tuple[bytes, bytes]], salt: bytes
) -> forms.TestClause:
    public = blobs["public"]
    sealed = {
        name: forms.SealedSlice(
            **_sizes(packed[name]), commitment=commitment(salt, name, *blobs[name])
        )
        for name in SEALED
        if name in packed
    }
    return forms.TestClause(
        public=forms.PublicSlice(
            **_sizes(packed["public"]),
            inputs_sha256=sha256_hex(public[0]),
            labels_sha256=sha256_hex(public[1]),
            root=public_root(*public),
        ),
        **({"board": forms.NO_BOARD} | sealed),
    )


def _sizes(packed: Packed) -> dict[str, int]:
    inputs = packed.inputs
    rows = [*inputs.shared, *(row for example in inputs.examples for row in example)]
    return {
        "examples": len(inputs.examples),
        "tokens": sum(len(row.ids) for row in rows),
        "units": packed.units,
    }


def _adapter(
    base: Base, evaluator: Evaluator, classes: int, options: Options
) -> forms.AdapterClause:
    rank_max, told = options.rank_max, options.options
    targets = {**base.targets, **evaluator.head_targets(base.shape, told)}
    head = evaluator.head(base.shape, classes, told)
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
