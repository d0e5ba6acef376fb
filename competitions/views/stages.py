"""Where a competition stands in words: its stages with their times, and what comes next by when."""

from dataclasses import dataclass

from assay.messages import Spec
from competitions.models import Competition
from competitions.rules.rows import ENDS, Phase
from competitions.rules.spec import reveal_until_ms, verify_until_ms
from web.templatetags.assay import moment

_ORDER = (
    (Phase.FUNDED, "Staked"),
    (Phase.OPEN, "Open"),
    (Phase.CLOSED, "Closed"),
    (Phase.VERIFYING, "Final scoring"),
    (Phase.PROVISIONAL, "Dispute window"),
    (Phase.SETTLED, "Paid"),
)
_PLACE = {phase: place for place, (phase, _) in enumerate(_ORDER)} | {Phase.PUBLISHED: 0}
_BROKEN_OFF = {Phase.CANCELLED: "Cancelled", Phase.ABORTED: "Broken off"}
_OR_BACK = "If that is not done in time, the stake goes back to the sponsor."


@dataclass(frozen=True)
class Stage:
    """One stage. state: done, now or empty; when: its time as HTML, or empty."""

    label: str
    state: str
    when: str = ""


@dataclass(frozen=True)
class NextStep:
    """What happens next. by_ms: until when, None when nothing is due."""

    says: str
    by_ms: int | None = None


def is_ended(contest: Competition) -> bool:
    return contest.phase in ENDS


def stages(contest: Competition, spec: Spec) -> list[Stage]:
    """The stepper of a competition."""
    when = _times(contest, spec)
    if contest.phase in _BROKEN_OFF:
        last = Stage(_BROKEN_OFF[Phase(contest.phase)], "now", _moment(contest.since_ms))
        return [Stage("Staked", "done"), last]
    now = _PLACE[Phase(contest.phase)]
    return [
        Stage(label, _state(place, now), _moment(when.get(phase)))
        for place, (phase, label) in enumerate(_ORDER)
    ]


def next_step(contest: Competition, spec: Spec, *, now_ms: int) -> NextStep:
    """What comes next, and by when."""
    if contest.phase == Phase.OPEN and now_ms >= spec.closes_at_ms:
        return NextStep("It is closing: entries that come now are refused.")
    put_off_ms = contest.until_ms or 0
    says, by_ms = {
        Phase.PUBLISHED: ("It waits for its stake.", spec.opens_at_ms),
        Phase.FUNDED: ("It opens for entries.", spec.opens_at_ms),
        Phase.OPEN: ("It takes entries until the close.", spec.closes_at_ms),
        Phase.CLOSED: (f"Final scoring begins. {_OR_BACK}", max(reveal_until_ms(spec), put_off_ms)),
        Phase.VERIFYING: (
            f"Each entry is scored on it. {_OR_BACK}",
            max(verify_until_ms(spec), put_off_ms),
        ),
        Phase.PROVISIONAL: (
            "The final ranking stands. The prizes are paid when the dispute window ends.",
            contest.dispute_until_ms,
        ),
        Phase.SETTLED: ("The prizes are paid. Winning adapters are licensed works now.", None),
        Phase.CANCELLED: ("It was cancelled, and the whole stake went back to the sponsor.", None),
        Phase.ABORTED: (f"The stake went back to the sponsor: {contest.end_reason}.", None),
    }[Phase(contest.phase)]
    return NextStep(says, by_ms)


def duration(seconds: int) -> str:
    """`day`, `2 hours`, `90 seconds`: in the largest unit that divides it."""
    for unit_s, unit in ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        if seconds % unit_s == 0:
            count = seconds // unit_s
            return unit if count == 1 else f"{count} {unit}s"
    raise AssertionError("every number of seconds is a multiple of one")


def _times(contest: Competition, spec: Spec) -> dict[Phase, int | None]:
    """When each stage begins or began; the one that runs now has the log's own time."""
    times: dict[Phase, int | None] = {
        Phase.OPEN: spec.opens_at_ms,
        Phase.CLOSED: spec.closes_at_ms,
        Phase.SETTLED: contest.dispute_until_ms,
    }
    return times | {Phase(contest.phase): contest.since_ms}


def _state(place: int, now: int) -> str:
    if place < now:
        return "done"
    return "now" if place == now else ""


def _moment(at_ms: int | None) -> str:
    return moment(at_ms) if at_ms is not None else ""
