"""What can be wrong with competitions, submissions and their evaluation.

competition.*   the contest itself     submission.*   an entry     evaluation.*   scoring work
"""

from assay.errors import AssayError


class CompetitionUnknown(AssayError):
    """No competition has this name. Facts: competition."""

    code, status = "competition.not_found", 404
    next_step = "`assay competitions list` shows all of them."


class CompetitionExists(AssayError):
    """The name belongs to another competition. Facts: competition."""

    code, status = "competition.exists", 409
    next_step = "Choose another short name."


class WrongState(AssayError):
    """The competition's state does not allow it. Facts: state, allowed."""

    code, status = "competition.wrong_state", 409
    next_step = "The competition's page shows its state, and what comes next by when."


class NotSponsor(AssayError):
    """Only the sponsor may do this. Facts: competition."""

    code, status = "competition.not_sponsor", 403
    next_step = "Sign in as the sponsor of this competition."


class CloseFixed(AssayError):
    """It was put off before, or its last tenth has begun. Facts: competition, closes_at_ms."""

    code, status = "competition.close_fixed", 409
    next_step = "The close stays as the page shows it; it can be put off once, early."


class HasEntries(AssayError):
    """Somebody has entered already, so it cannot be cancelled. Facts: competition."""

    code, status = "competition.has_entries", 409
    next_step = "Let it run to its close; the rules then pay or refund the stake."


class DryRunMissing(AssayError):
    """The task was not prepared and measured yet. Facts: draft."""

    code, status = "competition.dry_run_missing", 409
    next_step = "Start the dry run and wait for the baseline score."


class SliceTooSmall(AssayError):
    """The final slice has too few rows to decide prizes on this site. Facts: rows, wanted."""

    code, status = "competition.slice_too_small", 422
    next_step = "Give a larger final slice."


class SliceUsed(AssayError):
    """An earlier competition has the same final rows. Facts: competition."""

    code, status = "competition.slice_used", 409
    next_step = "Prepare the task with final rows that no competition has used before."


class OverCapacity(AssayError):
    """Its dates cannot hold the runs that are expected. Facts: causes, and the load in seconds."""

    code, status = "competition.capacity", 422
    next_step = "Choose a later close, a smaller quota, a longer window, or less data."


class SpecInvalid(AssayError):
    """A field of the competition is wrong. Facts: path, cause, and all problems."""

    code, status = "competition.spec_invalid", 422
    next_step = "Correct the field and send it again; nothing else was lost."


class DatesInvalid(SpecInvalid):
    """The dates do not fit together. Facts: path, cause."""

    code = "competition.dates_invalid"
    next_step = "Choose a close that is later than the opening, and both in the future."


class DraftUnknown(AssayError):
    """There is no such draft of this sponsor. Facts: draft."""

    code, status = "competition.draft_unknown", 404
    next_step = "Your drafts are listed on the sponsor page."


class FoldRefused(AssayError):
    """A fact about a competition does not follow from the rules. Facts: reason, entry."""

    code, status = "competition.fact_refused", 422
    next_step = "Report it: the site tried to say something that its rules do not give."


class SubmissionUnknown(AssayError):
    """There is no such submission. Facts: submission."""

    code, status = "submission.unknown", 404
    next_step = "`assay submissions list` shows yours."


class SubmissionClosed(AssayError):
    """The competition takes no entries now. Facts: closed_at_ms, received_at_ms, state."""

    code, status = "submission.closed", 409
    next_step = "`assay competitions list` shows which ones are open."


class NotOwner(AssayError):
    """Only the entry's owner may do this. Facts: submission."""

    code, status = "submission.not_owner", 403
    next_step = "Sign in as the owner of this entry."


class NotEliminated(AssayError):
    """Only an eliminated entry can be run in full. Facts: submission, state."""

    code, status = "submission.not_eliminated", 409
    next_step = "The entry's page shows its state; every other entry is run in full anyway."


class NotNominable(AssayError):
    """An entry cannot be one of those that decide. Facts: submission, state, most."""

    code, status = "submission.not_nominable", 422
    next_step = "Name entries of your own that stand in the competition, and no more than it takes."


class DepositDiffers(AssayError):
    """The order names another deposit than the competition asks. Facts: wanted_nano, found_nano."""

    code, status = "submission.deposit_differs", 422
    next_step = "Ask again with the deposit that the entry's page shows."


class QuotaUsed(AssayError):
    """All slots of this window are used. Facts: quota, remaining, next_slot_at_ms."""

    code, status = "submission.quota_used", 429
    next_step = "Wait for the next slot; a refused or failed entry gives its slot back."


class SubmissionExists(AssayError):
    """The same files were entered here before. Facts: submission, state, refusal_code."""

    code, status = "submission.exists", 409
    next_step = "Train further, or look at the earlier entry: its verdict is the answer."


class OpeningMissing(AssayError):
    """Nothing here opens the entry's commitment. Facts: commitment, or submission."""

    code, status = "submission.opening_missing", 409
    next_step = "Its owner hands it in once more: `assay submissions deliver ID FOLDER`."


class OpeningWrong(AssayError):
    """Salt and files are not those that the entry was committed with. Facts: submission."""

    code, status = "submission.opening_wrong", 422
    next_step = "Use the salt that was kept when you entered, and the very same files."


class OpeningEarly(AssayError):
    """Nobody opens an entry while others may enter. Facts: submission, state."""

    code, status = "submission.opening_early", 409
    next_step = "Open it after the close."


class OwnEntry(AssayError):
    """A sponsor cannot enter the competition that his own account pays for. Facts: competition."""

    code, status = "competition.own_entry", 403
    next_step = "Enter a competition of somebody else."


class Quarantined(AssayError):
    """Every worker that ran the entry was lost, while all other entries were scored."""

    code, status = "submission.quarantined", 422
    next_step = "Run `assay check` on it: it should end by itself, within the limits named there."


class TermsBelowRequired(AssayError):
    """The entry's licence gives less than the competition asks. Facts: use, wanted, offered."""

    code, status = "submission.terms_below_required", 422
    next_step = "Offer at least the terms shown on the competition's page."


class Duplicate(AssayError):
    """The same adapter is another owner's entry, or another kind of work, already.

    Facts: of; where it was measured two_sided_ppm, copied_layers_ppm, adapter_sha256, log_index.
    """

    code, status = "submission.duplicate", 409
    next_step = "Submit an adapter that you trained yourself."


class Derived(Duplicate):
    """The adapter was made from one that is nobody's to build on. Facts: those of a duplicate."""

    code = "submission.derived"
    next_step = "Train from the base, or from a work whose terms allow it; deposits come back."


class UndeclaredParent(Duplicate):
    """The adapter was made from a public work, and does not say so. Facts: those of a duplicate."""

    code = "submission.undeclared_parent"
    next_step = "Enter the same files again, and name the work: assay submit --parents WORK."


class SubmissionTooLarge(AssayError):
    """A file of the adapter passes the competition's limit. Facts: limit_bytes, found_bytes."""

    code, status = "submission.too_large", 413
    next_step = "Use a smaller rank, or fewer target modules."


class StaleAttempt(AssayError):
    """The work was given to another worker, or is done. Facts: work, fence."""

    code, status = "evaluation.stale_attempt", 409
    next_step = "Nothing to do: the newer attempt counts."


class EvaluationRefused(AssayError):
    """The sandbox ended the run, twice in the same way. Facts: status, limits and use."""

    code, status = "evaluation.refused", 422
    next_step = "Run `assay check` on the adapter: it uses the same evaluator and the same limits."


class CodeFailed(AssayError):
    """The sponsor's own scoring code did not do its work. Facts: line, example, log."""

    code, status = "competition.code_failed", 422
    next_step = "Correct the code at the line named, and start the dry run again."


class ReceiptSealed(AssayError):
    """The receipt of a score is not to be seen yet, or there is no such score. Facts: slice."""

    code, status = "submission.receipt_sealed", 404
    next_step = "Ask again after the close, when the adapter and the answers are public."


class FilesMissing(AssayError):
    """A data file was not uploaded yet. Facts: missing."""

    code, status = "competition.files_missing", 422
    next_step = (
        "Upload one file that the site splits, or training, public test and sealed test data."
    )


class PreparationRefused(AssayError):
    """The task could not be prepared; the code is that of the reader, when it gave one."""

    code, status = "competition.preparation_refused", 422
    next_step = "Correct the files and start the dry run again."

    @classmethod
    def told(cls, said: dict[str, object]) -> "PreparationRefused":
        """The error that a reader told of in its own words: code, message, next, facts."""
        facts = said.get("facts")
        made = cls(str(said["message"]), next_step=str(said["next"]))
        made.code = str(said["code"])
        made.facts = dict(facts) if isinstance(facts, dict) else {}
        return made
