"""An entry is a commitment: what it holds is told to the site alone, until it is opened."""

import json
import re
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import transaction

from assay import messages
from assay.commitment import commitment_of
from assay.messages import Opening
from competitions import models, queries
from competitions.actions import deadline, entry, opening
from competitions.errors import NotOwner, OpeningEarly, OpeningMissing, OpeningWrong
from ledger import log
from ledger.errors import BlobUnknown
from ledger.models import Message
from ledger.rules.entry import read_entry
from tests import factories
from tests.factories import at
from tests.laws.test_contest_exits import folded, tables
from web.errors import OpeningsHeld

pytestmark = pytest.mark.django_db
VECTORS = Path(__file__).parents[1] / "vectors" / "commitment.json"
SECRET = ("salt", "config_sha256", "tensors_sha256", "adapter_sha256")
RANDOM = re.compile(r'"[0-9a-f]{64}"|"[\w-]{43}"')


@pytest.mark.parametrize("told", json.loads(VECTORS.read_text()))
def test_a_commitment_is_the_hash_that_the_mechanism_says(told):
    wanted = told.pop("commitment")
    assert commitment_of(told.pop("owner"), told.pop("competition"), Opening(**told)) == wanted


def log_of_a_contest(salt, right=30):
    """The bodies of a log up to the close, whatever is drawn by chance or follows from it blanked.

    salt  makes other files, adapters and salts; what runs come to is the same
    """
    with transaction.atomic():
        factories.competition()
        for number, owner in enumerate(("ada", "bob")):
            factories.account(owner)
            files = [factories.blob(f"{one} {owner} {salt}", owner=owner).sha256 for one in "ct"]
            body = factories.committed(owner, "docs", files, f"By {owner}", salt=salt)
            made = entry.commit(log.order_for(owner, body, idempotency="one"), now=at(10 + number))
            scored(made.id, factories.blob(f"adapter {owner} {salt}").sha256, right - 8 * number)
        told = [
            (one.kind, bodies(bytes(one.raw))) for one in Message.objects.order_by("pk").iterator()
        ]
        rows = models.Opening.objects.values_list(*SECRET)
        hidden = [one for row in rows for one in row]
        raws = b"".join(bytes(one) for one in Message.objects.values_list("raw", flat=True))
        transaction.set_rollback(True)
    return told, hidden, raws


def bodies(raw):
    return json.dumps(asdict(read_entry(raw).body))


def scored(name, adapter, right):
    work = models.Evaluation.objects.get(submission=name)
    told = {"evaluation": work.pk, "now": at(20)}
    fence = factories.queue.lease(**told)
    factories.score.record_score(**told, fence=fence, measured=factories.measured(adapter, right))


def test_logs_of_other_files_with_equal_answers_are_equal_but_for_what_is_drawn():
    one, hidden, raws = log_of_a_contest("one")
    other, _, others = log_of_a_contest("other")
    assert raws != others
    assert [[kind, RANDOM.sub("*", body)] for kind, body in one] == [
        [kind, RANDOM.sub("*", body)] for kind, body in other
    ]
    drawn = {kind for (kind, body), (_, theirs) in zip(one, other, strict=True) if body != theirs}
    entered = {"submission.commit", "submission.committed", "submission.scored"}
    assert drawn == entered, "commitment, ids and seals alone"
    assert hidden
    assert [name for name in hidden if name.encode() in raws] == []


def test_a_commitment_that_somebody_copies_is_no_entry_of_his():
    factories.competition()
    made = queries.entry_row(factories.submission("ada"))
    factories.account("eve")
    body = messages.SubmissionCommit("docs", made.commitment, "Mine", factories.REQUIRED, ())
    with pytest.raises(OpeningMissing):
        entry.commit(log.order_for("eve", body, idempotency="one"), now=at(20))
    told = queries.opening_of(made)
    with pytest.raises(BlobUnknown):
        opening.hand_in(owner="eve", competition="docs", opening=told, now=at(20))


def test_what_nobody_commits_is_forgotten_after_a_day_and_bounded():
    factories.competition()
    factories.account("ada")
    files = [factories.blob(one, owner="ada").sha256 for one in "ct"]
    most = settings.BUDGETS["openings"].most
    for number in range(most):
        factories.committed("ada", "docs", files, salt=number)
    with pytest.raises(OpeningsHeld):
        factories.committed("ada", "docs", files, salt="one more")
    made = factories.committed("ada", "docs", files, salt=0)
    entry.commit(log.order_for("ada", made, idempotency="one"), now=at(20))
    later = factories.NOW + timedelta(days=1, seconds=1)
    assert opening.sweep_openings(now=later) == most - 1
    assert models.Opening.objects.get().pk == made.commitment
    assert {*files} <= queries.files_in_use()


# --- the owner opens alone ------------------------------------------------------------------------


def opened(owner, name, told, words="open"):
    order = log.order_for(owner, messages.SubmissionOpen(name, told), idempotency=words)
    return opening.open_entry(order, now=at(605))


def test_an_owner_opens_his_entry_when_the_site_has_lost_what_opens_it_and_all_goes_on():
    factories.competition()
    made = factories.scored("ada")
    told = queries.opening_of(queries.entry_row(made))
    deadline.advance("docs", now=at(601))
    models.Opening.objects.all().delete()
    assert opened("ada", made, told).opening == told
    assert opened("ada", made, told, "again").opening == told
    opening.keep_adapter(made, factories.blob("canonical ada 0").sha256)
    assert factories.settle()[-1] == "settled"
    assert queries.entry_row(made).state == "revealed"
    assert folded() == tables()


def test_nobody_opens_before_the_close_nor_anothers_entry_nor_to_other_files():
    factories.competition()
    made = factories.scored("ada")
    told = queries.opening_of(queries.entry_row(made))
    with pytest.raises(OpeningEarly):
        opened("ada", made, told)
    deadline.advance("docs", now=at(601))
    with pytest.raises(NotOwner):
        opened("sponsor", made, told)
    with pytest.raises(OpeningWrong):
        opened("ada", made, replace(told, salt="0" * 64))
    assert queries.entry_row(made).opening is None


def test_an_entry_that_does_not_decide_is_not_opened_and_no_hash_of_it_is_told():
    factories.competition(quota=4)
    best, second, hidden = (
        factories.scored("ada", number=number, right=right)
        for number, right in enumerate((36, 10, 9))
    )
    factories.settle()
    states = [queries.entry_row(one) for one in (best, second, hidden)]
    left = next(one for one in states if one.state == "scored")
    assert left.opening is None
    assert left.adapter_sha256 == ""
    told = queries.opening_of(left)
    raws = b"".join(bytes(one) for one in Message.objects.values_list("raw", flat=True))
    secret = (*asdict(told).values(), factories.adapter_of(left.id))
    assert [one for one in secret if one.encode() in raws] == []
