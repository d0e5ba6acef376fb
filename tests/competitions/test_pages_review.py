"""The last page before publishing: how far the dry run is, what it found and pinned, what moves."""

import pytest

from competitions.actions import drafts
from competitions.errors import PreparationRefused
from competitions.rules.findings import findings
from competitions.rules.prizes import least_wins, separable, wins_of
from competitions.views.measured import gaps
from tests import factories
from tests.competitions.test_pages_sponsor import plain

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
SUMMARY = {
    "options": {"tokenize": "ja-mecab"},
    "oracles": {"final": {"best_e9": 10**9, "constant_e9": 5 * 10**8, "shuffled_e9": 3 * 10**8,
                          "is_trivial": False}},
    "warnings": ["Two labels look alike."],
}  # fmt: skip


@pytest.fixture
def sponsor(signed_in):
    factories.account("sponsor", "10000")
    return signed_in("sponsor")


def shown(client, draft, **headers):
    return client.get(f"/sponsor/drafts/{draft.id}/review/", headers=headers)


def asked(name, seconds=0):
    made = factories.draft(name=name)
    now = factories.at(seconds)
    return drafts.request_preparation(made.id, sponsor="sponsor", now=now)


def test_a_dry_run_says_what_it_waits_for_and_which_stage_it_is_in(sponsor):
    first, second = asked("one"), asked("two", 5)
    factories.competition("docs", "other")
    factories.submission()
    for headers in ({}, {"HX-Request": "true"}):
        page = shown(sponsor, second, **headers)
        assert "1 dry run and 1 scoring run wait too" in plain(page)
        assert "<progress" in page.text
        assert "<noscript>" in page.text
        assert "every 2s" in page.text
    assert "1 scoring run wait too" in plain(shown(sponsor, first))
    fence = drafts.lease_preparation(draft=second.id, now=factories.at(6))
    assert "A worker reads the files and pins the task" in plain(shown(sponsor, second))
    drafts.extend_lease(draft=second.id, fence=fence, now=factories.at(7), stage=drafts.MEASURING)
    page = shown(sponsor, second)
    assert "The untouched base answers sample and board" in plain(page)
    assert page.text.count('class="done"') >= 2


def test_the_findings_of_the_dry_run_are_shown(sponsor):
    draft = factories.ready_draft()
    found = findings(SUMMARY | {"labels": ["a"]})
    draft.prepared["findings"] = factories.to_json(found)
    draft.save()
    text = plain(shown(sponsor, draft))
    for word in ("Two labels look alike.", "tokenize = “ja-mecab”", "0.500000000", "0.300000000",
                 "Final data"):  # fmt: skip
        assert word in text, word


@pytest.mark.parametrize("odd", [{"warnings": [7]}, {"oracles": []}, {"options": {"a": 1}},
                                 {"oracles": {"final": {"best_e9": "1"}}}])  # fmt: skip
def test_a_summary_of_another_form_is_not_believed(odd):
    with pytest.raises((TypeError, KeyError, ValueError)):
        findings(SUMMARY | odd)


def test_rows_that_nobody_can_win_are_named(sponsor):
    draft = asked("docs")
    fence = drafts.lease_preparation(draft=draft.id, now=factories.NOW)
    told = {"code": "data.unwinnable", "message": "30 rows cannot be won.", "next": "Mend them."}
    told["facts"] = {"rows": [3, 9], "count": 30}
    error = PreparationRefused.told(told)
    drafts.record_refusal(draft=draft.id, fence=fence, error=error, now=factories.NOW)
    text = plain(shown(sponsor, draft))
    assert "data.unwinnable" in text
    assert "The rows: 3, 9 and 28 more." in text


def test_the_last_page_says_what_is_pinned_what_moves_and_the_smallest_win(sponsor):
    factories.base_work()
    draft = factories.ready_draft()
    page = shown(sponsor, draft)
    text = plain(page)
    assert all(one["sha256"] in page.text for one in draft.prepared["files"])
    assert draft.prepared["final_commitment"] in page.text
    for word in ("925", "25", "50", "100", "1100", "616.666666666", "12.50 %", "5 examples"):
        assert word in text, word
    assert text.index("Winners") < text.index("Bond, 10.00 %") < text.index("Taken now")


def test_a_gap_is_the_smallest_that_the_sign_test_can_tell():
    assert least_wins(0) == 5
    assert [wins_of(one) for one in (4, 5, 6, 8)] == [None, 5, 6, 7]
    for one in gaps("accuracy", 40):
        lost = one.differing - one.wins
        assert separable((1,) * one.wins + (0,) * lost, (0,) * one.wins + (1,) * lost)
        less = (1,) * (one.wins - 1) + (0,) * (lost + 1)
        assert not separable(less, tuple(1 - each for each in less))
        assert one.gap_e9 == (one.wins - lost) * 10**9 // 40
    assert gaps("accuracy", 4) == []
    assert all(one.gap_e9 is None for one in gaps("rouge_l", 40))


def test_the_polled_piece_of_the_dry_run_is_a_piece(sponsor):
    draft = factories.draft()
    piece = {"HX-Request": "true"}
    text = sponsor.get(f"/sponsor/drafts/{draft.id}/review/", headers=piece).text
    assert text.startswith('<div id="dry-run"')
