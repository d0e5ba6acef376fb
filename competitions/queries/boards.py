"""Reading boards: the best entry of each owner, a page at a time, ranked by the database."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum

from competitions.models import Competition, Submission
from competitions.queries.contests import competition
from competitions.queries.sealing import sealed_results
from competitions.rules.results import interval_of
from competitions.rules.visibility import may_see_final_score
from evaluator.registry import metric_named

AT_ONCE = 500
Json = dict[str, dict[str, Any]]


class BoardRow(NamedTuple):
    """One line of a board. rank: tied entries of a settled competition share it.

    low_e9, high_e9  the 95 % interval, for showing: no rank or prize depends on it. None where the
                     metric has none
    """

    rank: int
    is_tied: bool
    submission: Submission
    score_e9: int
    low_e9: int | None
    high_e9: int | None


def leaderboard(name: str, *, start: int = 0, limit: int | None = None) -> list[BoardRow]:
    """The board: the best entry of each owner; final scores once they decide, public ones before.

    start, limit  which lines of it; without limit all that follow
    raises        CompetitionUnknown
    """
    contest = competition(name)
    end = None if limit is None else start + limit
    # Keys first: an index has them in order, and a whole row is read only when shown.
    keys = [*_best(contest).values_list("pk", flat=True)[start:end]]
    found = Submission.objects.in_bulk(keys)
    return _rows(contest, [found[key] for key in keys], start)


def leaderboard_lines(name: str) -> Iterator[BoardRow]:
    """The whole board, read piece by piece. raises CompetitionUnknown"""
    start = 0
    while part := leaderboard(name, start=start, limit=AT_ONCE):
        yield from part
        start += len(part)


def board_size(contest: Competition) -> int:
    """How many lines a board has: how many owners have a score."""
    return _scored(contest).aggregate(count=Count("owner", distinct=True))["count"]


def best_entry(contest: Competition) -> Submission | None:
    """The first of a board."""
    return _best(contest).first()


def is_on_board(entry: Submission, contest: Competition) -> bool:
    """Whether an entry is the best of its owner, and so stands on the board."""
    return _best(contest).filter(pk=entry.pk).exists()


def board_version(name: str) -> str:
    """Changes with every fact about a competition or its entries; the same text, the same board."""
    last_ms = Competition.objects.filter(pk=name).values_list("last_ms", flat=True).first()
    entries_of_it = Submission.objects.filter(competition=name)
    changes = entries_of_it.aggregate(count=Count("*"), since_ms=Sum("since_ms"))
    return f"{last_ms}-{changes['count']}-{changes['since_ms']}"


def _part(contest: Competition) -> str:
    """What the columns of the deciding scores begin with."""
    return "final_" if may_see_final_score(contest.phase) else ""


def _scored(contest: Competition) -> QuerySet[Submission]:
    has_rank = {f"{_part(contest)}rank_key__isnull": False}
    return Submission.objects.filter(competition=contest.pk, **has_rank)


def _best(contest: Competition) -> QuerySet[Submission]:
    """The best of each owner, best first: the greater merit, then the earlier commit."""
    key = f"{_part(contest)}rank_key"
    is_greater = Q(**{f"{key}__gt": OuterRef(key)})
    is_earlier = Q(**{key: OuterRef(key)}, committed_ms__lt=OuterRef("committed_ms"))
    better = _scored(contest).filter(is_greater | is_earlier, owner=OuterRef("owner"))
    return _scored(contest).filter(~Exists(better)).order_by(f"-{key}", "committed_ms")


def _rows(contest: Competition, shown: list[Submission], start: int) -> list[BoardRow]:
    part, metric = _part(contest), str(contest.spec["metric"])
    tied = _tied_places(contest)
    closed = [one.pk for one in shown if not getattr(one, f"{part}result")]
    # Of right and wrong answers the score tells the interval; of others it would tell of records.
    hidden = sealed_results(closed) if metric_named(metric).is_binary else {}
    return [
        _row(one, one.place or number, (part, metric, hidden), is_tied=one.place in tied)
        for number, one in enumerate(shown, start=start + 1)
    ]


def _row(one: Submission, rank: int, of: tuple[str, str, Json], *, is_tied: bool) -> BoardRow:
    """of: what the columns begin with, the metric, and the results that are sealed still"""
    part, metric, hidden = of
    told = getattr(one, f"{part}result") or hidden.get(one.pk)
    between = interval_of(told["records"], told["examples"], metric) if told else None
    low_e9, high_e9 = between or (None, None)
    return BoardRow(rank, is_tied, one, getattr(one, f"{part}score_e9"), low_e9, high_e9)


def _tied_places(contest: Competition) -> frozenset[int | None]:
    """The places that several winners share."""
    winners = Submission.objects.filter(competition=contest.pk, place__isnull=False)
    counted = winners.values("place").annotate(winners=Count("pk")).filter(winners__gt=1)
    return frozenset(counted.values_list("place", flat=True))
