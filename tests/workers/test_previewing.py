"""A sponsor's one file, for real: the reader in its jail, what it shows, and how it is split."""

import pytest

from competitions import queries
from competitions.actions import drafts, previews
from competitions.models import Draft
from tests import factories
from workers import preparation, previewing
from workers.sandbox.reader import taken

pytestmark = [pytest.mark.django_db]
WORDS = (
    "river",
    "stone",
    "lamp",
    "paper",
    "garden",
    "bridge",
    "candle",
    "engine",
    "window",
    "road",
)


def rows(count=60):
    """Semicolons, quotes around line breaks, leading zeros, NA as a word."""
    for one in range(count):
        words = " ".join(WORDS[(one * step + one // 10) % 10] for step in (1, 3, 7))
        yield f'{one:04d};"{words}; no {one}\r\nand more";{("007", "NA", "12")[one % 3]}'


def one_file(lines):
    return ("\ufeff" + "\r\n".join(["id;review;label", *lines]) + "\r\n").encode()


def draft_of(raw, **fields):
    found = factories.draft(seed="spring", **fields)
    file = factories.blob(raw, owner="sponsor")
    stored = drafts.DraftFile("reviews.CSV", file.sha256, file.size_bytes)
    return drafts.save(
        found.id, sponsor="sponsor", fields={}, files={"whole": stored}, now=factories.NOW
    )


def read(draft):
    fence = previews.lease(draft=draft.id, now=factories.NOW)
    previewing.preview(draft.id, fence)
    found = queries.preview(draft.id)
    assert found.is_read
    assert not found.problem, found.problem
    return queries.draft_read(found)


def test_an_odd_file_is_shown_as_it_is_written_and_split_as_it_was_promised(tmp_path):
    draft = draft_of(one_file(rows()))
    found = read(draft)
    (file,) = found.files
    assert found.fault_count == 0, found
    assert (file.row_count, file.duplicates) == (60, 0)
    assert dict(file.matched) == {"text": "review", "label": "label"}
    assert file.rows[0] == ("river river river; no 0\r\nand more", "007")
    assert {(one.label, one.rows) for one in file.classes} == {("007", 20), ("NA", 20), ("12", 20)}
    assert file.guessed
    promised = {one.part: one.rows for one in found.slices}
    assert sum(promised.values()) == 60
    out, *_ = preparation._read(tmp_path, draft.id, drafts.reading_of(draft))
    train = taken(out, "train.jsonl").decode().splitlines()
    assert len(train) == promised["train"]
    assert len(taken(out, "public.jsonl").splitlines()) == promised["public"]
    assert all('"id"' not in line for line in train), "a column that nobody asked for is not read"


def test_one_bad_row_is_named_with_its_number_and_nothing_is_split():
    lines = list(rows())
    lines[17] += ";one too many"
    found = read(draft_of(one_file(lines)))
    (fault,) = found.files[0].faults
    assert fault.row == 18
    assert found.slices == ()


def test_a_file_that_cannot_prove_a_win_is_refused_with_the_number_that_can():
    found = read(draft_of(one_file(rows(14))))
    (fault,) = found.faults
    assert fault.code == "data.too_small"
    assert any(letter.isdigit() for letter in fault.message)
    assert found.slices == ()


def test_a_dry_run_that_is_asked_for_before_the_preview_reads_the_file_itself(tmp_path):
    draft = draft_of(one_file(rows()))
    out, *_ = preparation._read(tmp_path, draft.id, drafts.reading_of(draft))
    assert taken(out, "manifest.json")


def test_four_files_go_by_the_names_that_the_preview_found(tmp_path):
    found = factories.draft()
    lines = list(rows(120))
    for place, name in enumerate(drafts.SLICES):
        file = factories.blob(one_file(lines[30 * place :][:30]), owner="sponsor")
        found.files[name] = vars(drafts.DraftFile(f"{name}.csv", file.sha256, file.size_bytes))
    found.save()
    drafts.save(
        found.id, sponsor="sponsor", fields={"metric": "macro_f1"}, files={}, now=factories.NOW
    )
    found = Draft.objects.get(pk=found.id)
    assert read(found).fault_count == 0
    out, *_ = preparation._read(tmp_path, found.id, drafts.reading_of(found))
    assert b"NA" in taken(out, "train.jsonl")
