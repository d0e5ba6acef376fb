"""Facts that the rules do not give, as a dishonest operator would sign them.

Each answers with a body and the order that it answers, or None; what is not named is honest.
"""

from dataclasses import replace

from assay import messages
from assay.messages import FileRef
from assay.wire import Nano
from competitions import queries
from competitions.rules import dues, escrow, exits, verdict
from competitions.rules.spec import SEALED_FILES
from ledger import log
from ledger.actions import ms
from tests import crew, factories
from tests.factories import at
from tests.laws.scenes import (
    a_closed_one,
    a_provisional_one,
    contest,
    entries,
    one_being_verified,
    order,
    put,
)

SEAL = "5e" * 32
OUTSIDE = ("manifest_sha256", "submission", "adapter_sha256", "at_ms")


def publication(**changed):
    name = changed.pop("name", "other")
    told = {"manifest_sha256": other_manifest()} | changed.pop("spec", {})
    spec = replace(contest().spec, **told)
    asked = order("sponsor", messages.CompetitionPublish(name, changed.pop("ordered", spec)))
    body = messages.CompetitionPublished(name, changed.pop("sponsor", "sponsor"), spec, ms(at(2)))
    return body, asked


def other_manifest():
    """A task of its own: no two competitions have the same sealed slices."""
    body, _ = factories.evaluator("other")
    factories.register(body, "other")
    return body.manifest_sha256


def registration():
    return factories.evaluator("docs")[0], None


def funding(account="sponsor", name="docs", prize_nano=None, at_ms=None, **changed):
    spec = contest().spec
    prize = messages.CompetitionFund(name, Nano(prize_nano or spec.prize_nano), Nano(0))
    lines = changed.get("lines", escrow.funding(contest()))
    return messages.CompetitionFunded("docs", lines, at_ms or ms(at(2))), order(account, prize)


def half_funded():
    """A second competition that is published and not funded yet, and the fact that funds it."""
    factories.account("rival", "5000")
    body, asked = publication()
    put(body, asked)
    return contest("other")


def funds(account="sponsor", *, ordered="other", factor=1, less_nano=0):
    made = half_funded()
    prize = messages.CompetitionFund(ordered, Nano(made.spec.prize_nano * factor), Nano(0))
    first, *rest = escrow.funding(made)
    lines = (replace(first, amount_nano=Nano(first.amount_nano - less_nano)), *rest)
    asked = order(account, prize, "another prize")
    return messages.CompetitionFunded("other", lines, ms(at(3))), asked


def cancellation(account="sponsor", *, name="docs", is_ordered=True):
    asked = order(account, messages.CompetitionCancel(name)) if is_ordered else None
    return messages.CompetitionCancelled("docs", ms(at(602))), asked


def extension(account="sponsor", *, seconds=700, ordered=None, name="docs", at_s=100):
    asked = order(account, messages.CompetitionExtend(name, ms(at(ordered or seconds))))
    return messages.CompetitionExtended("docs", ms(at(seconds)), ms(at(at_s))), asked


def twice_extended():
    """An open competition whose close was put off already, and the fact that would do it again."""
    put(*extension())
    return extension(seconds=1300, at_s=200)


def commit(account="cyd", *, owner="cyd", name="docs", seconds=300, hash="c" * 64, **told):
    factories.account("cyd")
    body = messages.SubmissionCommit(name, hash, "Mine", factories.REQUIRED, ())
    asked = order(account, body)
    slot = {"window": 0, "slot": 0} | told
    fact = messages.SubmissionCommitted(asked.id, "docs", owner, **slot, at_ms=ms(at(seconds)))
    return fact, asked


def told_score(changed):
    """Fields of the message and of its result: thirty right answers of forty."""
    outside = {"manifest_sha256": contest().spec.manifest_sha256, "at_ms": ms(at(610))}
    outside |= {name: changed.pop(name) for name in list(changed) if name in OUTSIDE}
    return outside | {"result": factories.result(30, **changed)}


def score(**changed):
    (waiting,) = entries("committed")
    told = {"submission": waiting.id, "seal": SEAL}
    told |= {"manifest_sha256": contest().spec.manifest_sha256, "at_ms": ms(at(610))}
    told |= {"shown": messages.Shown(Nano(750_000_000), "30")}
    return messages.SubmissionScored(**told | changed), None


def final_score(of="scored", **changed):
    one = entries(of)[0]
    told = {"submission": one.id, "adapter_sha256": factories.adapter_of(one.id)}
    return signed(messages.SubmissionFinalScored(**told | told_score(changed))), None


def baseline(**changed):
    told = told_score(changed)
    return signed(messages.BaselineScored(competition="docs", **told)), None


def signed(body):
    """By two workers, so that nothing else is wrong with it than what is meant."""
    crew.register(at(600))
    return crew.with_both(body, "docs")


def reveal(state="scored", adapter=None, **changed):
    one = entries(state)[0]
    file = FileRef("adapter.blob", adapter or factories.adapter_of(one.id), 9)
    opening = replace(queries.opening_of(one), **changed)
    return messages.SubmissionRevealed(one.id, opening, file, ms(at(610))), None


def opened_slice():
    return messages.SliceOpened("docs", "5a" * 32, opened_files(), ms(at(610))), None


def opened_files():
    return tuple(FileRef(name, "f" * 64, 9) for name in SEALED_FILES)


def settlement(at_s=640, **changed):
    """The honest settlement, or one that differs in what is named."""
    found, entered = contest(), queries.entry_rows("docs")
    told = {"winners": 0, "payout_sha256": "0" * 64}
    told |= dict.fromkeys(("fee_nano", "pool_nano", "to_sponsor_nano", "burnt_nano"), Nano(0))
    if found.phase == "provisional":
        evaluator = queries.evaluator_row(found.spec.manifest_sha256)
        result, lines = verdict.payout(found, entered, evaluator)
        amounts = ("fee_nano", "pool_nano", "to_sponsor_nano", "burnt_nano")
        told = {name: Nano(getattr(result, name)) for name in amounts}
        shown = verdict.payout_sha256(result, lines)
        told |= {"winners": len(result.prizes), "payout_sha256": shown}
    told = {"draw": found.draw} | told | changed
    return messages.CompetitionSettled("docs", at_ms=ms(at(at_s)), **told), None


def other_payout(change):
    """A settlement of a payout that was changed, honest in all else."""
    found = contest()
    evaluator = queries.evaluator_row(found.spec.manifest_sha256)
    result, lines = verdict.payout(found, queries.entry_rows("docs"), evaluator)
    return settlement(payout_sha256=verdict.payout_sha256(*change(result, lines)))


def shifted(shift):
    """A nano moved along `shift` = account -> nano-tokens more."""
    return other_payout(
        lambda result, lines: (
            result,
            [
                replace(one, amount_nano=Nano(one.amount_nano + shift.get(one.credit, 0)))
                if one.kind == "single"
                else one
                for one in lines
            ],
        )
    )


def regrouped():
    return other_payout(
        lambda result, lines: (replace(result, groups=tuple(reversed(result.groups))), lines)
    )


def one_group():
    def merged(result, lines):
        return replace(result, groups=(tuple(sum(result.groups, ())),)), lines

    return other_payout(merged)


def to_another_account():
    return other_payout(
        lambda result, lines: (
            result,
            [replace(one, credit="sponsor") if one.code == "prize" else one for one in lines],
        )
    )


def a_settlement_whose_payment_waits():
    """The clock died between the settlement and the payment of what it owes."""
    a_provisional_one()
    put(settlement(641)[0])


def payment(batch=0, at_s=642, change=lambda lines: lines):
    """What the end owes next, or something else."""
    lines = dues.next_lines(contest(), log.Tables())
    return messages.CompetitionPaid("docs", batch, tuple(change(lines)), ms(at(at_s))), None


def dearer(lines):
    """A nano more for the first prize, and less for the second."""
    first, second, *_ = [line for line in lines if line.code == "prize" and line.kind == "single"]
    more = {first.id: 1, second.id: -1}
    return [replace(one, amount_nano=Nano(one.amount_nano + more.get(one.id, 0))) for one in lines]


def abortion(at_s, **changed):
    told = {"fault": "evaluator", "reason": exits.EXITS[contest().phase].reason
            if contest().phase in exits.EXITS else "why not"} | changed  # fmt: skip
    return messages.CompetitionAborted("docs", at_ms=ms(at(at_s)), **told), None


def phase(kind, at_s):
    return kind("docs", ms(at(at_s))), None


def verification(count, at_s):
    return messages.CompetitionVerifying("docs", count, ms(at(at_s))), None


def nomination(names, account="ada", *, owner="ada", ordered=None, at_s=100):
    """names: numbers of the entries of ada, in the order of their commits, or ids"""
    mine = sorted(queries.entry_rows_of("docs", "ada"), key=lambda one: one.committed_ms)
    ids = tuple(mine[one].id if isinstance(one, int) else one for one in names)
    told = ids if ordered is None else ordered
    asked = order(account, messages.SubmissionNominate("docs", told))
    return messages.SubmissionNominated("docs", owner, ids, ms(at(at_s))), asked


def of_another():
    return nomination([queries.entry_rows_of("docs", "bob")[0].id])


def score_of_who_does_not_decide():
    one = next(one for one in entries("scored") if not one.is_nominated)
    told = {"submission": one.id, "adapter_sha256": factories.adapter_of(one.id)}
    return signed(messages.SubmissionFinalScored(**told | told_score({}))), None


def provisional(seconds):
    at_ms = ms(at(620))
    return messages.CompetitionProvisional("docs", at_ms + 1000 * seconds, at_ms), None


def refusal(state):
    one = entries(state)[0]
    return messages.SubmissionRefused(one.id, SEAL, ms(at(700))), None


def opened_by_its_owner(account="", said="", **changed):
    """The opening of an entry, with what is changed in it. said: the salt that its order tells"""
    one = entries("scored")[0]
    opening = replace(queries.opening_of(one), **changed)
    told = replace(opening, salt=said) if said else opening
    asked = order(account or one.owner, messages.SubmissionOpen(one.id, told))
    return messages.SubmissionOpened(one.id, "docs", opening, ms(at(605))), asked


def one_that_its_owner_opened():
    a_closed_one()
    put(*opened_by_its_owner())


def one_whose_slice_is_open():
    """Being verified: ada's final score is there, and the slice is open, by its fact alone."""
    one_being_verified()
    put(*opened_slice())
