"""Why a link between works is not possible: lineage.*"""

from assay.errors import AssayError


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
    """More than 256 works stand above one, or 200 that are paid. Facts: child, ancestors."""

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
