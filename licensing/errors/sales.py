"""What stands against a work, an offer or a purchase: licensing.*"""

from assay.errors import AssayError


class LicensingRefused(AssayError):
    """Works, offers and purchases. Facts: as each error names them."""

    status = 409


class WorkUnknown(LicensingRefused):
    """No work of this id is registered. Facts: work."""

    code, status = "licensing.work_unknown", 404
    next_step = "Check the id on the work's page."


class WorkTaken(LicensingRefused):
    """The same bytes are registered as a work already. Facts: work, owner."""

    code = "licensing.work_taken"
    next_step = "Nothing to do when it is yours; otherwise name that work as a parent."


class SharesInvalid(LicensingRefused):
    """The payees of a pool are not right. Facts: work, payee."""

    code, status = "licensing.shares_invalid", 422
    next_step = "Name 1 to 64 different accounts that exist, each with a weight above zero."


class UseDenied(LicensingRefused):
    """The terms do not allow a use. Facts: work, use, reason."""

    code, status = "licensing.denied", 403
    next_step = "Choose other uses, or ask the owner for other terms."


class UsesInvalid(LicensingRefused):
    """A purchase names no use, an unknown one, or one twice. Facts: uses."""

    code, status = "licensing.uses_invalid", 422
    next_step = "Name each use that you want once, in the order of the work's page."


class MixedSchedules(LicensingRefused):
    """One purchase mixes one-time and monthly prices. Facts: work, uses."""

    code, status = "licensing.mixed_schedules", 422
    next_step = "Buy the one-time uses and the monthly uses one after the other."


class NotForSale(LicensingRefused):
    """The work is not offered, disputed or withdrawn. Facts: work, state."""

    code = "licensing.not_for_sale"
    next_step = "Choose another work, or come back when the dispute is judged."


class NotOwner(LicensingRefused):
    """The work belongs to another account. Facts: work, owner."""

    code, status = "licensing.not_owner", 403
    next_step = "Ask its owner to order this."


class TermsStale(LicensingRefused):
    """The terms changed in between. Facts: work, terms_version."""

    code = "licensing.terms_stale"
    next_step = "Look at the terms that hold, and number yours one higher."


class QuoteStale(LicensingRefused):
    """Price or terms changed since the quote. Facts: work, price_nano, terms_version."""

    code = "licensing.quote_stale"
    next_step = "Look at the new price, and order again when you agree."


class GrantUnknown(LicensingRefused):
    """No licence of this id was granted. Facts: grant."""

    code, status = "licensing.grant_unknown", 404
    next_step = "Check the id on your statement."


class NotHolder(LicensingRefused):
    """The licence is another account's. Facts: grant, holder."""

    code, status = "licensing.not_holder", 403
    next_step = "Name a licence of yours: they are on your licences page."


class GrantOver(LicensingRefused):
    """The licence was taken back already. Facts: grant, state."""

    code = "licensing.grant_over"
    next_step = "Nothing to do, or buy it anew."


class RefundOver(LicensingRefused):
    """The 14 days in which a licence can be given back are over. Facts: grant, until_ms."""

    code = "licensing.refund_over"
    next_step = "Keep it until it ends; a monthly licence is not renewed by itself."


class GrantUsed(LicensingRefused):
    """The licence was used, so it cannot be given back. Facts: grant, use."""

    code = "licensing.grant_used"
    next_step = "Keep it: what was made or recorded by it stays under it."


class HolderKeyInvalid(LicensingRefused):
    """The key that a grant should name is no Ed25519 key. Facts: key."""

    code, status = "licensing.holder_key_invalid", 422
    next_step = "Give the public key as 64 small hex digits, or none."


class DisputeTwice(LicensingRefused):
    """The work is the claimant's own, or disputed by the same account already. Facts: work."""

    code = "licensing.dispute_twice"
    next_step = "Wait for the ruling."


class DisputeUnknown(LicensingRefused):
    """No dispute of this id was raised. Facts: dispute."""

    code, status = "licensing.dispute_unknown", 404
    next_step = "Check the id: it is that of the order."


class DisputeOver(LicensingRefused):
    """The ruling does not follow on what was ruled before. Facts: dispute, state."""

    code = "licensing.dispute_over"
    next_step = "Open it before it is upheld; what is cleared stays cleared."


class PoolFrozen(LicensingRefused):
    """The work is disputed, so nothing is drawn from its pool. Facts: work."""

    code = "licensing.pool_frozen"
    next_step = "Wait for the ruling: what comes meanwhile stays in the pool."


class NotAPayee(LicensingRefused):
    """The account has no part in the pool of this work. Facts: work, account."""

    code, status = "licensing.not_a_payee", 403
    next_step = "Draw from the works that your royalties page lists."


class NothingToDraw(LicensingRefused):
    """Everything that is due was drawn already. Facts: work, account."""

    code = "licensing.nothing_to_draw"
    next_step = "Come back after the next sale."


class FolderMissing(LicensingRefused):
    """The work has no file to download here. Facts: work, kind."""

    code, status = "licensing.no_download", 404
    next_step = "Its page names where it comes from."


class AlreadyHeld(LicensingRefused):
    """The buyer holds what would be paid for again. Facts: work, uses, grant, until_ms."""

    code = "licensing.already_held"
    next_step = "Use it. Who wants to pay again names it: `--beside ID`, or `beside` in the order."


class ReportStranger(LicensingRefused):
    """Somebody else holds the licence, and reports and pays for it. Facts: grant, holder."""

    code, status = "licensing.report_stranger", 403
    next_step = "Sign with the account that holds the licence."


class ReportNeedless(LicensingRefused):
    """The licence asks for no share of what is earned. Facts: grant."""

    code = "licensing.report_needless"
    next_step = "Nothing is owed by this licence."


class ReportPeriod(LicensingRefused):
    """A report goes on where the last one ended, and ends with the licence at the latest.

    Facts: grant, since_ms (where it goes on), until_ms (where the licence ends)
    """

    code, status = "licensing.report_period", 422
    next_step = "Report what was earned until now, or until the licence ended."


class ReportAmount(LicensingRefused):
    """An amount below zero, or beyond all money. Facts: grant."""

    code, status = "licensing.report_amount", 422
    next_step = "Name what you earned, in tokens; 0 when it was nothing."


class ReportUnknown(LicensingRefused):
    """Nothing is owed by such a report. Facts: report."""

    code, status = "licensing.report_unknown", 404
    next_step = "Look at the licence's reports: the report may be paid already."


class ReportOverdue(LicensingRefused):
    """What was earned under an earlier licence is not reported or not paid. Facts: work, grant."""

    code = "licensing.report_overdue"
    next_step = "Report on that licence with `assay licence report`, and pay what is owed."


class AccessNeeded(LicensingRefused):
    """Only who holds a licence that gives access gets the file. Facts: work, account."""

    code, status = "licensing.access_needed", 403
    next_step = "Buy a licence for copy on the work's page, then ask again."


class TicketSpent(LicensingRefused):
    """The address of the file is an hour old, or was changed. Facts: work."""

    code, status = "licensing.ticket_spent", 403
    next_step = "Sign again: `assay pull` goes on where it was."


class DaysInvalid(LicensingRefused):
    """A period is not two days, the first before the second. Facts: since, until."""

    code, status = "licensing.days_invalid", 422
    next_step = "Write days as 2026-11-01; the second is the first day behind the period."
