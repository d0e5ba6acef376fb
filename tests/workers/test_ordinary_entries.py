"""An ordinary adapter of each family, from the base's folder to a scored entry.

Through the doors that people use: the base is added, a sponsor's draft is prepared and published, a
miner downloads the files, runs the starter and enters what it saved, and a worker scores it. The
oracle is transformers with peft. Two families run in the real sandbox, which costs the start of an
interpreter or two each; the others are computed in this process, by the very scorer of the sandbox.
"""

import json
import sys

import pytest
import torch
from peft import AutoPeftModelForSequenceClassification

from competitions import queries
from competitions.actions import contest, deadline, entry, queue
from competitions.forms import plan
from competitions.models import Evaluation
from competitions.rules.task import SANDBOX_LEVELS
from evaluator.bases import base_id, base_named, folder_of
from evaluator.doors import base as base_door
from evaluator.generic import scoring as generic_scoring
from evaluator.score import scoring
from evaluator.task.manifest import read_manifest
from ledger import blobs, log
from tests import factories
from tests.evaluator import ordinary
from tests.evaluator.conftest import examples
from tests.evaluator.tiny import tiny_tokenizer
from tests.workers.test_preparation import prepared
from workers import scoring as hands
from workers.sandbox.levels import Level
from workers.sandbox.runner import Outcome, Status

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
JAILED = ("distilbert", "llama")
FAMILIES = ("bert", "roberta", "distilbert", "modernbert", "llama", "qwen3")
STEPS, NOISE, E9 = 12, 0.3, 10**9  # enough that texts differ in class
BOARD = examples(200, 12)  # the rows of the board in what `prepared` is given


class InThisProcess:
    """The scorer of the sandbox without its jail."""

    level, policy_sha256 = Level(SANDBOX_LEVELS[-1]), "9" * 64

    def __init__(self, base):
        self.scorer = generic_scoring if base.is_generic else scoring
        self.weights = self.scorer.load_base(folder_of(base))

    def run(self, job):
        found = self.scorer.predict(
            self.weights, job.adapter, job.inputs, job.manifest
        )  # fmt: skip
        rows = tuple(map(tuple, found))
        return Outcome(Status.OK, rows, 1.0, 1.0, 4096, self.level, self.policy_sha256)


@pytest.fixture
def added(tmp_path, monkeypatch, request):
    """The family's base, added by its door; its folder as transformers saved it."""
    monkeypatch.setenv("ASSAY_BASES", str(tmp_path / "store"))
    source = ordinary.made(tmp_path / "base", request.param, NOISE)
    words = ["add", source, "--name", request.param, "--licence", "MIT", "--author", "somebody"]
    monkeypatch.setattr(sys, "argv", ["base", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        base_door.main()
    assert ended.value.code == 0
    base = base_named(request.param)
    if request.param not in JAILED:
        monkeypatch.setattr(hands, "sandbox_of", lambda _: InThisProcess(base))
    return base, source


def published(base):
    """A draft on this base after its dry run, published and open."""
    factories.account("sponsor", "10000")
    factories.work("base", base_id(base), owner="base-author")
    draft = prepared(base, examples, race="")
    assert draft.state == "ready", draft.problem
    values = plan.cleaned(draft, now=factories.NOW)
    asked = plan.publication(draft, values, sponsor="sponsor", now=factories.NOW)
    contest.publish_for("sponsor", draft.id, asked, now=factories.NOW)
    assert deadline.advance(asked.competition, now=factories.at(1)) == ["open"]
    return asked.competition, asked.spec


def downloaded(client, spec, folder):
    """The competition's files, as everybody gets them."""
    folder.mkdir()
    for file in spec.files:
        answer = client.get(f"/api/blobs/{file.sha256}")
        assert answer.status_code == 200
        (folder / file.name).write_bytes(b"".join(answer))
    return folder


def entered(competition, spec, adapter):
    """Commit the two files of an adapter's folder; the entry's id."""
    factories.account("miner")
    names = [
        factories.blob((adapter / name).read_bytes(), owner="miner").sha256
        for name in ("adapter_config.json", "adapter_model.safetensors")
    ]
    body = factories.committed("miner", competition, names, "Ordinary", tags=spec.required_tags)
    order = log.order_for("miner", body, idempotency="ordinary")
    return entry.commit(order, now=factories.at(20)).id


def classes_there(adapter, manifest):
    """What transformers and peft predict of each text of the board."""
    tokenizer = tiny_tokenizer()
    tokenizer.enable_truncation(manifest.tokenizer.max_tokens)
    model = AutoPeftModelForSequenceClassification.from_pretrained(
        adapter, num_labels=len(manifest.labels)
    ).eval()
    with torch.inference_mode():
        return [
            int(model(input_ids=torch.tensor([tokenizer.encode(one["text"]).ids])).logits.argmax())
            for one in BOARD
        ]


@pytest.mark.parametrize("added", FAMILIES, indirect=True)
def test_an_ordinary_adapter_is_scored_as_transformers_and_peft_predict(
    added, client, tmp_path, now
):
    base, source = added
    competition, spec = published(base)
    files = downloaded(client, spec, tmp_path / "files")
    adapter = ordinary.run_starter(files / "starter.py", source, tmp_path / "adapter", STEPS)
    made = entered(competition, spec, adapter)
    work = Evaluation.objects.get(submission=made, slice="board")
    hands.score(work.pk, queue.lease(evaluation=work.pk, now=factories.at(30)))
    found = queries.entry_row(made)
    assert found.state == "scored", factories.as_its_owner_sees(made).refusal_code
    manifest = read_manifest((files / "manifest.json").read_bytes())
    wanted = classes_there(adapter, manifest)
    labels = [manifest.labels.index(one["label"]) for one in BOARD]
    right = sum(one == label for one, label in zip(wanted, labels, strict=True))
    assert len(set(wanted)) > 1
    assert found.score_e9 == round(right * E9 / len(labels))
    sealed = queries.sealed_results([made])[made]
    results = json.loads(blobs.read(sealed["results_sha256"], limit_bytes=1 << 20))
    assert results["predictions"] == [[one] for one in wanted]
