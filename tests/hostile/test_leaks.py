"""Nobody learns before the close what a run of somebody else came to; after it everybody does.

Twins: two sites that differ by nothing but hidden results, of which the board tells the same. Every
address is asked, as anybody, as a rival, as the sponsor and as the owner, and so is the command
line: the answers are alike but for ids and salts, as long, and cost as many queries. In one of the
twins a score that is not on the board, its records, answers and machine, and why an entry is out
or waits are marked besides, and looked for in all that was told.
"""

import re
from itertools import product, zip_longest
from typing import NamedTuple

import httpx2
import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.test import Client, override_settings
from django.utils import timezone
from typer.testing import CliRunner

from assay.cli.main import app
from competitions import queries
from competitions.actions import deadline, queue, score
from competitions.models import Evaluation, Opening
from config.urls import TABLES
from evaluator.errors import AdapterWrongBase
from ledger.models import Message
from ledger.queries import log_size
from ledger.sequencer import sequence
from tests import factories
from tests.conftest import tiles_apart
from tests.factories import at
from tests.hostile.test_odd_values import PLACE, ROUTES
from tests.hostile.twins import Answer, Names, asked
from web import auth

SCORE = ("0.575000000", "575000000", ">0.575<", "57.5\u00a0%")  # no time of day looks like it
TOLD = ("ca" * 32, "c4" * 32, "canary.code", "The canary sang", "Feed the canary", "canary's disk")
ROLES = {"anybody": "", "rival": "rival", "sponsor": "sponsor", "owner": "ada"}
URL = "http://testserver"
SPEED = re.compile(r"[\d,]+ messages/s")


class Twin(NamedTuple):
    """What is hidden. right: answers of each entry of ada that the board does not show"""

    right: tuple[int, ...]
    machine: str
    answers: str
    refusal: tuple[str, str, str]
    failure: str


MARKED = Twin(
    right=(23, 25, 27),
    machine="ca" * 32,
    answers="c4" * 32,
    refusal=("canary.code", "The canary sang.", "Feed the canary."),
    failure="The canary's disk is full.",
)
OTHER = Twin(
    right=(29, 24, 11),
    machine="d0" * 32,
    answers="d1" * 32,
    refusal=("adapter.other", "A tensor has the wrong shape, and much more.", ""),
    failure="No route to the base.",
)


def populate(twin):
    """A running competition: who entered, and what must not be seen of it."""
    factories.competition(quota=4)
    factories.account("rival")
    shown = factories.scored("ada", right=30)
    found = factories.result(twin.right[0], policy_sha256=twin.machine, results_root=twin.answers)
    hidden = factories.submission("ada", number=1)
    adapter = factories.blob(f"canonical hidden {twin.failure}").sha256
    work, fence = leased(hidden)
    told = {"evaluation": work.pk, "fence": fence, "now": at(20)}
    score.record_score(**told, measured=score.Measured(adapter, found))
    more = [
        factories.scored("ada", number=2 + n, right=one) for n, one in enumerate(twin.right[1:])
    ]
    error = AdapterWrongBase(twin.refusal[1], next_step=twin.refusal[2])
    error.code = twin.refusal[0]
    refused = factories.refused("bob", number=5, error=error)
    waiting = factories.submission("bob", number=6)
    work, fence = leased(waiting)
    score.record_failure(evaluation=work.pk, fence=fence, reason=twin.failure, now=at(20))
    follow()
    records = (found.records, factories.result(30).records, found.results_sha256)
    secrets = [one.encode() for one in (*SCORE, *TOLD, *records)]
    names = {"shown": shown, "hidden": hidden, "refused": refused, "adapter": adapter}
    entries = [shown, hidden, *more, refused, waiting]
    names |= {"answers": found.results_sha256, "entries": entries, "files": of_files()}
    return names, secrets


def of_files():
    """Salts and hashes of what was entered: the owner alone reads them."""
    rows = Opening.objects.values_list("salt", "config_sha256", "tensors_sha256", "adapter_sha256")
    return [value.encode() for row in rows for value in row if value]


def leased(entry):
    work = Evaluation.objects.get(submission=entry)
    return work, queue.lease(evaluation=work.pk, now=at(20))


def follow():
    while sequence(holder="site", now=timezone.now()):
        pass


def places(names, route):
    """What may stand in each place of an address."""
    contest = queries.competition_row("docs")
    things = {"/api/competitions": ["docs"], "/api/submissions": names["entries"]}
    people = [start for start in things if route.startswith(start)]
    judged = ("submission.scored", "submission.refused")
    facts = Message.objects.filter(kind__in=judged).order_by("pk")
    return {
        "name": things[people[0]] if people else ["ada", "bob"],
        "competition": ["docs"],
        "submission": names["entries"],
        "item": [*facts.values_list("item", flat=True)],
        "sha256": [names["answers"], names["adapter"]],
        "table": [*TABLES],
        "work": [contest.spec.base_work, contest.spec.data_work, f"entry:{names['hidden']}"],
        "slice_name": ["board", "final"],
        "level": ["0", "entries"],
        "place": ["000", f"000.p/{log_size()}"],
    }


def addresses(names):
    for route in ROUTES:
        known = places(names, route)
        found = PLACE.findall(route)
        for values in product(*(known.get(one, ["x"]) for one in found)):
            given = iter(values)
            yield PLACE.sub(lambda _, given=given: next(given), route)


def as_somebody(client, name):
    """Signed in on the pages and with a token for the API."""
    client.logout()
    if not name:
        return {}
    client.force_login(get_user_model().objects.get(username=name))
    return {"authorization": f"Bearer {auth.issue(name, timezone.now())}"}


def walk(names, viewer):
    """What each address tells a viewer."""
    client = Client(raise_request_exception=False)
    headers = as_somebody(client, viewer)
    return [asked(client, address, headers) for address in addresses(names)]


OF_ENTRIES = ("submissions show", "submissions show --json", "explain", "rerun --out FOLDER/again",
              "log receipt --out FOLDER/proof")  # fmt: skip
OF_ALL = ("competitions list", "competitions show docs", "leaderboard docs --json",
          "leaderboard docs", "submissions list --json", "nominate -c docs --json")  # fmt: skip
COPIED = ("competitions download docs --out FOLDER/docs", f"log export {URL} --out FOLDER/copy",
          f"audit {URL}")  # fmt: skip


def commands(names, viewer):
    """What one asks by the command line; a copy of all is the same whoever makes it."""
    asked_of = OF_ENTRIES if not viewer else OF_ENTRIES[:2]
    yield from (f"{words} {names[one]}" for one in ("hidden", "refused") for words in asked_of)
    yield from OF_ALL if viewer else (*OF_ALL, *COPIED)


def said(names, viewer, folder):
    """What each command tells a viewer, and the files that it leaves."""
    token = as_somebody(Client(), viewer).get("authorization", "").removeprefix("Bearer ")
    told = {"ASSAY_HOME": f"{folder}/home", "ASSAY_URL": URL, "ASSAY_TOKEN": token or None}
    for words in commands(names, viewer):
        done = CliRunner().invoke(app, words.replace("FOLDER", str(folder)).split(), env=told)
        output = SPEED.sub("", done.output.replace(str(folder), "FOLDER"))
        yield Answer(words, f"{done.exit_code}\n{output}".encode(), 0)
    for file in sorted(one for one in folder.rglob("*") if one.is_file()):
        yield Answer(str(file.relative_to(folder)), file.read_bytes(), 0)


class InProcess(httpx2.BaseTransport):
    """The site in this process, where the command line looks for the network."""

    def __init__(self, **_):
        self.client = Client()

    def handle_request(self, request):
        path, headers = request.url.raw_path.decode(), dict(request.headers)
        answer = self.client.generic(request.method, path, request.read(), headers=headers)
        body = answer.getvalue() if answer.streaming else answer.content
        return httpx2.Response(answer.status_code, headers=dict(answer.headers), content=body)


@pytest.fixture(scope="module")
def twins(django_db_setup, django_db_blocker, tmp_path_factory):
    """{(place, viewer): answers} of both sites, and what is marked in the first."""
    found, marks = ({}, {}), []
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(timezone, "now", lambda: at(30))
        patch.setattr("httpx2._client.HTTPTransport", InProcess)
        patch.setattr("httpx2.HTTPTransport", InProcess)
        for twin, told in zip((MARKED, OTHER), found, strict=True):
            storages = tiles_apart(settings.STORAGES)
            with override_settings(STORAGES=storages), transaction.atomic():
                names, secrets = populate(twin)
                marks.append((secrets, names["files"]))
                for role, viewer in ROLES.items():
                    told["address", role] = walk(names, viewer)
                    told["command", role] = [*said(names, viewer, tmp_path_factory.mktemp(role))]
                transaction.set_rollback(True)
    return *found, marks[0]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("door", ["address", "command"])
def test_nothing_tells_before_the_close_what_a_run_came_to(twins, door, role):
    """Not even its owner: who could read exact scores would learn the sealed rows by entering."""
    told, _, (secrets, files) = twins
    secrets = secrets if role == "owner" else [*secrets, *files]
    assert len(told[door, role]) > (140 if door == "address" else 9), "the walk leads somewhere"
    assert [
        (answer.address, one)
        for answer in told[door, role]
        for one in secrets
        if one in answer.all
        and one.decode() not in answer.address  # a refusal may repeat what was asked for
    ] == []


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("door", ["address", "command"])
def test_sites_that_differ_by_hidden_results_alone_tell_the_same_as_long_and_at_the_same_cost(
    twins, door, role
):
    (one, other, _), names = twins, Names()
    assert [
        (mine.address, theirs.address)
        for mine, theirs in zip_longest(one[door, role], other[door, role])
        if mine.queries != theirs.queries or not names.is_same(mine.raw, theirs.raw)
    ] == []


@pytest.fixture
def marked(db):
    return populate(MARKED)


def told(client, address, headers):
    return asked(client, address, headers).all


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
        if one.endswith(b"disk"):
            continue  # our failures are no facts
        assert one in tables, one
        assert one in log, one
    assert b"0.575" in told(client, f"/api/submissions/{names['hidden']}", {})
