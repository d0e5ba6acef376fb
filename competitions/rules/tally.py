"""How many entries of a competition stand where, kept with every change of one.

So no rule reads all entries to know whether somebody stands, or whether something is missing.
"""

from assay.wire import changed
from competitions.rules.rows import STANDING, Submission, Tally
from ledger.rules.rows import Rows


def tally_of(competition: str, rows: Rows) -> Tally:
    """It is there since the competition is."""
    found = rows.get(Tally, competition)
    assert found is not None
    return found


def put_entry(made: Submission, before: Submission | None, rows: Rows) -> None:
    """Write an entry down, and count it. before: as it stood; None: it is new"""
    tally = tally_of(made.competition, rows)
    counts = {made.state: getattr(tally, made.state) + 1}
    if before is not None and before.state == made.state:
        counts.clear()
    elif before is not None:
        counts[before.state] = getattr(tally, before.state) - 1
    nominated = tally.nominated + _decides(made) - (before is not None and _decides(before))
    rows.put(changed(tally, **counts, nominated=nominated))
    rows.put(made)


def count_seals(competition: str, more: int, rows: Rows) -> None:
    """So many seals more are shut; fewer when it is less than nothing."""
    tally = tally_of(competition, rows)
    rows.put(changed(tally, shut=tally.shut + more))


def _decides(one: Submission) -> bool:
    return one.is_nominated and one.state in STANDING
