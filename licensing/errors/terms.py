"""What can be wrong with somebody's own licence tags: terms.*"""

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
    """A name or value holds control characters, or a name letters outside of ASCII. Facts: tag."""

    code = "terms.characters"
    next_step = "Remove line ends, tabs and other control characters; write names in ASCII."


class NameResembles(TermsRefused):
    """A tag's name is nearly one that means something, so the owner means it. Facts: tag."""

    code = "terms.name_resembles"
    next_step = "Write the name as docs/licensing.md has it, or one that is not like any of those."


class PaymentUnsupported(TermsRefused):
    """A tag about who is paid that is not honoured here. Facts: tag."""

    code = "terms.payment_unsupported"
    next_step = "Leave the tag out: the payees that the work is registered with are paid."


class TagsMissing(TermsRefused):
    """A file holds no licence tags that can be read. Facts: place."""

    code = "terms.missing"
    next_step = "Give a file or folder that `assay pull` brought."


class TermsDiffer(TermsRefused):
    """What files say of the terms is not what the log says. Facts: work, differences."""

    code, status = "terms.differ", 409
    next_step = "The log counts. Get the files again: `assay pull`."
