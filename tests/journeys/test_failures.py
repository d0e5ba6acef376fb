"""What is killed, down or exchanged costs time, never a submission: real processes, kill -9.

One site serves all, since its start and its end take longer than what is done to it.
"""

import time

import pytest
from django.utils import timezone

from assay import keys
from config.demo.site import manage
from ledger.actions import ms
from licensing.rules.grant import verify
from tests.journeys.running import (
    children_of,
    commands,
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
    site.publish("colours", board=400)
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


@pytest.fixture(scope="module")
def shapes(site):
    site.publish("shapes", board=40)


def test_every_key_is_exchanged_while_all_runs_and_what_it_signed_before_stands(site, shapes):
    """No process is started anew; each signs by the new keys, and refuses the old."""
    home = site.folder / "eva"
    assay = commands(home, site.url)
    assert assay("auth", "login", "--account", "eva")[0] == 0
    before, old = about(site), score_of(site, assay, 6)
    receipt, bought = receipt_of(site, assay, old), licence_of(site, assay)
    stolen = keys.read_key(home / "keys" / "default.key")
    for role in ("operator", "evaluator", "log"):
        manage(site.plan, "rotate_key", role)
    assert assay("keys", "rotate")[0] == 0
    new, now = score_of(site, assay, 7), about(site)
    assert {name for name in now if name.endswith("_key") and now[name] == before[name]} == set()
    assert assay("log", "verify", receipt, "--key", before["log_key"])[0] == 0
    held = verify(bought, before["operator_key"], now_ms=ms(timezone.now()))
    assert held.holder == "eva"
    fresh = receipt_of(site, assay, new)
    assert assay("log", "verify", fresh, "--key", now["log_key"])[0] == 0
    assert assay("log", "verify", fresh, "--key", before["log_key"])[0] != 0
    assert assay("audit", site.url)[0] == 0, "each fact is signed by the key of its place"
    (home / "keys" / "default.key").unlink()
    keys.write_key(home / "keys" / "default.key", stolen)
    assert assay("keys", "rotate")[1]["code"] == "log.key_revoked"
    assert assay("auth", "login", "--account", "eva")[0] == 4


def about(site):
    """The log's name and keys, as the running site tells them."""
    return site.anyone.get("/api/log").json()


def score_of(site, assay, number):
    """An entry with its score."""
    words = ("submit", site.adapter(number), "-c", "shapes", "--no-check")
    entry = assay(*words)[1]["id"]
    site.until(lambda: site.state_of(entry) == "scored", "a score")
    return entry


def receipt_of(site, assay, item):
    site.until(lambda: assay("log", "receipt", item, "--out", site.folder)[0] == 0, "a receipt")
    return site.folder / f"{item}.tlog-proof"


def licence_of(site, assay):
    """The signed text of a licence for the base model, which costs nothing."""
    base = site.anyone.get("/api/works?kind=base").json()["items"][0]["id"]
    found = assay("licence", "buy", base, "--use", "commercial", "--yes")[1]
    return site.anyone.get(f"/licences/{found['grant']}/grant.jws").text


@pytest.mark.redis
def test_five_entries_without_a_broker_are_accepted_and_scored_when_it_is_back(site, shapes):
    """The database is the truth, the broker a doorbell."""
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
