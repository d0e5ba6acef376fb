"""From a leased draft to a registered evaluator: read the files, pin the task, measure the base.

The files come from a stranger, so they are read in a jail; the baseline is measured in the sandbox,
by the code that will score every entry.
"""

import json
import subprocess
from pathlib import Path
from secrets import token_bytes
from tempfile import TemporaryDirectory

from django.utils import timezone

from assay import messages
from assay.errors import AssayError
from assay.messages import FileRef
from assay.wire import Nano
from competitions import queries
from competitions.actions import drafts
from competitions.actions.drafts import DraftFile, Preparation
from competitions.errors import PreparationRefused
from competitions.rules.spec import PUBLIC_FILES
from evaluator.manifest import Manifest, read_manifest
from evaluator.metrics import metric_named
from evaluator.slices import SALT_BYTES, unpack_labels
from ledger import blobs
from ledger.actions import ms
from workers.sandbox.reader import Allowance, NotPlain, run_reader, taken
from workers.sandbox.runner import Job
from workers.scoring import InfrastructureFailed, classes_of, run

TIME_LIMIT_S = 600
ALLOWANCE = Allowance(TIME_LIMIT_S, 12 << 30)
SLICES = ("train", "public", "final")


def prepare(draft: str, fence: int) -> None:
    """Prepare a draft and write down what came of it. raises StaleAttempt"""
    found = queries.draft_for_worker(draft)
    with TemporaryDirectory(prefix="assay-draft-") as folder:
        try:
            files = drafts.files_of(found)
            out, salt = _read(Path(folder), files, drafts.options_of(found))
            made = Preparation(
                registered=_measured(out),
                files=tuple(_stored(out, name) for name in PUBLIC_FILES),
                salt=salt.hex(),
                inputs=_stored(out, "final.inputs"),
                labels=_stored(out, "final.labels"),
            )
        except (AssayError, InfrastructureFailed, NotPlain) as error:
            refusal = error if isinstance(error, AssayError) else PreparationRefused(str(error))
            drafts.record_refusal(draft=draft, fence=fence, error=refusal, now=timezone.now())
            return
        drafts.record_preparation(draft=draft, fence=fence, made=made, now=timezone.now())


def _read(folder: Path, files: dict[str, DraftFile], options: dict[str, str]) -> tuple[Path, bytes]:
    """Run the reader over the three files. raises PreparationRefused with the reader's own code"""
    salt, out = token_bytes(SALT_BYTES), folder / "out"
    (folder / "salt").write_bytes(salt)
    asked = {"--salt-file": folder / "salt", "--out": out, **options}
    for name in SLICES:
        path = folder / f"{name}{Path(files[name].name).suffix.lower()}"
        blobs.copy_to(files[name].sha256, path)
        asked[f"--{name}"] = path
    arguments = [str(part) for pair in asked.items() for part in pair]
    try:
        done = run_reader(["-m", "evaluator", "prepare", *arguments], folder, ALLOWANCE)
    except subprocess.TimeoutExpired as error:
        raise PreparationRefused(f"Reading the files took over {TIME_LIMIT_S} s.") from error
    if done.exit_code != 0:
        raise _refusal(done.said, done.noise)
    return out, salt


def _refusal(said: str, noise: str) -> PreparationRefused:
    """The reader's own error, or the end of what it said before it died."""
    try:
        told = json.loads(said.strip().splitlines()[-1])["error"]
        return PreparationRefused.told(told)
    except (ValueError, IndexError, KeyError, TypeError):
        return PreparationRefused(f"The reader ended early: {noise[-300:]}")


def _measured(out: Path) -> messages.EvaluatorRegistered:
    """The dry run: the untouched base on the public slice, in the sandbox."""
    raw = taken(out, "manifest.json")
    manifest = read_manifest(raw)
    outcome = run(manifest, _job(out, raw), least=manifest.min_sandbox_level)
    labels = unpack_labels(taken(out, "public.labels"))
    metric = metric_named(manifest.metric.name)
    ones = metric.per_example(classes_of(outcome), labels)
    return _registered(manifest, blobs.put_bytes(raw), metric.score_e9(ones), outcome.level.value)


def _job(out: Path, manifest: bytes) -> Job:
    return Job(None, taken(out, "public.inputs"), manifest)


def _registered(
    manifest: Manifest, name: str, baseline_e9: int, level: str
) -> messages.EvaluatorRegistered:
    return messages.EvaluatorRegistered(
        manifest_sha256=name,
        base=manifest.base.name,
        metric=manifest.metric.name,
        public_examples=manifest.test.public.examples,
        final_examples=manifest.test.final.examples,
        final_commitment=manifest.test.final.commitment,
        baseline_e9=Nano(baseline_e9),
        sandbox_level=level,
        at_ms=ms(timezone.now()),
    )


def _stored(out: Path, name: str) -> FileRef:
    raw = taken(out, name)
    return FileRef(name, blobs.put_bytes(raw), len(raw))
