"""Dry runs for real: a sponsor's files, the reader, the sandbox, a registered evaluator.

The base is a decoder of a few thousand parameters, registered on the spot; so this also shows that
a registered base and each kind of evaluator go all the way.
"""

import json
from tempfile import NamedTemporaryFile

import pytest

from competitions import queries
from competitions.actions import drafts
from competitions.actions.drafts import DraftFile
from competitions.models import Draft
from competitions.rules.results import mark_of, public_slice
from ledger import blobs
from tests import factories
from tests.evaluator import tiny
from workers import preparation

pytestmark = [pytest.mark.django_db]
WORDS = ("river", "stone", "lamp", "paper", "garden", "bridge", "candle", "engine")


def documents(first, count):
    return [{"text": f"the {WORDS[n % 8]} and the {WORDS[n * 3 % 8]} number {n * 7919}"}
            for n in range(first, first + count)]  # fmt: skip


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A registered decoder, in a store of this module's own."""
    folder = tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASSAY_BASES", str(folder / "bases"))
        yield tiny.register(tiny.write_llama(folder / "tiny"))


def prepared(base, rows, texts=(), **fields):
    """The draft after its dry run: rows(first, count) of each slice, texts as (name, bytes)."""
    found = factories.draft(base=base.name, max_tokens="64", **fields)
    for place, name in enumerate(drafts.SLICES):
        lines = "".join(json.dumps(one) + "\n" for one in rows(100 * place, 12))
        found.files[name] = vars(stored(f"{name}.jsonl", lines))
    found.files |= {name: vars(stored(name, text)) for name, text in texts}
    found.save()
    drafts.request_preparation(found.id, sponsor="sponsor", now=factories.NOW)
    fence = drafts.lease_preparation(draft=found.id, now=factories.NOW)
    preparation.prepare(found.id, fence)
    return Draft.objects.get(pk=found.id)


def stored(name, text):
    file = factories.blob(text)
    return DraftFile(name, file.sha256, file.size_bytes)


def test_a_decoder_is_measured_by_its_likelihood_and_scored_exactly_at_the_end(base):
    made = prepared(base, documents, metric="bits_per_byte")
    assert made.state == "ready", made.problem
    evaluator = queries.evaluator_row(made.prepared["manifest_sha256"])
    assert (evaluator.evaluator, evaluator.public_examples) == ("lm", 12)
    assert evaluator.public_units > 12 * 20, "bytes, not documents"
    mark = mark_of(evaluator.baseline, public_slice(evaluator))
    assert mark.merit == sum(mark.points) < 0
    assert evaluator.baseline_e9 > 10**9, "an untrained model pays more than a bit per byte"


def test_a_value_that_names_a_file_of_the_worker_is_only_a_text(base):
    """Guards the worker's files: the reader opens what a value like @name names."""
    with NamedTemporaryFile("w") as secret:  # a value holds 80 characters
        secret.write("16")
        secret.flush()
        _says_nothing_of(secret.name, base)


def _says_nothing_of(secret, base):
    rows = lambda first, count: [  # noqa: E731
        {"prompt": one["text"], "references": "the river"} for one in documents(first, count)
    ]
    options = f"max_new_tokens = @{secret}"
    made = prepared(base, rows, metric="exact_match", options=options)
    assert made.state == "refused"
    assert made.problem["code"] == "data.option_refused"
    assert "@" in made.problem["message"]


def test_a_contest_that_one_same_answer_wins_is_refused_by_the_dry_run(base):
    rows = lambda first, count: [  # noqa: E731
        {"prompt": one["text"], "references": "yes"} for one in documents(first, count)
    ]
    made = prepared(base, rows, metric="exact_match")
    assert (made.state, made.problem["code"]) == ("refused", "data.too_easy")
    assert made.problem["facts"]["constant_e9"] == 10**9


CODE = b"def score(prediction, reference):\n    return 1 / (1 + prediction // 2**32)\n"
FAULTY = b"def score(prediction, reference):\n    tokens, size = reference\n    return size / 0\n"


def test_a_sponsors_code_scores_the_baseline_and_is_among_what_will_be_public(base, client):
    made = prepared(base, documents, [("code", CODE)], metric="custom_lm")
    assert made.state == "ready", made.problem
    evaluator = queries.evaluator_row(made.prepared["manifest_sha256"])
    assert evaluator.is_custom
    assert 0 < evaluator.baseline_e9 < 10**9
    (code,) = [one for one in made.prepared["files"] if one["name"] == "score.py"]
    assert code["sha256"] == evaluator.code_sha256
    assert client.get(f"/api/blobs/{code['sha256']}").status_code == 404
    assert blobs.read(code["sha256"], limit_bytes=1 << 20) == CODE
    assert blobs.has(evaluator.baseline.results_sha256)


def test_a_fault_in_the_code_is_told_to_the_sponsor_with_its_line(base, signed_in_sponsor):
    made = prepared(base, documents, [("code", FAULTY)], metric="custom_lm")
    assert (made.state, made.problem["code"]) == ("refused", "competition.code_failed")
    assert made.problem["facts"]["line"] == 3
    text = signed_in_sponsor.get(f"/sponsor/drafts/{made.id}/review/").text
    assert "line 3" in text
    assert "ZeroDivisionError" in text


@pytest.fixture
def signed_in_sponsor(client, db):
    factories.account("sponsor")
    user = factories.get_user_model().objects.get(username="sponsor")
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client
