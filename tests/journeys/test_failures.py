"""What is killed or down costs time, never a submission: real processes, kill -9, no broker.

One site serves both, since its start and its end take longer than what is done to it.
"""

import time

import pytest

from tests.journeys.running import (
    children_of,
    end_now,
    is_sandbox,
    running_site,
    sandbox_of,
)

pytestmark = [pytest.mark.journey, pytest.mark.timeout(3600), pytest.mark.slow]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with running_site(tmp_path_factory.mktemp("site"), ASSAY_LEASE_S="12") as found:
        yield found


def test_a_killed_worker_loses_nothing_and_scores_once(site):
    """kill -9 in the middle of a job: its lease ends, another attempt scores, nobody survives."""
    site.publish("colours", public=400)
    ada = site.miner("ada")
    words = ("submit", str(site.adapter(0)), "-c", "colours", "--no-check")
    scored = site.messages("submission.scored")
    entry = ada.assay(*words)["id"]
    worker = site.supervisor.pid_of("evaluate")
    at_work = site.until(lambda: _at_work(worker), "the sandbox at work")
    for pid in [*children_of(worker), worker]:
        end_now(pid)
    while any(is_sandbox(pid) for pid in at_work):  # who survives its worker hangs this test
        time.sleep(0.05)
    assert site.state_of(entry) == "committed"
    site.until(lambda: site.state_of(entry) == "scored", "a score")
    assert site.messages("submission.scored") == scored + 1


@pytest.mark.redis
def test_five_entries_without_a_broker_are_accepted_and_scored_when_it_is_back(site):
    """The database is the truth, the broker a doorbell."""
    site.publish("shapes", public=40)
    ben = site.miner("ben")
    adapters = [site.adapter(number) for number in range(1, 6)]
    kinds = ("submission.committed", "submission.scored")
    committed, scored = map(site.messages, kinds)
    end_now(site.supervisor.pid_of("broker"))  # nobody tends it until `until` below
    words = ("-c", "shapes", "--no-check")
    entries = [ben.assay("submit", str(one), *words)["id"] for one in adapters]
    assert tuple(map(site.messages, kinds)) == (committed + 5, scored)
    site.until(lambda: {site.state_of(one) for one in entries} == {"scored"}, "five scores")
    assert site.messages("submission.scored") == scored + 5


def _at_work(worker):
    """The sandbox's processes, once there is a job: a zygote, its job's supervisor, the jail."""
    found = sandbox_of(worker)
    return found if len(found) >= 3 else None
