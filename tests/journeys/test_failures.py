"""What is killed or down costs time, never a submission: real processes, kill -9, no broker."""

import time

import pytest

from tests.journeys.running import (
    children_of,
    end_now,
    is_sandbox,
    running_site,
    sandbox_of,
)

pytestmark = [pytest.mark.journey, pytest.mark.timeout(400), pytest.mark.slow]


def test_a_killed_worker_loses_nothing_and_scores_once(tmp_path):
    """kill -9 in the middle of a job: its lease ends, another attempt scores, nobody survives."""
    with running_site(tmp_path, ASSAY_LEASE_S="30") as site:
        site.publish("colours", public=700)
        ada = site.miner("ada")
        words = ("submit", str(site.adapter(0)), "-c", "colours", "--no-check")
        entry = ada.assay(*words)["id"]
        worker = site.supervisor.pid_of("evaluate")
        at_work = site.until(lambda: _at_work(worker), "the sandbox at work")
        for pid in [*children_of(worker), worker]:
            end_now(pid)
        until_s = time.monotonic() + 3
        while (left := {pid for pid in at_work if is_sandbox(pid)}) and time.monotonic() < until_s:
            time.sleep(0.05)
        assert left == set(), "processes of the sandbox survived their worker by 3 s"
        assert ada.assay("submissions", "show", entry)["state"] == "committed"
        site.until(lambda: ada.assay("submissions", "show", entry)["state"] == "scored", "a score")
        assert site.messages("submission.scored") == 1


@pytest.mark.redis
def test_five_entries_without_a_broker_are_accepted_and_scored_when_it_is_back(tmp_path):
    """The database is the truth, the broker a doorbell."""
    with running_site(tmp_path) as site:
        site.publish("colours", public=40)
        ben = site.miner("ben")
        adapters = [site.adapter(number) for number in range(5)]
        end_now(site.supervisor.pid_of("broker"))  # nobody tends it until `until` below
        begun_s = time.monotonic()
        words = ("-c", "colours", "--no-check")
        entries = [ben.assay("submit", str(one), *words)["id"] for one in adapters]
        assert time.monotonic() - begun_s < 30
        assert site.messages("submission.committed") == 5
        assert site.messages("submission.scored") == 0

        def all_scored():
            rows = [ben.assay("submissions", "show", one)["state"] for one in entries]
            return set(rows) == {"scored"}

        site.until(all_scored, "five scores")
        assert site.messages("submission.scored") == 5


def _at_work(worker):
    """The sandbox's processes, once there is a job: a zygote, its job's supervisor, the jail."""
    found = sandbox_of(worker)
    return found if len(found) >= 3 else None
