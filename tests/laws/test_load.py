"""A few thousand messages of a load: audited clean, replayed equal, every planted lie named.

`make bench-ledger FULL=1` does it with a million; docs/benchmarks/ledger.md has what came out.
"""

import pytest

from audit.inspection import Inspection, Problem
from audit.mirror import Folder
from config.management.commands.replay import as_text
from ledger import queries
from tests.bench.planted import lies, read_log, serve
from tests.bench.site import house_keys, load, mirror

MESSAGES = 3000
CHECKS = ["checkpoint", "consistency", "tree", "messages", "rows", "supply", "escrow", "seals"]

pytestmark = pytest.mark.slow


def inspect(folder, home, far=lambda *_: None):
    """The checks that held, and the problem that ended them. far: hears how far the reading is."""
    told, home = [], home / "auditor"
    inspection = Inspection(str(folder), Folder(folder), home=home, key="", told=far)
    try:
        inspection.run(told.append)
    except Problem as problem:
        return told, problem.check
    return told, None


def test_a_long_log_replays_equal_audits_clean_and_names_every_planted_lie(
    transactional_db, replay, tmp_path
):
    size = load(MESSAGES)
    assert size == queries.log_size() >= MESSAGES
    steps, read = [], []
    assert as_text(replay(lambda *step: steps.append(step)))[0].startswith("EQUAL")
    honest = mirror(tmp_path / "honest")
    told, problem = inspect(honest, tmp_path, lambda *step: read.append(step))
    for far in (steps, read):
        assert far == [(done, size) for done in [*range(0, size, 256), size]]
    assert ([check.name for check in told], problem) == (CHECKS, None)
    found = {}
    for lie in lies(read_log(honest), house_keys()):
        folder = serve(lie, honest, tmp_path / lie.name, house_keys())
        _, problem = inspect(folder, tmp_path)
        found[lie.name] = (problem.name, problem.facts["index"], problem.facts["item"])
        assert found[lie.name] == ("messages", lie.index, lie.item), problem
        assert f"Message {lie.index} (" in problem.words
    assert len(found) == 4
