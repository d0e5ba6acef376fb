"""The pages of miners, buyers and the record in a real browser, each with something on it: axe
finds nothing, and nothing scrolls sideways, on a wide screen and on a dark phone.
"""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client
from django.utils import timezone

from assay import keys
from assay.messages import AccountOpen, RoyaltyDraw
from competitions.actions import winners
from competitions.errors import SubmissionTooLarge
from ledger import actions as ledger_actions
from ledger import log
from ledger.models import Message
from ledger.queries import key_rows
from ledger.sequencer import sequence
from licensing import actions, queries
from tests import factories
from tests.signing import sign_order
from web import codes

pytestmark = pytest.mark.chromium
WITHIN_MS = 600_000  # the machine may be shared
LOOKS = ((1280, "light"), (390, "dark"))
WIDER = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
NOW = factories.at(700)
REFUSAL = SubmissionTooLarge(
    "The adapter has 400 MB; the task takes 32.", size_bytes=4, limit_bytes=3
)
KINDS = ("submission.commit", "licence.granted")


@pytest.fixture
def site(browser, transactional_db, live_server, monkeypatch):
    """A live site: a settled contest, its winner licensed, sold and paid, and one that is open."""
    monkeypatch.setattr(timezone, "now", lambda: NOW)
    factories.competition()
    first, second = factories.scored("ada"), factories.scored("bob", number=1, right=29)
    factories.settle(right={first: 39, second: 37})
    winners.license_winners("docs", now=NOW)
    factories.competition("live")
    lost = [
        factories.refused("ada", "live", error=REFUSAL),
        factories.submission("ada", "live", number=1),
    ]
    factories.scored("ada", "live", number=2)
    work = queries.royalties("ada")[0].work.id
    factories.account("firm", "500")
    quote = queries.quote(work, ["commercial"], account="firm", now=NOW)
    order = log.order_for("firm", quote.order(), idempotency="one")
    grant = actions.buy_licence(order, now=NOW)
    order = log.order_for("ada", RoyaltyDraw(work), idempotency="one")
    actions.draw_royalty(order, now=NOW)
    key = keys.new_key()
    raw = sign_order(AccountOpen("zoe"), key, idempotency="open").encode()
    ledger_actions.open_account(log.read_order(raw), now=NOW)
    factories.get_user_model().objects.create_user(username="zoe")
    while sequence(holder="load", now=NOW):
        pass
    return live_server.url, pages(work, grant.pk, [first, *lost])


def pages(work, grant, entries):
    """Whose browser looks -> address -> the button that is pressed there first, if any."""
    messages = [Message.objects.filter(kind=kind).first().item for kind in KINDS]
    rights = ["/models/", f"/models/{work}/", f"/licences/{grant}/"]
    record = ["/log/", *[f"/messages/{one}/" for one in messages], f"/accounts/pool:{work}/"]
    own = ["/competitions/live/", *[f"/submissions/{one}/" for one in entries], "/royalties/"]
    public, (code, _) = key_rows("zoe")[0].id, codes.make_code("zoe", codes.FOR_BROWSER, NOW)
    held = ["/account/keys/", f"/account/keys/{public}/revoke/", "/accounts/zoe/close/"]
    shown = {"/account/keys/": "Show the command", "/account/tokens/": "Make a token"}
    return {
        "": dict.fromkeys([*rights, *record, "/docs/", f"/account/enter/{code}/"], ""),
        "zoe": dict.fromkeys(held, ""),
        "ada": dict.fromkeys(own, "") | shown,
        "firm": dict.fromkeys([f"/models/{work}/buy/?uses=commercial", "/licences/"], ""),
    }


def signed_in(browser, url, viewer):
    visitor = browser.new_context(base_url=url)
    visitor.set_default_timeout(WITHIN_MS)
    if viewer:
        client = Client()
        user = factories.get_user_model().objects.get(username=viewer)
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        value = client.cookies["sessionid"].value
        visitor.add_cookies([{"name": "sessionid", "value": value, "url": url}])
    return visitor


def looked_at(page):
    """As it is now, at both widths."""
    for width, scheme in LOOKS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate(WIDER) <= 0, f"{page.url} scrolls sideways at {width}"
        found = Axe().run(page)
        assert found.violations_count == 0, f"{page.url} at {width}: {found.generate_report()}"


def test_axe_finds_no_fault_on_the_pages_of_miners_buyers_and_the_record(browser, site):
    url, addresses = site
    for viewer, listed in addresses.items():
        visitor = signed_in(browser, url, viewer)
        page = visitor.new_page()
        for address, button in listed.items():
            page.goto(address)
            if button:
                page.get_by_role("button", name=button).click()
                page.get_by_text("once.").first.wait_for()
            looked_at(page)
        visitor.close()
