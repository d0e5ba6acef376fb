"""Nobody learns before the close what a run of somebody else came to; after it everybody does.

A score that is not on the board, its records, answers and machine, and why an entry is out are
marked; then every address is asked, as anybody, as a rival and as the sponsor.
"""

import base64
import re
from itertools import product

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from competitions import queries
from competitions.actions import deadline, queue, score
from competitions.models import Evaluation
from config.urls import TABLES
from evaluator.errors import AdapterWrongBase
from ledger.models import Message
from ledger.queries import log_size
from ledger.sequencer import sequence
from tests import factories
from tests.factories import at
from tests.hostile.test_odd_values import PLACE, ROUTES
from web import auth

pytestmark = pytest.mark.django_db
HIDDEN = 23  # right answers of 40
SCORE = ("0.575000000", "575000000", ">0.575<", "57.5\u00a0%")  # no time of day looks like it
TOLD = ("ca" * 32, "c4" * 32, "canary.code", "The canary sang", "Feed the canary")
PACKED = re.compile(rb"[A-Za-z0-9+/_-]{64,}")


@pytest.fixture
def marked(db):
    """A running competition: who entered, and what must not be seen of it."""
    factories.competition(quota=3)
    factories.account("rival")
    shown = factories.scored("ada", right=30)
    hidden = factories.submission("ada", number=1)
    found = factories.result(HIDDEN, policy_sha256="ca" * 32, results_root="c4" * 32)
    work = Evaluation.objects.get(submission=hidden)
    fence = queue.lease(evaluation=work.pk, now=at(20))
    adapter = factories.blob("canonical hidden").sha256
    told = {"evaluation": work.pk, "fence": fence, "now": at(20)}
    score.record_score(**told, measured=score.Measured(adapter, found))
    error = AdapterWrongBase("The canary sang.", next_step="Feed the canary.")
    error.code = "canary.code"
    refused = factories.refused("bob", number=2, error=error)
    follow()
    records = (found.records, factories.result(30).records, found.results_sha256)
    secrets = [one.encode() for one in (*SCORE, *TOLD, *records)]
    names = {"shown": shown, "hidden": hidden, "refused": refused, "adapter": adapter}
    return names | {"answers": found.results_sha256}, secrets


def follow():
    while sequence(holder="site", now=timezone.now()):
        pass


def places(names):
    """What may stand in each place of an address."""
    entries = [names[one] for one in ("shown", "hidden", "refused")]
    said = Message.objects.filter(kind__startswith="submission")
    items = [*said.values_list("item", flat=True)]
    contest = queries.competition_row("docs")
    return {
        "name": ["docs", "ada", "bob", *entries],
        "competition": ["docs"],
        "submission": entries,
        "item": items,
        "sha256": [names["answers"], names["adapter"]],
        "table": [*TABLES],
        "work": [
            contest.spec.base_work,
            contest.spec.data_work,
            *(f"entry:{one}" for one in entries),
        ],
        "slice_name": ["board", "final"],
        "level": ["0", "entries"],
        "place": ["000", f"000.p/{log_size()}"],
    }


def addresses(names):
    known = places(names)
    for route in ROUTES:
        found = PLACE.findall(route)
        for values in product(*(known.get(one, ["x"]) for one in found)):
            given = iter(values)
            yield PLACE.sub(lambda _, given=given: next(given), route)


def told(client, address, headers):
    answer = client.get(address, headers=headers)
    raw = answer.getvalue() if answer.streaming else answer.content
    found = [raw]
    for part in PACKED.findall(raw):
        whole = part.translate(bytes.maketrans(b"-_", b"+/"))[: len(part) // 4 * 4]
        found.append(base64.b64decode(whole))
    return b"\n".join(found)


def leaks(client, names, secrets, headers):
    """(address, what it tells) of whatever tells a secret."""
    walked = {address: told(client, address, headers) for address in addresses(names)}
    assert len(walked) > 120, "the walk leads somewhere"
    return [
        (address, one)
        for address, raw in walked.items()
        for one in secrets
        if one in raw and one.decode() not in address  # a refusal may repeat what was asked for
    ]


def as_somebody(client, name):
    """Signed in on the pages and with a token for the API."""
    client.logout()
    if not name:
        return {}
    client.force_login(get_user_model().objects.get(username=name))
    return {"authorization": f"Bearer {auth.issue(name, timezone.now())}"}


ROLES = {"anybody": "", "rival": "rival", "sponsor": "sponsor"}


@pytest.mark.parametrize("viewer", ROLES.values(), ids=[*ROLES])
def test_no_address_tells_before_the_close_what_somebody_elses_run_came_to(client, marked, viewer):
    names, secrets = marked
    client.raise_request_exception = False
    assert leaks(client, names, secrets, as_somebody(client, viewer)) == []


def test_not_even_its_owner_reads_before_the_close_what_a_run_came_to_that_did_not_improve(
    client, marked
):
    """Who could read exact scores would learn the sealed rows by entering again and again."""
    names, secrets = marked
    client.raise_request_exception = False
    assert leaks(client, names, secrets, as_somebody(client, "ada")) == []


def test_the_owner_reads_the_answer_and_why_an_entry_is_out_at_once(client, marked):
    names, _ = marked
    mine = as_somebody(client, "ada")
    for address in (f"/api/submissions/{names['hidden']}", "/api/submissions",
                    f"/submissions/{names['hidden']}/", "/competitions/docs/entries/"):  # fmt: skip
        assert b"no clear improvement" in told(client, address, mine), address
        assert b"0.575" not in told(client, address, mine), address
    theirs = as_somebody(client, "bob")
    for address in (f"/api/submissions/{names['refused']}", f"/submissions/{names['refused']}/"):
        for one in (b"canary.code", b"The canary sang", b"Feed the canary"):
            assert one in told(client, address, theirs), address


def test_after_the_close_everybody_reads_it_in_the_log_and_its_tables(client, marked):
    names, secrets = marked
    deadline.advance("docs", now=at(601))
    follow()
    tables = told(client, "/api/state/competitions.Submission", {})
    log = b"".join(bytes(one) for one in Message.objects.values_list("raw", flat=True))
    for one in secrets[len(SCORE) :]:
        assert one in tables, one
        assert one in log, one
    assert b"0.575" in told(client, f"/api/submissions/{names['hidden']}", {})
