"""Dates that cannot hold the runs that are expected are refused before anything is staked."""

from dataclasses import replace

import pytest

from competitions import queries
from competitions.actions import queue
from competitions.models import Cost
from competitions.rules.capacity import Costs, load_of
from tests import factories
from tests.competitions.test_pages_sponsor import plain
from tests.factories import at

pytestmark = pytest.mark.django_db


def test_the_load_is_that_of_everybody_expected_who_uses_every_run():
    spec = replace(factories.spec()[0], window_s=300, quota=3)  # ten minutes are two windows
    load = load_of(spec, Costs(board_ms=2000, final_ms=5000, slots=2), owners=10)
    assert (load.runs, load.board_s, load.board_room_s) == (60, 60, 660)
    assert (load.final_s, load.final_room_s) == (2 * 21 * 5 // 2, 60)
    (said,) = load.problems()
    assert "105 s" in said


def test_what_the_dates_cannot_hold_is_not_published_and_the_page_says_the_figure(
    signed_in, clock, settings
):
    settings.SLOTS, settings.EXPECTED_OWNERS = 2, 20
    factories.account("sponsor", "10000")
    factories.base_work()
    draft = factories.ready_draft(quota="5")
    manifest = draft.prepared["manifest_sha256"]
    queue.note_cost(manifest, "board", 10**7)
    queue.note_cost(manifest, "final", 1000)
    client = signed_in("sponsor")
    shown = plain(client.get(f"/sponsor/drafts/{draft.id}/review/"))
    assert "100 runs of 20 expected miners would take 5 days of" in shown
    refused = client.post(f"/sponsor/drafts/{draft.id}/publish/")
    assert refused.status_code == 422
    assert "competition.capacity" in refused.text
    assert not queries.has_competition("docs")
    Cost.objects.filter(slice="board").update(mean_ms=1000)
    assert client.post(f"/sponsor/drafts/{draft.id}/publish/").status_code == 302
    assert "100 runs of 20 expected miners would take" in plain(client.get("/competitions/docs/"))


def test_a_flood_runs_no_deadline_down(settings):
    """Guards those who entered in time: the more waits at the close, the later it is broken off."""
    settings.SLOTS = 2
    manifest = queries.competition_row(factories.competition()).spec.manifest_sha256
    queue.note_cost(manifest, "board", 500_000)
    factories.submission("ada")
    factories.deadline.advance("docs", now=at(601))
    assert queries.competition_row("docs").until_ms == factories.ledger_actions.ms(at(1600))
    assert factories.deadline.advance("docs", now=at(1599)) == []
    assert factories.deadline.advance("docs", now=at(1602)) == ["aborted"]
