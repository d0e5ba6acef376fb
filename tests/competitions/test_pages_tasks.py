"""The sponsor's choices of a task: bases, metrics that fit, options, code, task files, levels."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from hypothesis import given
from hypothesis import strategies as st

from competitions.actions import drafts
from competitions.forms.data import DataForm, base_words, metric_choices
from competitions.models import Draft
from competitions.rules.task import read_pairs
from evaluator.bases import MINILM
from evaluator.bases.catalogue import store, write_card
from evaluator.bases.shapes import DecoderShape, GenericShape
from evaluator.registry import REGISTERED
from tests import factories
from tests.competitions.test_pages_sponsor import DATA, begin, files, plain, send

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
CODE = b"def score(prediction, reference):\n    return 1\n"
DECODER = DecoderShape(
    kind="llama", hidden=8, intermediate=16, layers=1, heads=2, kv_heads=2, head_dim=4,
    positions=64, vocabulary=100, norm_eps="1e-6", is_tied=True,
    window=0, rope={"kind": "default", "theta": "10000.0"},
)  # fmt: skip
GENERIC = GenericShape("encoder", 8, 64, 100, {"layer": (8, 8)})


@pytest.fixture
def sponsor(signed_in):
    factories.account("sponsor", "10000")
    return signed_in("sponsor")


@pytest.fixture
def registered(tmp_path, monkeypatch):
    """A store with a decoder and a generic encoder, by their cards."""
    monkeypatch.setenv("ASSAY_BASES", str(tmp_path))
    for name, family, shape in (("small", "llama", DECODER), ("odd", "transformers", GENERIC)):
        told = {"name": name, "title": name, "family": family, "shape": shape, "package": ""}
        (store() / name).mkdir()
        card = write_card(type(MINILM)(**{**vars(MINILM), **told}))
        (store() / name / "base.json").write_bytes(card)


def text(name, raw=CODE):
    return SimpleUploadedFile(name, raw)


def test_registered_bases_are_offered_and_generic_ones_say_so(sponsor, registered):
    html = sponsor.get(f"/sponsor/drafts/{begin(sponsor)}/data/").text
    assert "small" in html
    assert "odd (generic: slower, not exact)" in html
    assert "generic" not in base_words(MINILM)


def test_the_page_of_the_data_says_what_each_metric_calls_its_columns(sponsor):
    page = plain(sponsor.get(f"/sponsor/drafts/{begin(sponsor)}/data/"))
    for evaluator in REGISTERED:
        assert not evaluator.columns or f"? {', '.join(evaluator.columns)}" in page


def test_metrics_stand_in_groups_of_the_evaluators_that_fit_the_base(registered):
    titles = {title for title, _ in metric_choices(MINILM)}
    assert titles < {one.title for one in REGISTERED}
    form = DataForm({"base": "small"}, stored={}, now=factories.NOW)
    offered = {name for _, metrics in form.fields["metric"].widget.choices for name, _ in metrics}
    assert {"perplexity", "bits_per_byte", "accuracy"} <= offered
    assert "ndcg_at_10" not in offered
    assert {title for title, _ in metric_choices(None)} == {one.title for one in REGISTERED}


MISTAKES = [
    ({"metric": "perplexity"}, "minilm-l6-v2 cannot be asked for this"),
    ({"metric": "custom_classification"}, "This metric needs it. Choose a file."),
    ({"base": "small", "metric": "lm_eval_acc"}, "This metric needs it. Choose a file."),
    ({"base": "small", "metric": "lm_eval_acc", "options": "task = x"}, "There is no task."),
]


@pytest.mark.parametrize(("fields", "says"), MISTAKES)
def test_choices_that_do_not_fit_together_are_named_at_their_field(
    sponsor, registered, fields, says
):
    answer = send(sponsor, begin(sponsor), "data", **DATA | fields, **files())
    assert answer.status_code == 422
    assert says in plain(answer)


@pytest.mark.parametrize(
    ("name", "file", "says"),
    [("code", text("score.txt"), "Choose a .py file."),
     ("task", text("task.py"), "Choose a .yaml file."),
     ("code", text("score.py", b"#" * 65_537), "at most 64 KiB")],
)  # fmt: skip
def test_a_text_of_another_kind_or_too_large_is_refused_at_its_field(sponsor, name, file, says):
    answer = send(sponsor, begin(sponsor), "data", **DATA, **files(), **{name: file})
    assert answer.status_code == 422
    assert says in plain(answer)


def test_code_is_kept_and_goes_to_the_reader_with_a_custom_metric_only(sponsor):
    draft = begin(sponsor)
    custom = DATA | {"metric": "custom_classification"}
    answer = send(sponsor, draft, "data", **custom, **files(), code=text("score.py"))
    assert answer.headers["Location"].endswith("/data/")
    reading = drafts.reading_of(Draft.objects.get(pk=draft))
    assert (set(reading.files), set(reading.texts)) == (
        {"train", "public", "board", "final"},
        {"code"},
    )
    assert send(sponsor, draft, "data", **custom).status_code == 302, "no second upload is needed"
    send(sponsor, draft, "data", **DATA)
    assert drafts.reading_of(Draft.objects.get(pk=draft)).texts == {}


def test_columns_options_and_level_reach_the_reader(sponsor, registered):
    chosen = {"base": "small", "metric": "exact_match"}
    chosen |= {"columns": "prompt = q", "min_sandbox_level": "landlock"}
    chosen |= {"options": 'max_new_tokens = 8\nstop = " "'}
    draft = begin(sponsor)
    assert send(sponsor, draft, "data", **DATA | chosen, **files()).status_code == 302
    reading = drafts.reading_of(Draft.objects.get(pk=draft))
    assert {"--base=small", "--min-sandbox-level=landlock"} <= set(reading.options)
    assert (reading.metric, reading.columns) == ("exact_match", {"prompt": "q"})
    assert reading.task_options == {"max_new_tokens": "8", "stop": " "}


def test_no_sponsor_can_have_a_race(sponsor):
    """Where a run was stopped tells its owner more of the sealed board than the board does."""
    draft = begin(sponsor)
    asked = send(sponsor, draft, "data", **DATA, race="on", **files())
    assert asked.status_code == 422
    assert "This form has no field race." in asked.text
    assert send(sponsor, draft, "data", **DATA, **files()).status_code == 302
    reading = drafts.reading_of(Draft.objects.get(pk=draft))
    assert "--no-race" in reading.options
    assert "--race" not in reading.options


@pytest.mark.parametrize("line", ["text", "= body", "text = ", "Text = body", "text = -x",
                                  'text = "open', "text = a\ntext = b"])  # fmt: skip
def test_a_line_that_is_no_pair_is_named(line):
    with pytest.raises(ValueError, match=r"."):
        read_pairs(line)


NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True)
VALUES = st.from_regex(r"[A-Za-z0-9@][ -!#-~]{0,20}[A-Za-z0-9]", fullmatch=True)


@given(st.dictionaries(NAMES, VALUES))
def test_pairs_are_read_as_they_were_written(pairs):
    assert read_pairs("\n".join(f"{name} = {value}" for name, value in pairs.items())) == pairs
