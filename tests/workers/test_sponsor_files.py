"""One file of a sponsor's, looked at and shared out by a worker: in the jail, by the real door."""

import json

import pytest

from assay.messages import FileRef
from competitions.errors import PreparationRefused
from tests import factories
from workers import sponsor_files

pytestmark = [pytest.mark.django_db]
COLUMNS = {"text": "review", "label": "class"}
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def stored(name, text):
    file = factories.blob(text)
    return FileRef(name, file.sha256, file.size_bytes)


def words(k):
    return " ".join(LETTERS[(k * step + step) % 26] * 3 for step in (1, 3, 7, 9))


def reviews(count):
    lines = (f"{words(k)} {k};{'np'[k % 2]}" for k in range(count))
    return stored("Reviews of May.CSV", "review;class\n" + "\n".join(lines) + "\n")


def test_a_worker_previews_a_file_of_any_name():
    found = sponsor_files.preview(reviews(30), metric="accuracy", columns={})
    assert found["matched"] == COLUMNS
    assert found["row_count"] == 30
    assert found["classes"] == [{"label": "n", "count": 15}, {"label": "p", "count": 15}]
    assert found["faults"] == []


def test_a_worker_splits_a_file_and_takes_the_slices():
    told, files = sponsor_files.split(
        reviews(60), {"metric": "accuracy", "seed": "7"}, columns=COLUMNS
    )
    rows = {name: raw.decode().splitlines() for name, raw in files.items()}
    assert {name: len(lines) for name, lines in rows.items()} == {
        name: one["rows"] for name, one in told["slices"].items()
    }
    assert sum(map(len, rows.values())) == 60
    assert {*json.loads(rows["final"][0])} == {"text", "label"}


def test_a_split_that_proves_nothing_is_refused_with_the_readers_own_code():
    with pytest.raises(PreparationRefused) as refused:
        sponsor_files.split(reviews(9), {"metric": "accuracy", "seed": "7"}, columns=COLUMNS)
    assert refused.value.code == "data.too_small"
    assert refused.value.facts["wanted"]
