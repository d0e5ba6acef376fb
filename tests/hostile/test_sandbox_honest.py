"""The real scorer on the real base: locked up at every level, it answers as it does outside."""

import hashlib
import importlib
from pathlib import Path

import pytest
import torch

from evaluator.bases import MINILM, folder_of
from evaluator.blob import write_blob
from evaluator.score import scoring
from evaluator.task.manifest import to_bytes
from evaluator.task.prepare import Options, prepare
from workers.sandbox import bubblewrap
from workers.sandbox.errors import ZygoteFailed
from workers.sandbox.fresh import Fresh, Needs
from workers.sandbox.levels import Level, probe
from workers.sandbox.runner import Job, Sandbox, Status

HOST = probe()
RANK = 4
CLASSES = ("bread", "clock", "river")


def words_of(label, number):
    """Text without a twin: words made of a hash."""
    drawn = hashlib.sha256(f"{label}{number}".encode()).hexdigest()
    return f"{label} " + " ".join(drawn[start : start + 5] for start in range(0, 40, 5))


@pytest.fixture(scope="module")
def task():
    train, public, final = (
        [
            {"text": words_of(label, number), "label": label}
            for label in CLASSES
            for number in range(first, first + 20)
        ]
        for first in (0, 100, 200)
    )
    return prepare(MINILM, train, public, final, Options(salt=bytes(32), budget_tokens=1024))


@pytest.fixture(scope="module")
def adapter(task):
    """A blob with every target and a head that is not zero, so that predictions differ."""
    chance = torch.Generator().manual_seed(7)

    def drawn(*shape):
        values = torch.randn(shape, generator=chance) * 0.05
        return shape, values.numpy().astype("<f4").tobytes()

    clause = task.manifest.adapter
    tensors = {name: drawn(*shape) for name, shape in clause.head.items()}
    for module, (out, into) in clause.targets.items():
        tensors |= {f"{module}.A": drawn(RANK, into), f"{module}.B": drawn(out, RANK)}
    return write_blob(RANK, 1.0, tensors)


def rows_of(rows):
    return tuple(map(tuple, rows))


@pytest.fixture(scope="module")
def free_answers(task, adapter):
    """(blob, what the scorer answers without a sandbox): the adapter, and the baseline."""
    weights, manifest = scoring.load_base(folder_of(MINILM)), to_bytes(task.manifest)
    return [
        (blob, rows_of(scoring.predict(weights, blob, task.final_inputs, manifest)))
        for blob in (adapter, None)
    ]


@pytest.mark.parametrize("level", list(Level), ids=lambda level: level.value)
def test_the_locked_scorer_answers_as_the_free_one(level, task, free_answers):
    if not HOST.gives(level):
        pytest.skip(
            f"no sandbox level {level.value} on this host: {HOST.explain() or HOST.landlock}"
        )
    folder, manifest = folder_of(MINILM), to_bytes(task.manifest)
    with Sandbox(folder, level) as sandbox:
        for blob, free in free_answers:
            outcome = sandbox.run(Job(blob, task.final_inputs, manifest))
            assert outcome.status is Status.OK, outcome
            assert outcome.predictions == free
            assert outcome.peak_bytes < 1 << 30
        assert set(outcome.predictions) == {(0,)}  # a head of zeros: the lowest class
        assert len(set(free_answers[0][1])) > 1  # the adapter's are not all alike
        damaged = sandbox.run(Job(b"not a blob", task.final_inputs, manifest))
        assert damaged.status is Status.CRASH
        assert b"not a canonical adapter blob" in damaged.log_tail


@pytest.fixture(scope="module")
def fresh_or_skip():
    if reason := bubblewrap.why_not():
        pytest.skip(f"no fresh jails on this host: {reason}")


def test_a_fresh_jail_answers_as_the_free_scorer(fresh_or_skip, task, free_answers):
    with Fresh(folder_of(MINILM), scorer="evaluator.score.scoring") as sandbox:
        blob, free = free_answers[0]
        outcome = sandbox.run(Job(blob, task.final_inputs, to_bytes(task.manifest)))
    assert (outcome.status, outcome.predictions) == (Status.OK, free), outcome
    assert outcome.cpu_s < outcome.chain_s + 5


def test_kernels_are_compiled_only_where_the_base_asks_for_it(fresh_or_skip):
    scorer = "tests.hostile.kernels_on_the_spot"
    module = importlib.import_module(scorer)
    free = rows_of(module.predict(module.load_base(None), None, b"", b""))
    for needs, status in ((Needs(opens=True), Status.CRASH), (Needs(jit=True), Status.OK)):
        with Fresh(None, scorer=scorer, needs=needs) as sandbox:
            outcome = sandbox.run(Job(None, b"", b""))
            assert outcome.status is status, outcome
    assert outcome.predictions == free


def test_a_base_that_is_not_there_is_an_error_with_the_last_words(tmp_path):
    with pytest.raises(ZygoteFailed) as failed, Sandbox(Path(tmp_path)):
        pass
    assert failed.value.code == "sandbox.not_started"
    assert "config.json" in str(failed.value.facts["said"])
