"""Every accepted order answers with a receipt, by whatever door it came: a page, or the API.

The lists below are held against the kinds of messages: a new order has to have its answer here.
What the command line answers is in tests/cli/test_receipts.py.
"""

import io
import re

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.utils import timezone

from assay import keys, messages, records
from assay.money import parse_tokens
from assay.wire import Nano
from competitions.rules.spec import deposit_nano
from config.urls import ORDERS
from ledger import actions
from tests import factories, racers
from tests.ledger.escrow import Escrow
from tests.licensing import market, uses
from tests.proofs import assert_resolves
from tests.signing import sign_order
from web import auth

pytestmark = pytest.mark.django_db
HTML = {"accept": "text/html"}
LINK = re.compile(r'<a href="(/log/receipt/([^"]+))">Receipt of ([a-z_.]+)</a>')
ORDER_KINDS = {kind for kind, one in messages.KINDS.items() if one.signer == "person"}
BY_A_CODE = {"key.add"}  # POST /api/sessions/keys answers it: tests/cli/test_two_doors.py
ME = uses.ME


@pytest.fixture(autouse=True)
def now(monkeypatch):
    """What the doors take for now: half a minute after the opening."""
    monkeypatch.setattr(timezone, "now", lambda: factories.at(30))


def test_every_order_is_answered_by_a_page_or_by_the_api():
    """Guards the lists of this file: a new kind of order needs its line."""
    assert set(API) == set(ORDERS), "what the API takes"
    paged = {kind for _, kinds in PAGES for kind in kinds}
    assert set(API) | paged | BY_A_CODE >= ORDER_KINDS
    assert paged <= set(messages.KINDS)


def test_a_page_tells_of_what_was_done_in_one_way(house):
    """Guards that no view tells of success past `accepted`; an ended token is no message."""
    rooms = ("web", "ledger", "licensing", "competitions")
    found = {
        str(path.relative_to(house))
        for room in rooms
        for path in (house / room).rglob("*.py")
        if re.search(r"\b(messages|notices)\.(success|info|add_message)\(", path.read_text())
    }
    assert found == {"web/receipts.py", "web/views.py"}


# --- pages ----------------------------------------------------------------------------------------


def sign_in(client, name):
    user, _ = get_user_model().objects.get_or_create(username=name)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")


def sign_up(client):
    actions.found(now=timezone.now())
    form = {"username": "grace", "password1": "weigh-me-44"}
    return "/account/sign-up/", form


def draw_play_money(client):
    sign_in(client, factories.account("grace"))
    return "/accounts/grace/play-money/", {}


def publish(client):
    factories.base_work()
    factories.account("sponsor", "10000")
    draft = factories.ready_draft()
    sign_in(client, "sponsor")
    return f"/sponsor/drafts/{draft.id}/publish/", {}


def cancel(client):
    factories.competition()
    sign_in(client, "sponsor")
    return "/competitions/docs/cancel/", {}


def extend(client):
    factories.competition()
    sign_in(client, "sponsor")
    page = client.get("/competitions/docs/", headers=HTML)
    return "/competitions/docs/extend/", hidden(page) | {"by": "5 min"}


def resume(client):
    racers.contest()
    factories.scored("ada", right=36)
    factories.account("slow", "5")
    sign_in(client, "slow")
    return f"/submissions/{racers.eliminated()}/resume/", {}


def nominate(client):
    factories.competition()
    entry = factories.scored("ada")
    sign_in(client, "ada")
    return "/competitions/docs/nominate/", {"entries": [entry]}


def buy(client):
    market.people()
    market.scene()
    sign_in(client, "buyer")
    address = f"/models/{market.WORK}/buy/"
    return address, hidden(client.get(address, {"uses": "commercial"}, headers=HTML))


def draw(client):
    market.people()
    market.scene()
    market.buy()
    sign_in(client, "miner")
    page = client.get("/royalties/", headers=HTML)
    button = re.findall(r'form="draw" name="(work)" value="([^"]*)"', page.text)
    return "/royalties/draw/", hidden(page) | dict(button)


def hidden(page):
    return dict(re.findall(r'<input type="hidden" name="(?!csrf)(\w+)" value="([^"]*)"', page.text))


def close_own_account(client):
    sign_in(client, factories.account("grace"))
    return "/accounts/grace/close/", {}


def revoke_own_key(client):
    name = factories.account("grace")
    user = get_user_model().objects.get(username=name)
    user.set_password("weigh-me-44")
    user.save()
    sign_in(client, name)
    factories.ledger_actions.add_key_for(name, "ab" * 32, now=timezone.now())
    return f"/account/keys/{'ab' * 32}/revoke/", {}


PAGES = [
    (sign_up, {"account.open"}),
    (draw_play_money, {"books.minted"}),
    (publish, {"competition.publish", "competition.fund", "work.register"}),
    (cancel, {"competition.cancel"}),
    (extend, {"competition.extend"}),
    (resume, {"submission.resume"}),
    (nominate, {"submission.nominate"}),
    (buy, {"licence.buy"}),
    (draw, {"royalty.draw"}),
    (close_own_account, {"account.close"}),
    (revoke_own_key, {"key.revoke"}),
]


@pytest.mark.parametrize(("begin", "kinds"), PAGES, ids=lambda one: getattr(one, "__name__", ""))
def test_the_page_after_a_click_links_the_receipt_of_each_message(client, begin, kinds):
    address, form = begin(client)
    page = client.post(address, form, headers=HTML, follow=True)
    assert page.status_code == 200
    (told,) = re.findall(
        r'<div class="notices" role="status">(.*?)</div>\s*</div>', page.text, re.DOTALL
    )
    found = LINK.findall(told)
    assert {kind for _, _, kind in found} == kinds
    assert len(found) == len(kinds)
    for receipt, _, kind in found:
        assert_resolves(client, receipt, kind)


@pytest.mark.parametrize(
    ("by", "next_step"), [("soon", "write by how long"), ("9 days", "shorter")]
)
def test_a_close_that_cannot_be_put_off_so_says_what_to_write_instead(client, by, next_step):
    address, form = extend(client)
    page = client.post(address, form | {"by": by}, headers=HTML)
    assert page.status_code == 422
    assert next_step in page.text


def test_whoever_clicks_twice_still_finds_the_receipts(client):
    """The first answer was lost on its way: the stake's receipt is on the page it leads to."""
    address, form = publish(client)
    client.post(address, form)
    page = client.post(address, form, headers=HTML, follow=True)
    (item,) = re.findall(r"/log/receipt/([^\"]+)\">receipt of competition.funded<", page.text)
    assert_resolves(client, f"/log/receipt/{item}", "competition.funded")


@pytest.mark.parametrize("begin", [cancel, extend, resume, nominate, buy, draw])
def test_the_same_click_again_names_the_same_receipt(client, begin):
    address, form = begin(client)
    told = [
        LINK.findall(client.post(address, form, headers=HTML, follow=True).text) for _ in range(2)
    ]
    assert told[0] == told[1] != []


def test_the_operator_is_told_the_receipt_of_a_base(client):
    factories.account("lab")
    told = io.StringIO()
    with pytest.raises(CommandError, match="account_unknown"):
        call_command("register_base", "minilm-l6-v2", "--author", "labb")
    call_command("register_base", "minilm-l6-v2", "--author", "lab", stdout=told)
    (address,) = re.findall(r"^receipt: (\S+)$", told.getvalue(), re.MULTILINE)
    assert_resolves(client, address, "work.register")


# --- the API --------------------------------------------------------------------------------------


class Stranger:
    """Somebody with a key of their own, who speaks only by signed orders."""

    def __init__(self, client):
        self.client, self.key, self.headers = client, keys.new_key(), {}
        actions.found(now=timezone.now())

    def send(self, body):
        raw = sign_order(body, self.key, idempotency=type(body).__name__).encode()
        kind = "application/octet-stream"
        return self.client.post("/api/messages", raw, content_type=kind, headers=self.headers)

    def settle(self, tokens="20000"):
        """Open the account, with a token for the API and money."""
        assert self.send(messages.AccountOpen(ME)).status_code == 200
        get_user_model().objects.create_user(username=ME)
        self.headers = {"Authorization": f"Bearer {auth.issue(ME, timezone.now())}"}
        factories.account(ME, tokens)


def open_account(settings, tmp_path):
    return messages.AccountOpen("newcomer")


def withdraw(settings, tmp_path):
    settings.BRIDGE = Escrow(tmp_path / "escrow.db")
    return messages.MoneyWithdraw(Nano(5), "0xkeyholder")


def buy_licence(settings, tmp_path):
    market.people()
    market.scene()
    return messages.LicenceBuy(market.WORK, ("commercial",), 1, Nano(parse_tokens("100")))


def register_work(settings, tmp_path):
    tags = (*market.ASSAY, ("Commercial-Use", "Allowed-With-Fee-One-Time-10"))
    work = "data:" + factories.blob("my data", owner=ME).sha256
    return messages.WorkRegister(work, "data", "Mine", tags, (market.share(ME),))


def change_terms(settings, tmp_path):
    market.people()
    work = "data:" + "c0" * 32
    market.register(ME, work, "data", market.DATA_TAGS)
    return messages.TermsChange(work, 2, market.WORK_TAGS)


def withdraw_work(settings, tmp_path):
    return messages.WorkWithdraw(change_terms(settings, tmp_path).work)


def refund_licence(settings, tmp_path):
    buy_licence(settings, tmp_path)
    quote = market.queries.quote(market.WORK, ("commercial",), account=ME, now=timezone.now())
    return messages.LicenceRefund(market.buy_quoted(ME, quote, now=timezone.now()).id)


def draw_royalty(settings, tmp_path):
    market.people()
    work = "data:" + "c0" * 32
    market.register(
        ME, work, "data", (*market.ASSAY, ("Commercial-Use", "Allowed-With-Fee-One-Time-10"))
    )
    quote = market.queries.quote(work, ("commercial",), account="buyer", now=timezone.now())
    market.buy_quoted("buyer", quote, now=timezone.now())
    return messages.RoyaltyDraw(work)


def record_outputs(settings, tmp_path):
    work = factories.base_work()
    lines = [records.Record("ab" * 32, work, 1).line()]
    name = factories.blob(records.file_of(lines), owner=ME).sha256
    return messages.ProvenanceRecord(work, records.root_of(lines), 1, name)


def commit_submission(settings, tmp_path):
    factories.competition()
    return factories.committed(ME, "docs", [factories.blob(one, owner=ME).sha256 for one in "ct"])


def resume_submission(settings, tmp_path):
    racers.contest()
    factories.scored("ada", right=36)
    slow = racers.eliminated(ME)
    spec = factories.queries.competition_row("docs").spec
    return messages.SubmissionResume(slow, Nano(deposit_nano(spec)))


def nominate_submission(settings, tmp_path):
    factories.competition()
    return messages.SubmissionNominate("docs", (factories.scored(ME),))


def open_submission(settings, tmp_path):
    factories.competition()
    made = factories.scored(ME)
    factories.deadline.advance("docs", now=factories.at(601))
    opening = factories.queries.opening_of(factories.queries.entry_row(made))
    return messages.SubmissionOpen(made, opening)


def cancel_competition(settings, tmp_path):
    factories.competition(sponsor=ME)
    return messages.CompetitionCancel("docs")


def extend_competition(settings, tmp_path):
    factories.competition(sponsor=ME)
    return messages.CompetitionExtend("docs", factories.ledger_actions.ms(factories.at(900)))


def close_account(settings, tmp_path):
    get_user_model().objects.get_or_create(username=ME)
    return messages.AccountClose(ME)


def add_key(settings, tmp_path):
    return messages.KeyAdd("ab" * 32)


def revoke_key(settings, tmp_path):
    factories.ledger_actions.add_key_for(ME, "ab" * 32, now=timezone.now())
    return messages.KeyRevoke("ab" * 32)


def rotate_key(settings, tmp_path):
    old = factories.ledger_queries.keys_of(ME)[0]
    return messages.KeyRotate("ab" * 32, old)


API = {
    "account.open": open_account, "account.close": close_account, "key.add": add_key,
    "key.revoke": revoke_key, "key.rotate": rotate_key, "money.withdraw": withdraw,
    "licence.buy": buy_licence, "channel.open": uses.open_channel,
    "channel.close": uses.close_channel, "usage.settle": uses.settle_usage,
    "usage.report": uses.report_usage, "usage.pay": uses.pay_report,
    "licence.refund": refund_licence, "royalty.draw": draw_royalty,
    "terms.change": change_terms, "work.withdraw": withdraw_work,
    "work.dispute": uses.dispute_work, "work.register": register_work,
    "provenance.record": record_outputs, "submission.commit": commit_submission,
    "submission.resume": resume_submission, "submission.nominate": nominate_submission,
    "submission.open": open_submission, "competition.cancel": cancel_competition,
    "competition.extend": extend_competition,
}  # fmt: skip


@pytest.mark.parametrize("kind", API)
def test_the_api_answers_an_order_with_its_receipt(client, settings, tmp_path, kind):
    one = Stranger(client)
    if kind != "account.open":
        one.settle("0" if kind == "account.close" else "20000")
    body = API[kind](settings, tmp_path)
    assert messages.KIND_OF[type(body)] == kind
    first, again = one.send(body), one.send(body)
    assert (first.status_code, again.status_code) == (200, 200), first.text
    told = first.json()
    assert told["receipt"] == f"/log/receipt/{told['id']}" == again.json()["receipt"]
    assert_resolves(client, told["receipt"], kind)
