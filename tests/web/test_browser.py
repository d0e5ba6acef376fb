"""The main pages in a real browser: sign-up, play money, the board that follows by itself, keys.

The site's clock stands still; a score is recorded by the same action as a worker's.
"""

import re

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from ledger.models import Message
from tests import factories

pytestmark = pytest.mark.chromium
FOLLOWS_WITHIN_MS = 600_000  # the board asks every two seconds; the machine may be shared
PHONE = {"width": 360, "height": 740}
UNLABELLED = """() => [...document.querySelectorAll("input:not([type=hidden]), textarea, select")]
    .filter(one => !one.labels.length && !one.getAttribute("aria-label")).map(one => one.name)"""
WIDER = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
OUTLINE = """() => {
    const one = document.activeElement, box = one.getBoundingClientRect();
    const { outlineStyle: line, outlineWidth: width } = getComputedStyle(one);
    const isInSight = box.width > 0 && box.top >= 0 && box.left >= 0 && box.bottom <= innerHeight;
    return { text: one.textContent.trim(), width: parseFloat(width), line, isInSight };
}"""


@pytest.fixture
def site(browser, transactional_db, live_server, monkeypatch):
    """A live site with an open competition."""
    monkeypatch.setattr(timezone, "now", lambda: factories.at(30))
    factories.competition()
    return live_server.url


@pytest.fixture
def page(browser, site):
    """A fresh visitor; whatever the page complains of fails the test."""
    visitor = browser.new_context(base_url=site)
    visitor.set_default_timeout(FOLLOWS_WITHIN_MS)
    one, complaints = visitor.new_page(), []
    one.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    one.on("pageerror", lambda error: complaints.append(str(error)))
    yield one
    visitor.close()
    assert complaints == []


def test_a_visitor_opens_an_account_and_sees_the_play_money_arrive(page):
    page.goto("/")
    page.get_by_role("link", name="Sign in").first.click()
    page.get_by_role("link", name="Sign up").click()
    page.get_by_label("Username").fill("zoe")
    page.get_by_label("Password").fill("weigh-me-44")
    page.get_by_role("button", name="Open the account").click()
    mine = page.get_by_role("navigation", name="Main").get_by_role("link", name="zoe")
    expect(mine).to_contain_text(re.compile(r"zoe\s+0\s*tokens"))
    mine.click()
    page.get_by_role("button", name="Get play money").click()
    expect(page.get_by_role("status").first).to_contain_text("tokens of play money")
    amount = re.compile(rf"zoe\s+{factories.ledger_queries.balance_nano('zoe') // 10**9}\s*tokens")
    expect(mine).to_contain_text(amount)
    assert not amount.search("zoe 0 tokens")


def test_score_and_payout_appear_on_the_open_page_without_a_reload(page):
    page.goto("/competitions/docs/")
    expect(page.locator("#board")).to_contain_text("No scores yet.")
    page.evaluate("() => { window.isTheSamePage = true; }")
    ada = factories.scored("ada", right=31)
    row = page.locator("#board tbody tr", has_text="ada")
    expect(row).to_contain_text("0.775", timeout=FOLLOWS_WITHIN_MS)
    factories.settle(right={ada: 39})
    expect(row).to_contain_text("0.975", timeout=FOLLOWS_WITHIN_MS)
    expect(row).to_contain_text("925")
    assert page.evaluate("() => window.isTheSamePage")


def test_the_first_key_leads_past_the_navigation_and_the_focus_is_seen(page):
    page.goto("/competitions/docs/")
    page.keyboard.press("Tab")
    first = page.evaluate(OUTLINE)
    assert first["text"] == "Skip to the content"
    assert first["isInSight"]
    page.keyboard.press("Enter")
    assert page.evaluate("() => document.activeElement.id") == "main"
    for _ in range(6):
        page.keyboard.press("Tab")
        focused = page.evaluate(OUTLINE)
        assert focused["line"] == "solid", focused
        assert focused["width"] >= 1, focused
    assert page.evaluate("() => !!document.activeElement.closest('main')")


PAGES = ("/", "/competitions/", "/competitions/docs/", "/models/", "/log/", "/account/sign-in/",
         "/account/sign-up/")  # fmt: skip


def test_every_page_fits_a_phone_and_names_its_fields(page):
    page.set_viewport_size(PHONE)
    for path in PAGES:
        page.goto(path)
        assert page.locator("h1").count() == 1, path
        assert page.evaluate(WIDER) <= 0, f"{path} scrolls sideways"
        assert page.evaluate(UNLABELLED) == [], path


BESIDE = """() => { const edge = document.querySelector(".column").getBoundingClientRect().right;
    return [...document.querySelectorAll(".column :is(td, th)")]
        .map(one => one.getBoundingClientRect())
        .filter(box => box.width && box.right > edge + 1).length; }"""


@pytest.mark.parametrize("width", [961, 1121, 1200, 1280])
def test_no_table_beside_the_facts_is_wider_than_its_column(page, width):
    factories.settle(right={factories.scored("a-rather-long-name-of-a-miner"): 39})
    page.set_viewport_size({"width": width, "height": 860})
    page.goto("/competitions/docs/")
    assert page.locator("#payouts tbody tr").count() > 1
    assert page.evaluate(BESIDE) == 0


def test_a_long_word_in_a_title_and_a_long_message_fit_a_phone(page):
    page.set_viewport_size(PHONE)
    factories.settle(right={factories.scored("ada"): 39})
    page.goto(f"/messages/{Message.objects.get(kind='competition.paid').item}/")
    assert page.evaluate(WIDER) <= 0
    values = page.locator(".value", has_text="{")
    assert values.evaluate_all("all => all.map(one => getComputedStyle(one).textAlign)") == ["left"]
    page.evaluate("""() => { const one = document.querySelector("header.lead").cloneNode();
        one.innerHTML = `<p class="eyebrow"><span>${"x".repeat(80)}</span></p>`;
        document.querySelector("main").prepend(one); }""")
    assert page.evaluate(WIDER) <= 0
