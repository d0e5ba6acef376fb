"""The data of a draft: one file or three, what a worker read of them, and what must be mended."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from competitions.actions import drafts, previews
from competitions.errors import PreparationRefused
from competitions.models import Draft, Preview
from competitions.rules.preview import Count, Fault, SliceMade, faults_between, file_read
from competitions.rules.prizes import least_wins
from evaluator.task.winnable import LEAST_WINS
from tests import factories
from tests.competitions.test_pages_sponsor import DATA, begin, files, plain, send

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


@pytest.fixture
def sponsor(signed_in):
    factories.account("sponsor", "10000")
    return signed_in("sponsor")


def one_file(rows=40, name="all.csv"):
    lines = [f"number {one},{'left' if one % 2 else 'right'}" for one in range(rows)]
    return SimpleUploadedFile(name, "\n".join(["text,label", *lines]).encode())


def test_one_file_is_enough_and_its_seed_is_kept_with_the_draft(sponsor):
    draft = begin(sponsor)
    answer = send(sponsor, draft, "data", **DATA, whole=one_file(), seed="spring", group="author")
    assert answer.headers["Location"].endswith("/data/")
    reading = drafts.reading_of(Draft.objects.get(pk=draft))
    assert (set(reading.files), reading.split) == ({"whole"}, {"seed": "spring", "group": "author"})
    assert (
        sponsor.post(f"/sponsor/drafts/{draft}/dry-run/").headers["Location"].endswith("/review/")
    )
    assert Draft.objects.get(pk=draft).state == "waiting"


def test_another_seed_voids_what_was_prepared_of_one_file(sponsor):
    draft = factories.ready_draft()
    send(sponsor, draft.id, "data", **DATA, whole=one_file(), seed="1")
    assert Draft.objects.get(pk=draft.id).state == "editing"
    Draft.objects.filter(pk=draft.id).update(state="ready")
    send(sponsor, draft.id, "data", **DATA, seed="1")
    assert Draft.objects.get(pk=draft.id).state == "ready"
    send(sponsor, draft.id, "data", **DATA, seed="2")
    assert Draft.objects.get(pk=draft.id).state == "editing"


def test_one_file_takes_the_place_of_four_and_four_that_of_one(sponsor):
    draft = begin(sponsor)
    send(sponsor, draft, "data", **DATA, **files())
    send(sponsor, draft, "data", **DATA, whole=one_file())
    assert set(Draft.objects.get(pk=draft).files) == {"whole"}
    some = {"train": files()["train"]}
    answer = send(sponsor, draft, "data", **DATA, **some)
    assert answer.status_code == 422
    assert plain(answer).count("Choose a file.") == 6, "three fields, named there and at the top"
    send(sponsor, draft, "data", **DATA, **files())
    assert set(Draft.objects.get(pk=draft).files) == {"train", "public", "board", "final"}
    both = send(sponsor, draft, "data", **DATA, **files(), whole=one_file())
    assert "not both" in plain(both)


@pytest.mark.parametrize(
    ("name", "file", "says"),
    [
        (
            "final",
            SimpleUploadedFile("final.csv", b"text,label\r\na,b\r\nc,d\r\ne,f\r\n"),
            "It has 3 rows. 5",
        ),
        (
            "final",
            SimpleUploadedFile("final.jsonl", b'{"text": "a"}\n{"text": "b"}'),
            "It has 2 rows. 5",
        ),
        ("whole", one_file(12), "It has 12 rows. 13"),
    ],
)
def test_rows_with_which_nobody_could_prove_a_win_are_refused_at_saving(sponsor, name, file, says):
    draft, sent = begin(sponsor), {} if name == "whole" else files()
    answer = send(sponsor, draft, "data", **DATA, **sent | {name: file})
    assert answer.status_code == 422
    assert says in plain(answer)
    assert name not in Draft.objects.get(pk=draft).files


def test_json_in_one_line_is_left_to_the_reader(sponsor):
    listed = SimpleUploadedFile("final.json", b'[{"text": "a"}, {"text": "b"}]')
    assert (
        send(sponsor, begin(sponsor), "data", **DATA, **files() | {"final": listed}).status_code
        == 302
    )


def waiting(sponsor):
    draft = begin(sponsor)
    send(sponsor, draft, "data", **DATA, whole=one_file())
    return draft


def piece(client, draft):
    return client.get(f"/sponsor/drafts/{draft}/preview/", headers={"HX-Request": "true"})


def test_the_preview_waits_aloud_with_and_without_script_and_then_shows_what_was_read(sponsor):
    first, draft = waiting(sponsor), waiting(sponsor)
    Preview.objects.filter(pk=first).update(asked_at=factories.at(-5))
    page = sponsor.get(f"/sponsor/drafts/{draft}/data/").text
    for text in (page, piece(sponsor, draft).text):
        assert 'hx-trigger="every 1s"' in text
        assert "<progress" in text
        assert "1 to be read before it" in text
        assert "<noscript>" in text
    slices = [SliceMade(part, rows, (Count("left", rows),)) for part, rows in
              (("train", 4), ("public", 4), ("board", 12), ("final", 24))]  # fmt: skip
    rows = (("a <b>\nnew line", "007"),)
    read = factories.file_read(rows=rows, guessed=("Semicolons separate the fields.",),
                               matched=(("text", "body"), ("label", "label")), duplicates=2,
                               warnings=("Two labels look alike.",))  # fmt: skip
    factories.previewed(draft, read, slices=slices)
    text = piece(sponsor, draft).text
    words = ["a &lt;b&gt;\nnew line", "007", "Semicolons separate", "look alike", "body"]
    words += ["left: 20, right: 20", "2 rows with a text", "left: 24", "Go on to prize"]
    for word in words:
        assert word in text, word
    assert "hx-trigger" not in text
    assert piece(sponsor, first).status_code == 200
    alone = sponsor.get(f"/sponsor/drafts/{draft}/preview/")
    assert alone.headers["Location"].endswith("/data/")


def test_all_faults_are_shown_at_once_and_no_dry_run_starts_with_them(sponsor):
    draft = waiting(sponsor)
    told = [Fault(row, "data.malformed", f"Row {row} has 3 fields.", "Mend it.") for row in (3, 9)]
    factories.previewed(draft, factories.file_read(faults=tuple(told), fault_count=30))
    text = plain(sponsor.get(f"/sponsor/drafts/{draft}/data/"))
    for word in ("30 faults", "row 3", "row 9", "Row 9 has 3 fields.", "the first 2 of 30"):
        assert word in text
    assert send(sponsor, draft, "data", **DATA).headers["Location"].endswith("/data/")
    asked = sponsor.post(f"/sponsor/drafts/{draft}/dry-run/")
    assert asked.headers["Location"].endswith("/data/")
    assert Draft.objects.get(pk=draft).state == "editing"


def test_three_files_that_cannot_prove_a_win_together_are_told_before_anything_runs():
    train = factories.file_read("train")
    few = factories.file_read("final", row_count=3, classes=(Count("other", 3),))
    (small, plain_one, odd) = faults_between([train, few])
    assert "3 rows; with fewer than 5" in small.message
    assert "have one label" in plain_one.message
    assert "3 rows of the final slice have the label 'other'" in odd.message
    assert faults_between([train, factories.file_read("final")]) == ()


def test_the_fewest_rows_are_those_that_the_payout_asks_for():
    assert least_wins(0) == LEAST_WINS


def test_a_preview_that_failed_is_told_and_asked_for_again_when_the_page_is_saved(sponsor):
    draft = waiting(sponsor)
    fence = previews.lease(draft=draft, now=factories.NOW)
    error = PreparationRefused("Reading the files took over 60 s.")
    previews.record_failure(draft=draft, fence=fence, error=error)
    assert "took over 60 s" in piece(sponsor, draft).text
    send(sponsor, draft, "data", **DATA)
    assert not Preview.objects.get(pk=draft).is_read


def test_another_metric_asks_for_another_preview_and_the_same_page_for_none(sponsor):
    draft = waiting(sponsor)
    factories.previewed(draft)
    send(sponsor, draft, "data", **DATA)
    assert Preview.objects.get(pk=draft).is_read
    send(sponsor, draft, "data", **DATA | {"metric": "macro_f1"})
    assert not Preview.objects.get(pk=draft).is_read


def test_the_page_of_the_data_is_made_of_few_queries(sponsor, django_assert_max_num_queries):
    draft = waiting(sponsor)
    factories.previewed(draft)
    with django_assert_max_num_queries(16):
        sponsor.get(f"/sponsor/drafts/{draft}/data/")
    with django_assert_max_num_queries(20):
        sponsor.get(f"/sponsor/drafts/{draft}/review/")


DOCUMENT = {
    "columns": ["text", "label"], "matched": {"text": "text", "label": "label"},
    "rows": [{"text": "a \0 byte, half \ud800 of a sign", "label": 7}], "row_count": 1,
    "classes": [{"label": "7", "count": 1}], "duplicates": 0, "guessed": [], "warnings": [],
    "lengths": {"text": {"least": 1, "median": 1, "most": 1, "unit": "characters"}},
    "faults": [{"row": None, "code": "data.empty", "message": "No rows.", "next": ""}],
    "fault_count": 1,
}  # fmt: skip


def test_a_cell_is_shown_in_a_form_that_every_database_holds():
    read = file_read("whole", "a.csv", DOCUMENT)
    assert read.rows == (("a \u2400 byte, half ? of a sign", "7"),)
    long = file_read("whole", "a.csv", DOCUMENT | {"rows": [{"text": "x" * 10_000}]})
    assert long.rows == (("x" * 240 + "\u2026", ""),)


@pytest.mark.parametrize(
    "odd",
    [{"rows": {}}, {"row_count": -1}, {"row_count": "many"}, {"matched": []}, {"columns": [7]},
     {"classes": [{"label": 7, "count": 1}]}, {"lengths": {"text": {}}}, {"faults": ["no"]},
     {"guessed": "a"}, {"fault_count": 2**60}],
)  # fmt: skip
def test_a_document_of_another_form_is_not_believed(odd):
    with pytest.raises((TypeError, KeyError, ValueError)):
        file_read("whole", "a.csv", DOCUMENT | odd)
