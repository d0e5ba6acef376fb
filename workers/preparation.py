"""From a leased draft to a registered evaluator: read the files, pin the task, measure the base.

The files come from a stranger, so they are read in a jail; the baseline is measured in the sandbox,
by the code that will score every entry.
"""

from collections.abc import Sequence
from pathlib import Path
from secrets import token_bytes, token_hex
from tempfile import TemporaryDirectory

from django.conf import settings
from django.utils import timezone

from assay import messages
from assay.errors import AssayError
from assay.messages import FileRef, RaceTerms, Result
from competitions import queries
from competitions.actions import drafts
from competitions.actions.drafts import BaseOnBoard, Preparation, Reading
from competitions.errors import PreparationRefused, SliceTooSmall
from competitions.rules.findings import Asked, Findings, findings
from competitions.rules.preview import WHOLE
from competitions.rules.results import numbers_of
from competitions.rules.seals import seal_of
from competitions.rules.spec import PUBLIC_FILES, SEALED_FILES
from competitions.rules.task import CODE_FILE, TASK_OPTION
from evaluator.errors import DataTooEasy
from evaluator.score.judging import metric_of
from evaluator.task.manifest import Manifest, read_manifest
from evaluator.task.slices import SALT_BYTES, public_root
from evaluator.task.winnable import check_room
from evaluator.training.starter import NAME as STARTER
from ledger import blobs
from ledger.actions import ms, store_own
from workers import previewing
from workers.failures import InfrastructureFailed
from workers.holding import Lease
from workers.sandbox.reader import Allowance, NotPlain, taken
from workers.scoring import Work, score_on
from workers.sponsor_files import asked

TIME_LIMIT_S = 600
ALLOWANCE = Allowance(TIME_LIMIT_S, 2 << 30)


def prepare(draft: str, fence: int) -> None:
    """Prepare a draft and write down what came of it. raises StaleAttempt"""
    found = queries.draft_for_worker(draft)

    def renew() -> None:
        drafts.extend_lease(draft=draft, fence=fence, now=timezone.now())

    with TemporaryDirectory(prefix="assay-draft-") as folder:
        try:
            out, salt, told = _read(Path(folder), draft, drafts.reading_of(found))
            now = timezone.now()
            drafts.extend_lease(draft=draft, fence=fence, now=now, stage=drafts.MEASURING)
            registered, base, costs_ms = _measured(out, Lease(renew, drafts.LEASE_S))
            names = [*PUBLIC_FILES, *[CODE_FILE] * registered.is_custom]
            names += [STARTER] * (out / STARTER).is_file()
            made = Preparation(
                registered=registered,
                files=tuple(_stored(out, name) for name in names),
                salt=salt.hex(),
                sealed=tuple(_stored(out, name) for name in SEALED_FILES),
                final_root=public_root(*_blobs(out, "final")),
                base=base,
                findings=told,
                costs_ms=costs_ms,
            )
        except (AssayError, InfrastructureFailed, NotPlain) as error:
            refusal = error if isinstance(error, AssayError) else PreparationRefused(str(error))
            drafts.record_refusal(draft=draft, fence=fence, error=refusal, now=timezone.now())
            return
        drafts.record_preparation(draft=draft, fence=fence, made=made, now=timezone.now())


def _read(folder: Path, draft: str, reading: Reading) -> tuple[Path, bytes, Findings]:
    """Run the reader over the files. raises PreparationRefused with the reader's own code"""
    salt, out = token_bytes(SALT_BYTES), folder / "out"
    (folder / "salt").write_bytes(salt)
    slices, columns = _slices(folder, draft, reading)
    words = ["--salt-file", str(folder / "salt"), "--out", str(out), "--metric", reading.metric]
    words += [word for name, path in slices.items() for word in (f"--{name}", str(path))]
    words += [f"--column={name}={there}" for name, there in columns.items()]
    words += [*reading.options, *_texts(folder, reading)]
    told = asked(folder, ["prepare", *words], ALLOWANCE)
    try:
        found = findings(told)
    except previewing.ODD as error:
        raise PreparationRefused("The reader's answer cannot be understood.") from error
    _refuse_trivial(found.oracles)
    return out, salt, found


def _slices(folder: Path, draft: str, reading: Reading) -> tuple[dict[str, Path], dict[str, str]]:
    """The four files, and how their columns are called: as the preview that was shown found it.

    One file is split here as it was for the preview; its slices have the metric's own names.
    """
    read = queries.draft_read(queries.preview(draft)) or previewing.read_files(reading)
    columns = read.columns | reading.columns
    if WHOLE in reading.files:
        _, slices = previewing.split(reading, columns)
        for name, raw in slices.items():
            (folder / f"{name}.jsonl").write_bytes(raw)
        return {name: folder / f"{name}.jsonl" for name in slices}, {}
    paths = {}
    for name, file in reading.files.items():
        paths[name] = folder / f"{name}{Path(file.name).suffix.lower()}"
        blobs.copy_to(file.sha256, paths[name])
    return paths, columns


def _refuse_trivial(oracles: Sequence[Asked]) -> None:
    """raises DataTooEasy where who looks at no row reaches the best on a test slice"""
    for one in oracles:
        if one.best_e9 in {one.constant_e9, one.shuffled_e9}:
            raise DataTooEasy(
                "One same answer everywhere, or the right answers of other rows, win the "
                f"{one.part} slice.",
                slice=one.part,
                constant_e9=one.constant_e9,
                shuffled_e9=one.shuffled_e9,
            )


def _texts(folder: Path, reading: Reading) -> list[str]:
    """Code, task file and options of the evaluator.

    Each value goes through a file of ours: the reader would open what a value like `@name` names.
    """
    told = []
    for name, value in reading.task_options.items():
        path = folder / f"option-{name}"
        path.write_text(value, "utf-8")
        told.append(f"--option={name}=@{path}")
    for name, file in reading.texts.items():
        path = folder / f"text-{name}"
        blobs.copy_to(file.sha256, path)
        told.append(f"--code={path}" if name == "code" else f"--option={TASK_OPTION}=@{path}")
    return told


def _measured(
    out: Path, lease: Lease
) -> tuple[messages.EvaluatorRegistered, BaseOnBoard, dict[str, int]]:
    """The dry run: the untouched base on public and board slice, in the sandbox.

    And how long a run takes on each sealed slice: the board's was measured, when the sandbox was
    warm; the final one's is that by their tokens.

    raises SliceTooSmall; DataTooSmall when the final slice could not prove to be better than it
    """
    raw = taken(out, "manifest.json")
    manifest = read_manifest(raw)
    _check_final(manifest.test.final.examples)
    baseline = score_on(manifest, Work(None, *_blobs(out, "public"), "public"), lease)
    begun = timezone.now()
    on_board = score_on(manifest, Work(None, *_blobs(out, "board"), "board"), lease)
    board_ms = max(1, ms(timezone.now()) - ms(begun))
    final_ms = board_ms * manifest.test.final.tokens // max(1, manifest.test.board.tokens)
    metric = metric_of(manifest)
    if metric.best:
        points = metric.points(numbers_of(on_board, metric))
        check_room(points, metric.best, manifest.test.final.examples)
    base = BaseOnBoard(token_hex(SALT_BYTES), on_board)
    name = store_own(raw, now=timezone.now())
    costs_ms = {"board": board_ms, "final": max(1, final_ms)}
    return _registered(manifest, name, baseline, base), base, costs_ms


def _check_final(rows: int) -> None:
    """The rule of this site for its sponsors; the log knows none. raises SliceTooSmall"""
    wanted = settings.LEAST_FINAL_EXAMPLES
    if rows < wanted:
        raise SliceTooSmall(
            f"The final slice has {rows} rows. On this site it needs {wanted}.",
            rows=rows,
            wanted=wanted,
        )


def _blobs(out: Path, part: str) -> tuple[bytes, bytes]:
    """Inputs and labels of a slice, as the reader left them."""
    return taken(out, f"{part}.inputs"), taken(out, f"{part}.labels")


def _registered(
    manifest: Manifest, name: str, baseline: Result, base: BaseOnBoard
) -> messages.EvaluatorRegistered:
    test, evaluator = manifest.test, manifest.metric.evaluator
    return messages.EvaluatorRegistered(
        manifest_sha256=name,
        base=manifest.base.name,
        evaluator=evaluator,
        metric=manifest.metric.name,
        is_generic=manifest.base.family == "transformers",
        is_custom=bool(manifest.code),
        code_sha256=manifest.code,
        public_examples=test.public.examples,
        public_units=test.public.units,
        board_examples=test.board.examples,
        board_units=test.board.units,
        board_commitment=test.board.commitment,
        final_examples=test.final.examples,
        final_units=test.final.units,
        final_commitment=test.final.commitment,
        baseline=baseline,
        board_baseline_e9=base.result.score_e9,
        board_seal=seal_of(base.salt, base.result),
        race=RaceTerms(**vars(manifest.race)) if manifest.race.block else None,
        at_ms=ms(timezone.now()),
    )


def _stored(out: Path, name: str) -> FileRef:
    raw = taken(out, name)
    return FileRef(name, store_own(raw, now=timezone.now()), len(raw))
