"""Revenue share: what a holder reports is owed by rule, paid or shown as owed, and never twice."""

from datetime import timedelta

import pytest

from assay import messages, vouchers
from assay.wire import Nano
from ledger import log
from ledger.actions import close_account_for, mint, ms
from ledger.errors import AccountHasClaims, Overdrawn
from ledger.queries import balance_nano
from licensing import actions, errors, models, queries
from licensing.rules.may import MONTH_MS
from licensing.rules.overdue import GRACE_MS
from tests import factories
from tests.hostile.orders import fold_anew
from tests.licensing.market import (
    ASSAY,
    BASE,
    BASE_TAGS,
    DATA,
    NOW,
    WORK,
    buy,
    buy_quoted,
    enter,
    people,
    register,
    scene,
)

pytestmark = pytest.mark.django_db
SHARED = (*ASSAY, ("Commercial-Use", "Allowed-With-RevenueShare-5%"))
GROSS = 1_000_001


def after(milliseconds):
    return NOW + timedelta(milliseconds=milliseconds)


def shared(holder="buyer"):
    """A work whose business costs a share, and a licence for a month of it."""
    people()
    scene()
    factories.account("firm")
    change = messages.TermsChange(WORK, 2, SHARED)
    actions.change_terms(log.order_for("miner", change, idempotency="terms"), now=NOW)
    return renew("one", NOW, holder)


def renew(words, now, holder="buyer"):
    quote = queries.quote(WORK, ("commercial",), account=holder, now=now)
    return buy_quoted(holder, quote, words, now)


def report(grant, until_ms, gross_nano, *, at_ms=None, holder="buyer", words=""):
    body = messages.UsageReport(grant, ms(NOW) + until_ms, Nano(gross_nano))
    words = words or f"{until_ms}/{gross_nano}"
    order = log.order_for(holder, body, idempotency=words)
    return actions.report_usage(order, now=after(until_ms if at_ms is None else at_ms))


def pay(name, at_ms, holder="buyer"):
    order = log.order_for(holder, messages.UsagePay(name), idempotency=f"pay {name}")
    return actions.pay_report(order, now=after(at_ms))


def test_the_share_of_what_is_reported_goes_to_fee_and_pools_as_of_a_sale():
    grant, before = shared(), balance_nano("buyer")
    made = report(grant.id, MONTH_MS, GROSS)
    assert (made.owed_nano, made.is_paid) == (50_000, True), "5 %, rounded down"
    assert balance_nano("buyer") == before - 50_000
    assert balance_nano("fee") == 1_000
    assert [queries.pool_nano(one) for one in (BASE, DATA, WORK)] == [2450, 4900, 41650]
    again = report(grant.id, MONTH_MS, GROSS)
    assert again == made, "the same order"
    assert models.Usage.objects.get().gross_nano == 50_000
    assert models.ShareDue.objects.get(work=BASE, payee="author").due_nano == 2450
    fold_anew()


def test_what_the_account_does_not_hold_is_shown_as_owed_and_paid_later_once():
    grant = shared("firm")
    made = report(grant.id, MONTH_MS, GROSS, holder="firm")
    assert (made.owed_nano, made.is_paid) == (50_000, False)
    assert queries.reports(grant.id).owed_nano == 50_000
    with pytest.raises(errors.ReportStranger):
        pay(made.id, MONTH_MS, holder="miner")
    with pytest.raises(Overdrawn):
        pay(made.id, MONTH_MS, holder="firm")
    mint(account="firm", amount_nano=60_000, idempotency="funds", now=NOW)
    assert pay(made.id, MONTH_MS, holder="firm").is_paid
    assert pay(made.id, MONTH_MS, holder="firm").is_paid, "the same order"
    assert balance_nano("firm") == 10_000
    other = log.order_for("firm", messages.UsagePay(made.id), idempotency="other")
    with pytest.raises(errors.ReportUnknown):
        actions.pay_report(other, now=after(MONTH_MS))
    assert queries.reports(grant.id).owed_nano == 0
    fold_anew()


def test_a_strangers_report_is_refused_and_moves_nothing():
    grant = shared()
    for name in ("miner", "author"):
        with pytest.raises(errors.ReportStranger) as refusal:
            report(grant.id, MONTH_MS, 0, holder=name)
        assert refusal.value.code == "licensing.report_stranger"
    assert not models.Report.objects.exists()


@pytest.mark.parametrize(
    ("until_ms", "gross_nano", "at_ms", "code"),
    [
        (0, 0, MONTH_MS, "licensing.report_period"),
        (MONTH_MS + 1, 0, 2 * MONTH_MS, "licensing.report_period"),
        (MONTH_MS, 0, MONTH_MS - 1, "licensing.report_period"),
        (MONTH_MS, -1, MONTH_MS, "licensing.report_amount"),
    ],
)
def test_a_report_of_another_period_or_amount_is_refused(until_ms, gross_nano, at_ms, code):
    grant = shared()
    with pytest.raises(errors.LicensingRefused) as refusal:
        report(grant.id, until_ms, gross_nano, at_ms=at_ms)
    assert refusal.value.code == code


def test_reports_go_on_from_each_other_and_no_day_is_reported_twice():
    grant = shared()
    report(grant.id, 10, 2000)
    with pytest.raises(errors.ReportPeriod):
        report(grant.id, 10, 0, words="again")
    report(grant.id, MONTH_MS, 3000)
    found = queries.reports(grant.id)
    assert [(one.since_ms, one.until_ms) for one in found.found] == [
        (ms(NOW), ms(NOW) + 10),
        (ms(NOW) + 10, ms(NOW) + MONTH_MS),
    ]
    assert found.next_ms == 0
    fold_anew()


def test_who_is_late_with_a_report_or_its_payment_gets_no_further_licence():
    grant = shared("firm")
    renew("two", after(MONTH_MS), "firm")
    late = MONTH_MS + GRACE_MS
    with pytest.raises(errors.ReportOverdue) as refusal:
        renew("three", after(late), "firm")
    assert refusal.value.facts["grant"] == grant.id
    owed = report(grant.id, MONTH_MS, GROSS, at_ms=late, holder="firm")
    assert renew("three", after(late), "firm").from_ms == ms(NOW) + 2 * MONTH_MS
    later = 2 * MONTH_MS
    with pytest.raises(errors.ReportOverdue):
        renew("four", after(later), "firm")
    mint(account="firm", amount_nano=60_000, idempotency="funds", now=NOW)
    pay(owed.id, later, holder="firm")
    assert renew("four", after(later), "firm").id
    fold_anew()


def test_nobody_holds_months_of_a_share_ahead():
    shared()
    renew("two", NOW)
    with pytest.raises(errors.AlreadyHeld):
        renew("three", NOW)


def test_a_licence_without_a_share_takes_no_report():
    people()
    scene()
    with pytest.raises(errors.ReportNeedless):
        report(buy().id, 1, 0)


def test_a_licence_that_was_reported_on_does_not_go_back():
    grant = shared()
    report(grant.id, 10, 2000)
    order = log.order_for("buyer", messages.LicenceRefund(grant.id), idempotency="back")
    with pytest.raises(errors.GrantUsed):
        actions.refund_licence(order, now=after(20))


def test_whoever_owes_a_share_keeps_the_account():
    grant = shared("firm")
    assert report(grant.id, MONTH_MS, GROSS, holder="firm").is_paid is False
    with pytest.raises(AccountHasClaims):
        close_account_for("firm", now=after(MONTH_MS))


def test_a_parents_share_of_business_binds_the_sales_of_what_is_made_from_it():
    """The base asks 5 % for derivation and 20 % of business: the child's sales owe it 20 %."""
    people()
    base_tags = (*BASE_TAGS[:3], ("Commercial-Use", "Allowed-With-RevenueShare-20%"))
    register("author", BASE, "base", base_tags)
    free = (*ASSAY, ("Derivation", "Allowed"), ("Commercial-Use", "Allowed"),
            ("Data-Model-Training", "Allowed"))  # fmt: skip
    register("sponsor", DATA, "data", free)
    enter()
    buy()
    sold_nano = models.Grant.objects.get().price_nano
    assert queries.pool_nano(BASE) == sold_nano * 98 // 100 * 20 // 100
    fold_anew()


def test_terms_for_business_do_not_come_later_past_a_parents_share():
    people()
    base_tags = (*BASE_TAGS[:3], ("Commercial-Use", "Allowed-With-RevenueShare-20%"))
    register("author", BASE, "base", base_tags)
    enter(tags=(*ASSAY, ("Derivation", "Allowed")), parents=(BASE,))
    change = messages.TermsChange(WORK, 2, SHARED)
    with pytest.raises(errors.CommercialConflict):
        actions.change_terms(log.order_for("miner", change, idempotency="terms"), now=NOW)


def test_a_licensee_who_serves_a_work_keeps_what_its_share_leaves():
    """Guards that a channel of a licensee pays the share at once, and the rest to the licensee."""
    grant = shared()
    factories.account("caller")
    mint(account="caller", amount_nano=10**6, idempotency="funds", now=NOW)
    key = vouchers.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    signer = key.public_key().public_bytes_raw().hex()
    body = messages.ChannelOpen(WORK, "buyer", signer, Nano(10**6), 3600)
    opened = actions.open_channel(log.order_for("caller", body, idempotency="open"), now=NOW)
    assert (opened.grant, opened.rate_e8) == (grant.id, 5_000_000)
    before = balance_nano("buyer")
    told = (Nano(500_000_999), Nano(9), Nano(10**9))
    voucher = vouchers.sign(key, opened.id, 10**9)
    settle = messages.UsageSettle(opened.id, *told, voucher.signature, is_last=True)
    order = log.order_for("buyer", settle, idempotency="settle")
    closed = actions.settle_usage(order, now=NOW)
    assert (closed.settled_nano, closed.is_closed) == (500_000, True)
    assert balance_nano("buyer") == before + 475_000
    assert balance_nano("caller") == 500_000
    paid = balance_nano("fee") + sum(queries.pool_nano(one) for one in (BASE, DATA, WORK))
    assert paid == 25_000
    fold_anew()
