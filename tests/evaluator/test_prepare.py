from dataclasses import replace

import pytest

from evaluator.bases import MINILM
from evaluator.errors import DataRefused
from evaluator.score import racing
from evaluator.task.manifest import NO_BOARD, NO_RACE, RaceClause
from evaluator.task.overlap import Told, are_twins, runs_of, twins_between
from evaluator.task.prepare import Options, prepare
from evaluator.task.slices import commitment, unpack_inputs, unpack_labels

SALT = bytes(range(32))
OPTIONS = Options(salt=SALT, max_tokens=24)


def refusal(slices, options=OPTIONS, **changed):
    with pytest.raises(DataRefused) as refused:
        prepare(MINILM, **(slices | changed), options=options)
    return refused.value


def test_the_same_data_gives_the_same_task(slices, prepared):
    assert prepare(MINILM, **slices, options=OPTIONS) == prepared


def test_blobs_hold_what_the_manifest_says(slices, prepared):
    ids, labels = unpack_inputs(prepared.public_inputs), unpack_labels(prepared.public_labels)
    pins = prepared.manifest.test.public
    lengths = [len(rows[0].ids) for rows in ids.examples]
    assert len(lengths) == len(labels) == pins.examples == pins.units == len(slices["public"])
    assert sum(lengths) == pins.tokens
    assert max(lengths) <= 24
    assert [prepared.manifest.labels[one] for one in labels] == [
        one["label"] for one in slices["public"]
    ]


def test_only_the_salt_opens_a_sealed_slice_and_each_by_its_own_name(prepared):
    test = prepared.manifest.test
    board = (prepared.board_inputs, prepared.board_labels)
    final = (prepared.final_inputs, prepared.final_labels)
    assert commitment(SALT, "board", *board) == test.board.commitment
    assert commitment(SALT, "final", *final) == test.final.commitment
    others = [(b"\1" * 32, "final", *final), (SALT, "final", *board), (SALT, "board", *final)]
    assert test.final.commitment not in [commitment(*one) for one in others]


def test_a_task_without_a_board_says_so_and_has_no_race(slices, monkeypatch):
    monkeypatch.setattr(racing, "LEAST_EXAMPLES", 1)
    made = prepare(MINILM, **(slices | {"board": []}), options=OPTIONS)
    assert (made.manifest.test.board, made.manifest.race) == (NO_BOARD, NO_RACE)
    assert (made.board_inputs, made.board_labels) == (b"", b"")


def test_a_large_board_slice_is_raced_unless_the_sponsor_says_no(slices, monkeypatch):
    monkeypatch.setattr(racing, "LEAST_EXAMPLES", len(slices["board"]))
    options = replace(OPTIONS, places=2)
    race = prepare(MINILM, **slices, options=options).manifest.race
    assert race == RaceClause(50, 1000, 2, racing.commitment(racing.salt_of(SALT)))
    alone = prepare(MINILM, **slices, options=replace(options, is_raced=False))
    assert alone.manifest.race == NO_RACE


def test_a_label_that_the_training_data_lacks_is_named(slices):
    found = refusal(
        slices, final=[*slices["final"], {"text": "a fish swims in the sea", "label": "fish"}]
    )
    assert (found.code, found.facts["slice"], found.facts["row"]) == (
        "data.label_unknown", "final", len(slices["final"]) + 1,
    )  # fmt: skip


def test_a_metric_that_does_not_fit_the_data_is_refused(slices):
    numbers = [{**one, "label": f"0.{place}"} for place, one in enumerate(slices["train"])]
    assert refusal(slices, train=numbers).code == "data.metric_mismatch"
    assert refusal(slices, replace(OPTIONS, metric="rmse")).code == "data.metric_unknown"


def test_an_empty_slice_is_refused(slices):
    assert refusal(slices, public=[]).facts["slice"] == "public"


@pytest.mark.parametrize("spelling", [str.upper, lambda text: f"  {text}!! ", lambda text: text])
def test_test_texts_that_stand_in_the_training_data_are_refused(slices, spelling):
    copied = [{**one, "text": spelling(one["text"])} for one in slices["train"][:3]]
    found = refusal(slices, public=[*slices["public"], *copied])
    assert (found.code, found.facts["first"], found.facts["pairs"]) == ("data.overlap", "train", 3)


def test_near_duplicates_are_found_and_other_texts_are_not():
    text = "Return the number of items in the queue, or zero when the queue was closed before."
    near = text.replace("number", "count")
    other = "Return the number of open sockets, or raise an error when the pool was closed."
    assert are_twins(runs_of(text), runs_of(text + " Really."))
    assert not are_twins(runs_of(text), runs_of(other))
    rows = [Told("", one) for one in (text, near, other)]
    assert twins_between(rows[:1], rows) == 1 + are_twins(runs_of(text), runs_of(near))
