"""What can go wrong with rights, in a form that a caller can act on.

AssayError
  TermsRefused       terms.*      somebody's own licence tags are not right
  LineageRefused     lineage.*    a link between works is not possible
  GrantRefused       grant.*      a licence grant does not hold
  LicensingRefused   licensing.*  works, offers and purchases
"""

from assay.errors import AssayError


class TermsRefused(AssayError):
    """Licence tags are not right. Facts: tag."""

    status = 422


class LicenceMissing(TermsRefused):
    """No License tag. Facts: tag."""

    code = "terms.licence_missing"
    next_step = "Add a License tag with the id of the Universal Data License."


class LicenceIdInvalid(TermsRefused):
    """The License tag holds no 43-character id. Facts: tag."""

    code = "terms.licence_id_invalid"
    next_step = "Write the id of the Universal Data License, 43 characters."


class LicenceIsNotUdl(TermsRefused):
    """The License tag names another licence than the Universal Data License. Facts: tag."""

    code = "terms.licence_is_not_udl"
    next_step = "Use one of the ids of the Universal Data License that docs/errors.md lists."


class DuplicateTag(TermsRefused):
    """Two tags have one meaning. Facts: tag."""

    code = "terms.duplicate_tag"
    next_step = "Keep one of the two tags."


class ExpiryInvalid(TermsRefused):
    """Expiry is no whole number of years from 1 to 999. Facts: tag."""

    code = "terms.expiry_invalid"
    next_step = "Write whole years, such as 5, or leave the tag out."


class PaymentModeUnknown(TermsRefused):
    """Payment-Mode is none of those that exist. Facts: tag."""

    code = "terms.payment_mode_unknown"
    next_step = "Write Single or Global-Distribution, or leave the tag out."


class ValueUnknown(TermsRefused):
    """A tag's value is none that its grammar allows. Facts: tag."""

    code = "terms.value_unknown"
    next_step = "Write one of the values that the tag allows; capital letters count."


class ValueNotForThisRight(TermsRefused):
    """The value exists, but not for this right. Facts: tag."""

    code = "terms.value_not_for_this_right"
    next_step = "For training write Allowed, Disallowed or a fee."


class ShareInvalid(TermsRefused):
    """A revenue share is not above 0% and at most 100%. Facts: tag."""

    code = "terms.share_invalid"
    next_step = "Write a share such as Allowed-With-RevenueShare-12.5%."


class RateTooFine(TermsRefused):
    """A revenue share has more than six decimals. Facts: tag."""

    code = "terms.rate_too_fine"
    next_step = "Use at most six decimals."


class AmountInvalid(TermsRefused):
    """An amount is no plain decimal number. Facts: tag."""

    code = "terms.amount_invalid"
    next_step = "Write a plain number such as 3 or 0.25."


class AmountMustBePositive(TermsRefused):
    """A fee is zero. Facts: tag."""

    code = "terms.amount_must_be_positive"
    next_step = "Write a fee above zero, or Allowed."


class AmountTooFine(TermsRefused):
    """An amount has more than nine decimals. Facts: tag."""

    code = "terms.amount_too_fine"
    next_step = "Use at most nine decimals."


class AmountTooLarge(TermsRefused):
    """An amount does not fit the books. Facts: tag."""

    code = "terms.amount_too_large"
    next_step = "Write a smaller amount."


class PeriodInvalid(TermsRefused):
    """The years of a period are no number from 1 to 100. Facts: tag."""

    code = "terms.period_invalid"
    next_step = "Name the tag like After-2-Years-Derivation, with 1 to 100 years."


class PeriodOverlap(TermsRefused):
    """A Before period ends after an After period of the same right begins. Facts: tag."""

    code = "terms.period_overlap"
    next_step = "Let every Before period end when, or before, the first After period begins."


class TermUnsupported(TermsRefused):
    """An old fee tag that nobody defines precisely. Facts: tag."""

    code = "terms.term_unsupported"
    next_step = "Write the fee into the right itself, such as Allowed-With-Fee-One-Time-20."


class UnusualValue(TermsRefused):
    """The value is understood, but means little for this right. Facts: tag."""

    code = "terms.unusual_value"
    next_step = "Use Allowed or Allowed-With-Credit for commercial use."


class TermsTooLarge(TermsRefused):
    """More than 128 tags, or a name or value that is empty or too long. Facts: tag."""

    code = "terms.size"
    next_step = "Use at most 128 tags, names of 1 to 1024 bytes and values of 1 to 3072 bytes."


class TermsCharacters(TermsRefused):
    """A name or value holds control characters. Facts: tag."""

    code = "terms.characters"
    next_step = "Remove line ends, tabs and other control characters."


class LineageRefused(AssayError):
    """A link from a work to a parent is not possible. Facts: child, parent."""

    status = 409


class LineageCycle(LineageRefused):
    """A work would descend from itself. Facts: child, parent."""

    code = "lineage.lineage_cycle"
    next_step = "Name only works that were made before this one."


class AlreadyLinked(LineageRefused):
    """The link is there already. Facts: child, parent."""

    code = "lineage.already_linked"
    next_step = "Nothing to do: the link counts once."


class TooManyParents(LineageRefused):
    """A work has more than 16 parents. Facts: child, parents."""

    code, status = "lineage.too_many_parents", 422
    next_step = "Name at most 16 direct parents."


class TooManyAncestors(LineageRefused):
    """More than 256 works stand above one. Facts: child, ancestors."""

    code, status = "lineage.too_many_ancestors", 422
    next_step = "Start from works with a shorter history."


class RateOutOfRange(LineageRefused):
    """A rate is not between 0 and 10^8 parts. Facts: child, parent, rate_e8."""

    code, status = "lineage.rate_out_of_range", 422
    next_step = "Use a share between 0% and 100%."


class StackExceedsWhole(LineageRefused):
    """All that is due above a work would pass 100%. Facts: child, work, stack_e8."""

    code = "lineage.stack_exceeds_whole"
    next_step = "Start from fewer or cheaper parents, or agree on a lower share with them."


class ParentUnknown(LineageRefused):
    """A named parent is no registered work. Facts: parent."""

    code, status = "lineage.parent_unknown", 422
    next_step = "Register the parent first, or name the one that you started from."


class ParentDisputed(LineageRefused):
    """A named parent is under dispute. Facts: parent."""

    code = "lineage.parent_disputed"
    next_step = "Wait for the judgement, or start from another work."


class ParentWithdrawn(LineageRefused):
    """A named parent was withdrawn. Facts: parent."""

    code = "lineage.parent_withdrawn"
    next_step = "Start from another work."


class DeriveDenied(LineageRefused):
    """A parent's terms do not let anybody make an adapter from it. Facts: parent, reason."""

    code, status = "lineage.derive_denied", 403
    next_step = "Start from another work, or ask its owner for other terms."


class TrainDenied(LineageRefused):
    """The terms of a data set do not allow training. Facts: parent, reason."""

    code, status = "lineage.train_denied", 403
    next_step = "Train on other data, or ask its owner for other terms."


class LicenceNeeded(LineageRefused):
    """Deriving or training costs money and the maker holds no grant. Facts: parent, price_nano."""

    code, status = "lineage.licence_needed", 402
    next_step = "Buy a licence of the parent first."


class Passthrough(LineageRefused):
    """The parent asks for its own terms to go on, and the child's differ. Facts: parent."""

    code = "lineage.passthrough"
    next_step = "Give the new work exactly the terms of its parent."


class CommercialConflict(LineageRefused):
    """The child sells commercial use that a parent denies. Facts: parent."""

    code = "lineage.commercial_conflict"
    next_step = "Disallow commercial use of the new work, or start from another parent."


class GrantRefused(AssayError):
    """A licence grant does not hold. Facts: as each error names them."""

    status = 422


class GrantMalformed(GrantRefused):
    """The text is no compact grant. Facts: none."""

    code = "grant.malformed"
    next_step = "Give the whole text of the grant as it was received, in one line."


class GrantAlgorithm(GrantRefused):
    """The algorithm is not EdDSA. Facts: alg."""

    code = "grant.algorithm"
    next_step = "Do not trust this text: grants are signed with EdDSA only."


class GrantType(GrantRefused):
    """The text is another kind of token. Facts: typ."""

    code = "grant.type"
    next_step = "Give a licence grant; other tokens do not license anything."


class GrantKey(GrantRefused):
    """The key is not the operator's. Facts: kid."""

    code = "grant.key"
    next_step = "Check that the operator's key comes from the right site."


class GrantSignature(GrantRefused):
    """The signature does not fit the text. Facts: none."""

    code = "grant.signature"
    next_step = "Do not trust this text: it was changed, or never signed."


class GrantExpired(GrantRefused):
    """The grant has ended. Facts: exp."""

    code = "grant.expired"
    next_step = "Buy the licence again, or renew it."


class GrantEarly(GrantRefused):
    """The grant has not begun. Facts: nbf."""

    code = "grant.early"
    next_step = "Wait until it begins, and check your clock."


class GrantNotLogged(GrantRefused):
    """The proof does not show that the grant's own message is in the log. Facts: reason."""

    code = "grant.not_logged"
    next_step = "Fetch message and receipt again from the licence's page, once it has a receipt."


class GrantOrigin(GrantRefused):
    """The proof is of another log than the one that issued the grant. Facts: issuer, origin."""

    code = "grant.origin"
    next_step = "Use the log key of the site that issued the grant."


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


class QuoteStale(LicensingRefused):
    """Price or terms changed since the quote. Facts: work, price_nano, terms_version."""

    code = "licensing.quote_stale"
    next_step = "Look at the new price, and order again when you agree."


class GrantUnknown(LicensingRefused):
    """No licence of this id was granted. Facts: grant."""

    code, status = "licensing.grant_unknown", 404
    next_step = "Check the id on your statement."


class NotAPayee(LicensingRefused):
    """The account has no part in the pool of this work. Facts: work, account."""

    code, status = "licensing.not_a_payee", 403
    next_step = "Draw from the works that your royalties page lists."


class NothingToDraw(LicensingRefused):
    """Everything that is due was drawn already. Facts: work, account."""

    code = "licensing.nothing_to_draw"
    next_step = "Come back after the next sale."
