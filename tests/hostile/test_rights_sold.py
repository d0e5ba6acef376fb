"""Rights that are sold: terms that nearly say something, periods that end, access that is paid."""

from datetime import timedelta

import pytest

from assay import keys, messages
from assay.money import show_tokens
from assay.wire import Nano
from ledger import log
from ledger.actions import ms
from ledger.rules import gate
from licensing import actions, errors, queries
from licensing.rules.grant import verify
from licensing.rules.lineage import MOST_PAID, check_links
from licensing.rules.may import MONTH_MS, YEAR_MS, Use
from licensing.rules.reading import read_own
from tests import factories
from tests.hostile.orders import fold_anew

pytestmark = pytest.mark.django_db


# --- 4. terms that nearly say something -----------------------------------------------------------
@pytest.mark.parametrize(
    "name",
    [
        "Derivations-",
        "Derivation ",
        "Comercial-Use",
        "Commercial_Use.",
        "CommercialUse",
        "Commercial",
        "Acces-Fee",
        "Access Fee",
        "Licence",
        "Expiri",
        "Before-2-Year-Derivation",
        "Data-Model-Trainings",
    ],
)
def test_a_name_that_is_nearly_one_of_a_licence_is_refused_in_own_terms(name):
    """Read as a tag without meaning, a price that was misspelt gave the right away for nothing."""
    with pytest.raises(errors.NameResembles) as refusal:
        read_own([*factories.ASSAY, (name, "Allowed-With-Fee-One-Time-100")])
    assert refusal.value.facts == {"tag": name}


@pytest.mark.parametrize("name", ["D\u0435rivation", "Acce\u0455s-Fee", "\uff24erivation"])
def test_a_name_in_letters_that_only_look_the_same_is_refused_in_own_terms(name):
    with pytest.raises(errors.TermsCharacters):
        read_own([*factories.ASSAY, (name, "Allowed-With-Fee-One-Time-100")])


@pytest.mark.parametrize("name", ["Note", "Note-01", "Author", "Homepage", "Language", "Topic"])
def test_a_name_of_something_else_stays_allowed(name):
    assert read_own([*factories.ASSAY, (name, "x")])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Payment-Address", "bob"),
        ("Payment-Address", "0x" + "a1" * 20),
        ("Payment-Mode", "Global-Distribution"),
        ("Payment-Mode", "Random-Distribution"),
    ],
)
def test_a_tag_about_who_is_paid_that_nobody_honours_is_refused_by_its_name(name, value):
    with pytest.raises(errors.PaymentUnsupported) as refusal:
        read_own([*factories.ASSAY, (name, value)])
    assert refusal.value.facts == {"tag": name}


def offered(*tags):
    """A data work under terms of its own, and a buyer with money."""
    factories.account("buyer", "500")
    return factories.work("data", "da" * 32, owner="author", tags=(*factories.ASSAY, *tags))


def buy(work, uses, now, words="one"):
    quote = queries.quote(work, uses, account="buyer", now=now)
    beside = quote.held[0].id if quote.held else None
    order = log.order_for("buyer", quote.order(beside=beside), idempotency=words)
    return actions.buy_licence(order, now=now)


@pytest.mark.parametrize("before_ms", [1, 999, 1000, 1001, 86_400_000])
def test_a_right_that_is_bought_at_the_end_of_its_period_ends_with_it(before_ms):
    """It had no end, though the deed named one."""
    work = offered(
        ("Before-1-Years-Commercial-Use", "Allowed-With-Fee-One-Time-5"),
        ("Commercial-Use", "Disallowed"),
    )
    end = factories.NOW + timedelta(milliseconds=YEAR_MS)
    bought = buy(work, ("commercial",), end - timedelta(milliseconds=before_ms))
    assert bought.until_ms == ms(end)
    clauses = queries.deed_of(work, now=end - timedelta(milliseconds=before_ms))
    assert {one.until_ms for one in clauses if one.use == "commercial"} == {bought.until_ms}
    assert queries.state_of(bought, now=end) == "expired"
    with pytest.raises(errors.UseDenied):
        queries.quote(work, ("commercial",), account="buyer", now=end)
    fold_anew()


def test_commercial_use_for_a_share_is_sold_by_the_month_and_the_share_is_in_grant_and_fact():
    work = offered(("Commercial-Use", "Allowed-With-RevenueShare-50%"))
    bought = buy(work, ("commercial",), factories.NOW)
    assert (bought.price_nano, bought.share_e8) == (0, 50_000_000)
    assert bought.until_ms == ms(factories.NOW) + MONTH_MS
    public = keys.public_hex(log.signing_key("operator"))
    claims = verify(bought.jws, public, now_ms=ms(factories.NOW))
    assert claims.share_e8 == 50_000_000
    fold_anew()


def test_what_is_made_from_a_work_with_a_share_of_its_business_owes_that_share_of_its_sales():
    share = ("Commercial-Use", "Allowed-With-RevenueShare-50%")
    work = offered(share, ("Data-Model-Training", "Allowed"))
    for tags, rate_e8 in ((factories.REQUIRED, 50_000_000), (factories.OPEN_TAGS[:2], 0)):
        found = queries.check_parents(tags, [work], owner="buyer", now=factories.NOW)
        assert found == {work: rate_e8}


# --- 5. access ------------------------------------------------------------------------------------
FEE = ("Access-Fee", "Monthly-3")
ONCE = ("Access-Fee", "One-Time-3")
PAID = ("Commercial-Use", "Allowed-With-Fee-One-Time-20")
MONTH = timedelta(milliseconds=MONTH_MS)


def cost(work, uses, now=factories.NOW):
    return show_tokens(queries.quote(work, uses, account="buyer", now=now).offer.price_nano)


def test_access_is_charged_once_whichever_way_it_came():
    """Who had paid for it with another use paid again."""
    work = offered(ONCE, PAID, ("Data-Model-Training", "Allowed"))
    assert cost(work, ("commercial",)) == "23"
    bought = buy(work, ("commercial",), factories.NOW)
    assert tuple(bought.uses) == ("access", "commercial")
    assert [cost(work, (use,)) for use in ("train", "display", "publish")] == ["0", "0", "0"]
    fold_anew()


@pytest.mark.parametrize("use", ["copy", "display", "publish"])
def test_whoever_paid_for_one_use_of_access_has_all(use):
    work = offered(ONCE, PAID)
    buy(work, (use,), factories.NOW)
    others = {"copy", "display", "publish"} - {use}
    assert [cost(work, (one,)) for one in (*others, "commercial")] == ["0", "0", "20"]
    assert (cost(work, (use,)), cost(work, ("access",))) == ("0", "3")  # a renewal is asked for
    fold_anew()


def test_a_month_of_access_opens_no_licence_for_ever():
    work = offered(FEE, PAID)
    access = buy(work, ("copy",), factories.NOW)
    half = factories.NOW + MONTH / 2
    bought = buy(work, ("commercial",), half, "two")
    assert bought.until_ms == access.until_ms == ms(factories.NOW + MONTH)
    free = buy(work, ("display",), half, "three")
    assert free.until_ms == access.until_ms
    with pytest.raises(errors.MixedSchedules):
        queries.quote(work, ("commercial",), account="buyer", now=factories.NOW + MONTH)
    fold_anew()


def test_what_is_made_from_a_work_needs_its_access_too():
    """A free derivation of a work whose access costs something was free of everything."""
    work = offered(FEE, ("Data-Model-Training", "Allowed"), ("Commercial-Use", "Allowed"))

    def check(now):
        return queries.check_parents(factories.REQUIRED, [work], owner="buyer", now=now)

    with pytest.raises(errors.LicenceNeeded) as refusal:
        check(factories.NOW)
    assert refusal.value.facts == {"parent": work, "price_nano": str(3 * 10**9)}
    buy(work, ("train",), factories.NOW)
    assert check(factories.NOW + MONTH / 2) == {work: 0}
    with pytest.raises(errors.LicenceNeeded):
        check(factories.NOW + MONTH)


def test_nothing_is_made_from_or_sold_of_what_nobody_has_access_to():
    free = (("Data-Model-Training", "Allowed"), ("Commercial-Use", "Allowed"))
    work = offered(("Access", "Restricted"), *free)
    with pytest.raises(errors.TrainDenied):
        queries.check_parents(factories.REQUIRED, [work], owner="buyer", now=factories.NOW)
    clauses = queries.deed_of(work, now=factories.NOW)
    assert queries.uses_given(clauses) == []
    assert queries.listing(queries.work(work), now=factories.NOW).price_nano is None


def test_lists_and_deed_tell_the_access_that_comes_on_top():
    work = offered(ONCE, PAID)
    assert queries.listing(queries.work(work), now=factories.NOW).price_nano == 23 * 10**9
    told = {one.use.value: one.sentence for one in queries.deed_of(work, now=factories.NOW)}
    assert told["commercial"].endswith("Access costs 3 tokens once on top.")


# --- a sale fits the log --------------------------------------------------------------------------
def test_every_sale_that_lineage_allows_is_a_fact_that_the_log_keeps():
    """A work with 256 paid ancestors could be registered, and never be sold."""
    chain = {f"w{place}": {f"w{place + 1}": 1000} for place in range(MOST_PAID)}
    with pytest.raises(errors.TooManyAncestors):
        check_links("new", {"w0": 1000}, chain)
    check_links("new", {"w1": 1000}, chain)
    buyer, whole = "b" * 32, Nano(9 * 10**18 // MOST_PAID)
    lines = tuple(
        messages.Line(f"{one:064x}", "single", buyer, f"pool:{one:064x}", whole, "royalty")
        for one in range(MOST_PAID + 2)
    )
    uses, jws = tuple(use.value for use in Use), "j" * 1500
    told = (
        "g" * 43,
        "a" * 64,
        uses,
        1,
        buyer,
        Nano(9 * 10**18),
        10**8,
        4 * 10**12,
        4 * 10**12,
        4 * 10**12,
        jws,
        lines,
        4 * 10**12,
    )
    fact = log.fact(messages.LicenceGranted(*told), idempotency="largest")
    gate.admit(fact, origin="")
    assert 50_000 < len(fact.raw) <= gate.MOST_FACT_BYTES


def test_a_month_that_is_renewed_early_begins_when_the_last_one_ends():
    """Both began at once, and the days that were left were paid twice."""
    work = offered(("Commercial-Use", "Allowed-With-Fee-Monthly-3"))
    first = buy(work, ("commercial",), factories.NOW)
    half = factories.NOW + MONTH / 2
    second = buy(work, ("commercial",), half, "two")
    assert (second.from_ms, second.until_ms) == (first.until_ms, first.until_ms + MONTH_MS)
    assert verify(second.jws, log.find_signer(second.message), now_ms=second.from_ms)
    with pytest.raises(errors.GrantEarly):
        verify(second.jws, log.find_signer(second.message), now_ms=ms(half))
    fold_anew()


def test_access_that_was_paid_for_once_is_there_when_the_period_of_the_use_is_over():
    work = offered(ONCE, ("Before-1-Years-Commercial-Use", PAID[1]))
    bought = buy(work, ("commercial",), factories.NOW)
    over = factories.NOW + timedelta(milliseconds=YEAR_MS)
    assert (bought.until_ms, bought.access_until_ms) == (ms(over), 0)
    assert cost(work, ("copy",), over) == "0"
    fold_anew()
