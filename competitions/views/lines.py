"""Lines of a board and of a list of entries, ready to be drawn; each score is one string."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from assay.messages import Result, Stop
from assay.wire import from_json
from competitions import queries
from competitions.models import Competition, Submission
from competitions.queries import BoardRow
from competitions.rules.race import show_e_value
from competitions.rules.registry import RULES
from competitions.rules.results import interval_e9
from competitions.rules.rows import Evaluator, Phase, State
from competitions.rules.turns import Wait
from competitions.rules.visibility import (
    SECRET_PHASES,
    is_hidden,
    may_see_final_score,
    may_see_refusal,
)
from evaluator.registry import show_score
from licensing.rules.deed import amount
from licensing.rules.may import Use
from licensing.rules.offer import Subject, offer
from licensing.rules.reading import MOST_KEPT_CHARACTERS, parse
from licensing.rules.terms import Schedule

MOST_LINES = 100


@dataclass(frozen=True)
class Score:
    """A score as text, and its bar. low_e9 and high_e9: the 95 % interval, if known."""

    text: str
    e9: int
    low_e9: int | None = None
    high_e9: int | None = None


@dataclass(frozen=True)
class BoardLine:
    """One line of the board. rank: `1`, or `=1` where entries cannot be told apart."""

    rank: str
    score: Score
    entry: Submission
    licence: str
    is_mine: bool


@dataclass(frozen=True)
class Board:
    """A page of a board. groups: lines that share a place stand together.

    best   the score of the first line of all     count  lines of the whole board
    start  how many lines come before             next   where the following page begins, or empty
    """

    groups: tuple[tuple[BoardLine, ...], ...]
    baseline: Score
    best: Score | None
    is_final: bool
    count: int
    start: int
    next: str

    @property
    def has_intervals(self) -> bool:
        """Whether any score of the page comes with its uncertainty."""
        scores = (line.score for group in self.groups for line in group)
        return self.baseline.low_e9 is not None or any(one.low_e9 is not None for one in scores)


@dataclass(frozen=True)
class EntryLine:
    """An entry as its viewer may see it.

    stop      where a race stopped it     wait  for the turn of its run
    is_fixed  which entries decide
    """

    entry: Submission
    score: Score | None
    final_score: Score | None
    stop: Stop | None
    wait: Wait | None
    is_mine: bool
    has_reason: bool
    is_fixed: bool

    @property
    def e_value(self) -> str:
        """The evidence against it, where a race stopped it."""
        return show_e_value(self.stop) if self.stop else ""

    @property
    def is_left_out(self) -> bool:
        """It stands, and others of its owner decide."""
        return self.is_fixed and self.entry.state == State.SCORED and not self.entry.is_nominated

    @property
    def is_hidden(self) -> bool:
        """It was no clear improvement, so that nobody is told its score before the close."""
        return is_hidden(self.entry)

    @property
    def is_waiting(self) -> bool:
        """It has no board score yet, and may get one."""
        return self.entry.state == State.COMMITTED


def board_of(contest: Competition, evaluator: Evaluator, *, viewer: str, start: int = 0) -> Board:
    """A page of the board that everybody sees; `viewer` only marks the own lines."""
    rows = queries.leaderboard(contest.id, start=start, limit=MOST_LINES)
    is_final = may_see_final_score(contest.phase)
    lines = [_line(row, viewer) for row in rows]
    count = queries.board_size(contest)
    return Board(
        groups=tuple(tuple(group) for _, group in groupby(lines, key=_group)),
        baseline=_baseline(contest, evaluator, is_final=is_final),
        best=_best(contest, is_final=is_final) if start else lines[0].score if lines else None,
        is_final=is_final,
        count=count,
        start=start,
        next=str(start + MOST_LINES) if count > start + MOST_LINES else "",
    )


def entry_line(
    entry: Submission,
    contest: Competition,
    *,
    viewer: str,
    is_on_board: bool,
    wait: Wait | None,
) -> EntryLine:
    """What the viewer may see of one entry."""
    sees = RULES[contest.spec["rules"]].visibility
    sees_score = sees(entry, phase=contest.phase, viewer=viewer, is_on_board=is_on_board)
    sees_final = may_see_final_score(contest.phase)
    return EntryLine(
        entry=entry,
        score=plain_score(entry.score_e9) if sees_score else None,
        final_score=plain_score(entry.final_score_e9) if sees_final else None,
        stop=from_json(Stop, entry.stop) if entry.stop and sees_score else None,
        wait=wait,
        is_mine=bool(viewer) and entry.owner == viewer,
        has_reason=may_see_refusal(entry, viewer=viewer),
        is_fixed=contest.phase not in SECRET_PHASES | {Phase.CLOSED},
    )


def results_of(entry: Submission, line: EntryLine) -> list[tuple[str, Result]]:
    """What each score ran under, of those scores that the viewer may see."""
    found = (
        ("Board run", entry.result if line.score else None),
        ("Final run", entry.final_result if line.final_score else None),
    )
    return [(title, from_json(Result, value)) for title, value in found if value]


def licence_words(tags: Iterable[tuple[str, str]]) -> str:
    """What a commercial licence of the entry costs, in two or three words."""
    given = tuple((name, value) for name, value in tags)
    if sum(len(name) + len(value) for name, value in given) > MOST_KEPT_CHARACTERS:
        return _licence_words.__wrapped__(given)
    return _licence_words(given)


@lru_cache(maxsize=256)  # most entries of a board offer the same terms
def _licence_words(tags: tuple[tuple[str, str], ...]) -> str:
    given = offer(Subject(parse(tags)), (Use.COMMERCIAL,), now_ms=0)
    if given.reason:
        return "not sold"
    if given.price_nano:
        when = "once" if given.schedule == Schedule.ONE_TIME else "a month"
        return f"{amount(given.price_nano)} {when}"
    return "free"


def _line(row: BoardRow, viewer: str) -> BoardLine:
    entry = row.submission
    score = Score(show_score(row.score_e9), row.score_e9, row.low_e9, row.high_e9)
    rank = f"={row.rank}" if row.is_tied else str(row.rank)
    return BoardLine(rank, score, entry, licence_words(entry.tags), entry.owner == viewer)


def _best(contest: Competition, *, is_final: bool) -> Score | None:
    found = queries.best_entry(contest)
    return plain_score(found.final_score_e9 if is_final else found.score_e9) if found else None


def _group(line: BoardLine) -> str:
    """Tied lines have one key; every other line is a group of its own."""
    return line.rank if line.rank.startswith("=") else line.entry.id


def _baseline(contest: Competition, evaluator: Evaluator, *, is_final: bool) -> Score:
    if not is_final:
        return Score(show_score(evaluator.board_baseline_e9), evaluator.board_baseline_e9)
    assert contest.baseline_e9 is not None, "a final board has its baseline"
    result = from_json(Result, contest.baseline)
    low_e9, high_e9 = interval_e9(result, evaluator.metric) or (None, None)
    return Score(show_score(contest.baseline_e9), contest.baseline_e9, low_e9, high_e9)


def plain_score(score_e9: int | None) -> Score | None:
    """A score without its interval."""
    return None if score_e9 is None else Score(show_score(score_e9), score_e9)
