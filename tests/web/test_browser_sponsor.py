"""A sponsor's walk in a real browser, from a dropped file to a public page; axe looks at each step.

The workers' part is written down by the tests' own makers; tests/workers does it with real files.
"""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client
from django.utils import timezone

from competitions import queries
from competitions.models import Draft
from competitions.rules.preview import SLICES, Count, Fault, SliceMade
from tests import factories

pytestmark = [pytest.mark.chromium]
WITHIN_MS = 600_000  # the page asks every second or two; the machine may be shared
LOOKS = ((1280, "light"), (390, "dark"))
WIDER = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
FOCUSED = "() => document.activeElement.id"
LEFT, RIGHT = Count("left", 20), Count("right", 20)


@pytest.fixture
def site(browser, transactional_db, live_server, monkeypatch):
    """A live site whose clock stands still, with a sponsor who has money."""
    monkeypatch.setattr(timezone, "now", lambda: factories.NOW)
    factories.account("sponsor", "10000")
    factories.base_work()
    return live_server.url


@pytest.fixture(params=[True, False], ids=["with script", "without script"])
def page(request, browser, site):
    """The signed-in sponsor, with and without script."""
    client = Client()
    user = factories.get_user_model().objects.get(username="sponsor")
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    visitor = browser.new_context(base_url=site, java_script_enabled=request.param)
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": site}
    visitor.add_cookies([cookie])
    visitor.set_default_timeout(WITHIN_MS)
    one = visitor.new_page()
    one.has_script = request.param
    yield one
    visitor.close()


def looked_at(page):
    """Nothing scrolls sideways, and axe finds no fault, on a wide screen and on a dark phone."""
    for width, scheme in LOOKS if page.has_script else ():
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate(WIDER) <= 0, f"{page.url} scrolls sideways at {width}"
        found = Axe().run(page)
        assert found.violations_count == 0, f"{page.url} at {width}: {found.generate_report()}"


def save(page):
    page.get_by_role("button", name="Save and go on").click()


def choose(page, raw):
    file = {"name": "reviews.csv", "mimeType": "text/csv", "buffer": raw}
    page.get_by_label("Your data in one file").set_input_files(file)
    save(page)


def following(page, text):
    """What the page shows by itself, or, without script, after a look."""
    if not page.has_script:
        page.get_by_role("link", name="Look again").click()
    page.get_by_text(text).first.wait_for()


def test_a_sponsor_walks_from_a_dropped_file_to_a_public_page(page):
    page.goto("/sponsor/")
    looked_at(page)
    page.get_by_role("button", name="New competition").click()
    save(page)
    looked_at(page)
    if page.has_script:
        assert page.evaluate(FOCUSED) == "id_title"
    page.get_by_label("Title").fill("Which side?")
    page.get_by_label("Short name").fill("sides")
    save(page)
    data(page)
    prize(page)
    page.get_by_label("Highest one-time fee").wait_for()
    save(page)  # the licence terms as they are
    page.get_by_role("button", name="Start dry run").wait_for()
    looked_at(page)
    page.get_by_role("button", name="Start dry run").click()
    assert page.get_by_role("progressbar").first.is_visible()
    looked_at(page)
    factories.measured_draft(Draft.objects.get().id, "sides")
    following(page, "What is pinned")
    looked_at(page)
    page.get_by_role("button", name="and publish").click()
    page.wait_for_url("**/competitions/sides/")
    assert queries.competition("sides").phase == "funded"
    page.goto("/sponsor/")
    looked_at(page)


def data(page):
    """A file that is too small, one with a fault, and one that is right."""
    choose(page, b"text,label\na,left\n")
    page.get_by_text("13 are the fewest").first.wait_for()
    looked_at(page)
    rows = b"text,label\n" + b"a,left\n" * 40
    choose(page, rows)
    draft = Draft.objects.get().id
    assert page.get_by_role("progressbar").is_visible()
    looked_at(page)
    told = Fault(18, "data.malformed", "Row 18 has 3 fields.", "Mend it.")
    factories.previewed(draft, factories.file_read(faults=(told,), fault_count=1))
    following(page, "Row 18 has 3 fields.")
    looked_at(page)
    choose(page, rows + b"b,right\n")
    slices = [SliceMade(part, 40, (LEFT, RIGHT)) for part in SLICES]
    factories.previewed(draft, factories.file_read(), slices=slices)
    following(page, "the site has split them")
    looked_at(page)
    page.get_by_role("link", name="Go on to prize").click()


def prize(page):
    """Figures that follow the typing, mistakes that are refused, and then the right ones."""
    page.get_by_label("Prize", exact=True).fill("1000")
    if page.has_script:
        page.get_by_text("616").first.wait_for()
    page.get_by_label("Payout curve").fill("0,0")
    save(page)
    page.get_by_text("never rise").first.wait_for()
    if page.has_script:
        assert page.evaluate(FOCUSED) == "id_curve"
    looked_at(page)
    page.get_by_label("Payout curve").fill("8,4,2,1")
    page.get_by_label("Or stays open for").fill("7 days")
    save(page)
    page.wait_for_url("**/terms/")
    page.get_by_role("link", name="Back to prize and dates").click()
    page.get_by_text("616").first.wait_for()
    save(page)
