"""Twelve things that go wrong, each through the door where people meet it.

Each answer has a stable code, a cause and a next step; and nothing is lost: no token, no slot, no
row, nothing that was typed or uploaded. The competition, the miner's slots, every balance and the
sponsor's drafts are compared before and after.
"""

import json
import pickle
import re
from dataclasses import dataclass, replace
from datetime import timedelta
from html import unescape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from assay import keys
from assay.canonical import sha256_hex
from assay.messages import AccountOpen, SubmissionCommit
from competitions import queries
from competitions.actions import winners
from competitions.models import Draft, Evaluation, Submission
from competitions.rules.preview import SLICES
from ledger.models import Account
from licensing import queries as rights
from licensing.models import Work
from licensing.rules.rows import entry_work
from tests import factories
from tests.evaluator import makers
from tests.signing import sign_order
from web import auth
from workers import tasks

pytestmark = [pytest.mark.django_db]
HTML = {"accept": "text/html"}
CONFIG, TENSORS = makers.adapter()
ROWS = "".join(
    json.dumps({"text": f"text number {place} is here", "label": makers.LABELS[place % 3]}) + "\n"
    for place in range(12)
).encode()
EACH_ITS_OWN_LABEL = "".join(
    json.dumps({"text": f"a line of {place}", "label": f"label {place}"}) + "\n"
    for place in range(12)
).encode()


@dataclass(frozen=True)
class Told:
    """What a person is told: over HTTP as JSON, or on a page."""

    status: int
    code: str
    cause: str
    next: str


class People:
    """A miner with a key, a sponsor with a browser, and an open competition between them."""

    def __init__(self, client, monkeypatch):
        self.client, self.seconds = client, 30
        monkeypatch.setattr(timezone, "now", lambda: factories.at(self.seconds))
        whole = factories.manifest
        clause = makers.manifest().adapter
        monkeypatch.setattr(
            factories,
            "manifest",
            lambda *told: replace(whole(*told), adapter=clause, labels=makers.LABELS),
        )
        factories.competition(quota=2)
        self.key = keys.new_key()
        opened = sign_order(AccountOpen("miner"), self.key, idempotency="open").encode()
        assert self.post("/api/messages", opened, {}).status_code == 200
        factories.get_user_model().objects.create_user(username="miner")
        self.token = self.bearer(timezone.now(), timedelta(days=1))

    def bearer(self, begun, lifetime):
        return {"Authorization": f"Bearer {auth.issue('miner', begun, lifetime)}"}

    def post(self, path, raw, headers):
        kind = "application/octet-stream"
        return self.client.post(path, raw, content_type=kind, headers=headers)

    # the miner's door: files, then a signed order

    def upload(self, raw):
        name = sha256_hex(raw)
        answer = self.client.put(f"/api/blobs/{name}", raw, headers=self.token)
        assert answer.status_code == 200, answer.text
        return name

    def submit(self, config=CONFIG, tensors=TENSORS, **told):
        files = (self.upload(config), self.upload(tensors))
        tags, name = told.get("tags", factories.REQUIRED), told.get("name", "docs")
        salt, token = sha256_hex(repr(told).encode()), told.get("token", self.token)
        body = {"competition": name, "salt": salt}
        body |= dict(zip(("config_sha256", "tensors_sha256"), files, strict=True))
        kind = "application/json"
        sent = self.client.post("/api/submissions/openings", body, content_type=kind, headers=token)
        if sent.status_code != 200:
            return sent
        order = SubmissionCommit(name, sent.json()["commitment"], "Mine", tags, ())
        words = f"{told.get('number', 0)}"
        raw = sign_order(order, self.key, idempotency=words).encode()
        return self.post("/api/messages", raw, told.get("token", self.token))

    def judged(self, **files):
        """Enter the files, let a worker look at them, and read what the owner is told."""
        entry = self.submit(**files).json()["id"]
        (work,) = Evaluation.objects.filter(submission=entry)
        tasks.score_evaluation(work.pk)
        told = self.client.get(f"/api/submissions/{entry}", headers=self.token).json()
        assert (told["state"], told["remaining"]) == ("refused", 2)
        return Told(422, told["refused"]["code"], told["refused"]["cause"], told["refused"]["next"])

    # the sponsor's door: forms and pages

    def sponsor(self):
        user = factories.get_user_model().objects.get(username="sponsor")
        self.client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return self.client

    def publish(self, draft):
        return page(self.sponsor().post(f"/sponsor/drafts/{draft.id}/publish/", headers=HTML))

    def dry_run(self, draft):
        """Ask for it on the page; a worker reads the files in a process of its own."""
        client = self.sponsor()
        client.post(f"/sponsor/drafts/{draft.id}/dry-run/")
        tasks.prepare_draft(draft.id)
        return page(client.get(f"/sponsor/drafts/{draft.id}/review/", headers=HTML))

    def uploaded(self, **changed):
        """A draft whose four files came in by the form."""
        draft, client = factories.draft(name="next"), self.sponsor()
        rows = dict.fromkeys(SLICES, ROWS) | changed
        files = {name: SimpleUploadedFile(f"{name}.jsonl", raw) for name, raw in rows.items()}
        columns = {"max_tokens": "48"}
        fields = {"base": "minilm-l6-v2", "metric": "accuracy"} | columns
        sent = client.post(f"/sponsor/drafts/{draft.id}/data/", fields | files, headers=HTML)
        assert sent.status_code == 302
        return draft


def page(answer):
    """What the notice of a page says."""
    notice = re.search(r'class="notice notice-wrong problem".*?</div>', answer.text, re.DOTALL)
    assert notice, answer.text
    strong, code = (
        re.search(pattern, notice[0], re.DOTALL)[1]
        for pattern in (r"<strong>(.*?)</strong>", r'class="code">(.*?)<')
    )
    following = re.search(r"</strong>\s*<p>(.*?)</p>", notice[0], re.DOTALL)
    return Told(answer.status_code, code, unescape(strong), unescape(following[1]))


def spoken(answer):
    """What the API says."""
    told = answer.json()
    return Told(answer.status_code, told["code"], told["message"], told["next"])


@pytest.fixture
def people(client, monkeypatch):
    return People(client, monkeypatch)


def kept():
    """Everything that a mistake must not cost."""
    slots = {one.id: queries.slots_left(one, "miner", window=0)
             for one in queries.competitions()}  # fmt: skip
    states = {one.id: one.phase for one in queries.competitions()}
    standing = Submission.objects.exclude(state="refused").values_list("pk", flat=True)
    drafts = {one.id: (one.fields, one.files) for one in Draft.objects.all()}
    works = set(Work.objects.values_list("pk", flat=True))
    return (
        list(Account.objects.order_by("pk").values()),
        slots,
        states,
        set(standing),
        drafts,
        works,
    )


# --- the table: what goes wrong -> (how it is met, code, status, words of cause and next) ---------


def expired_token(people):
    ended = people.bearer(factories.at(-9 * 86_400), timedelta(days=1))
    yield
    yield spoken(people.submit(token=ended))


def unknown_competition(people):
    yield
    yield spoken(people.submit(name="dosc"))


def closed_competition(people):
    people.seconds = 601
    yield
    yield spoken(people.submit())


def quota_used_up(people):
    for number in (1, 2):
        assert people.submit(tensors=TENSORS + b" " * number, number=number).status_code == 200
    yield
    yield spoken(people.submit())


def wrong_base(people):
    config, _ = makers.adapter(base_model_name_or_path="somebody/a-large-one")
    narrow = {
        name: makers.pseudo(name, tuple(768 if size == 384 else size for size in one.shape))
        for name, one in makers.tensors().items()
    }
    yield
    yield people.judged(config=config, tensors=makers.safetensors(narrow))


def pickled_file(people):
    yield
    yield people.judged(number=9, tensors=pickle.dumps({"weights": [1.0] * 64}))


def file_too_large(people):
    most_bytes = makers.manifest().adapter.bytes_max
    yield
    yield spoken(people.submit(tensors=b"\0" * (most_bytes + 1)))


def too_little_money(people):
    factories.base_work()
    draft = factories.ready_draft(name="next", prize="20000")
    yield
    yield people.publish(draft)


def bad_dates(people):
    draft = factories.ready_draft(name="next", closes="2029-12-31T00:00", closes_in="")
    yield
    yield people.publish(draft)


def malformed_data(people):
    draft = people.uploaded(public=ROWS[: ROWS.index(b"\n") + 1] + b'{"text": "no end\n')
    yield
    yield people.dry_run(draft)


def metric_that_does_not_fit(people):
    draft = people.uploaded(train=EACH_ITS_OWN_LABEL)
    yield
    yield people.dry_run(draft)


def terms_below_required(people):
    yield
    yield spoken(people.submit(tags=factories.ASSAY))


MISTAKES = [
    (expired_token, "auth.token_expired", 401, "expired", "assay auth login"),
    (unknown_competition, "competition.not_found", 404, "'dosc'", "Did you mean docs?"),
    (closed_competition, "submission.closed", 409, "its time is over", "assay competitions list"),
    (quota_used_up, "submission.quota_used", 429, "All 2 runs", "Wait for the next slot"),
    (wrong_base, "adapter.wrong_base", 422, "minilm-l6-v2", "Train on the base"),
    (pickled_file, "adapter.layout", 422, "a Python pickle", "save_pretrained"),
    (file_too_large, "submission.too_large", 413, "3000001 bytes", "smaller rank"),
    (too_little_money, "ledger.overdrawn", 409, "sponsor holds 8900 tokens", "Add 13100 tokens"),
    (bad_dates, "competition.dates_invalid", 422, "in the past", "later than the opening"),
    (malformed_data, "data.malformed", 200, "row 2 of public.jsonl", "Repair the named row"),
    (metric_that_does_not_fit, "data.metric_mismatch", 200, "the training data has 12", "label"),
    (terms_below_required, "submission.terms_below_required", 422, "gives less", "at least"),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake[0].__name__)
def test_a_mistake_is_named_explained_and_costs_nothing(people, mistake):
    meet, code, status, cause, following = mistake
    met = meet(people)
    next(met)
    before = kept()
    told = next(met)
    assert (told.code, told.status) == (code, status), told
    assert cause in told.cause
    assert following in told.next
    assert kept() == before


def test_after_every_mistake_of_a_miner_the_right_entry_is_still_accepted(people):
    """The two slots are there after six mistakes, and the same key and files serve."""
    for mistake in (unknown_competition, terms_below_required, wrong_base, pickled_file):
        met = mistake(people)
        next(met), next(met)
    answers = [people.submit(tensors=TENSORS + b" " * number, number=number) for number in (7, 8)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[1].json()["result"]["remaining"] == 0


def test_too_little_money_for_a_licence_leaves_the_purse_and_the_pools(people):
    entry = factories.scored("author-of-it")
    factories.settle()
    winners.license_winners("docs", now=factories.at(620))
    work = entry_work(entry)
    people.seconds = 630
    quote = rights.quote(work, ("commercial",), account="miner", now=factories.at(630))
    raw = sign_order(quote.order(), people.key, idempotency="buy").encode()
    before = kept()
    told = spoken(people.post("/api/messages", raw, people.token))
    assert (told.code, told.status) == ("ledger.overdrawn", 409)
    assert told.cause == "miner holds 0 tokens; 100 are needed."
    assert told.next.startswith("Add 100 tokens")
    assert kept() == before
    factories.ledger_actions.mint(
        account="miner", amount_nano=100 * 10**9, idempotency="funds", now=factories.at(630)
    )
    again = people.post("/api/messages", raw, people.token)
    assert again.status_code == 200, "the same order serves once the money is there"
