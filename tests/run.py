"""What `make test` runs: the laws on a throw-away PostgreSQL cluster, then everything on SQLite.

The last line printed is pytest's own. The exit status is the worse of both passes. Arguments go to
the SQLite pass, `tests/laws` alone to both:  python tests/run.py -k settlement
"""

import os
import subprocess
import sys
from pathlib import Path

HOUSE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(HOUSE))

from requirements.system import program  # noqa: E402 - the house is put on the path first
from tests.servers import postgres  # noqa: E402

# A file stays in one process, so what its tests share is made once; tests/conftest.py orders files.
# One process more than cores: journeys wait for others most of their time.
IN_THREE = ["-n", "3", "--dist", "loadfile", "--no-loadscope-reorder"]
# The laws, and what stands or falls with a database's own SQL, types and errors.
ON_POSTGRES = (
    "tests/laws",
    "tests/hostile/test_budgets.py",
    "tests/ledger/test_holds.py",
    "tests/ledger/test_record.py",
    "tests/ledger/test_signers.py",
    "tests/web/test_tokens.py",
)


def main(arguments: list[str]) -> int:
    """Run both passes; the worse exit status is returned."""
    places = {(): ON_POSTGRES, ("tests/laws",): ("tests/laws",)}.get(tuple(arguments))
    on_postgres = _postgres_pass(places) if places and program("postgres").path() else None
    _say("everything on SQLite")
    # What needs PostgreSQL has just run there; without a server it stays in, to be skipped aloud.
    chosen = [] if on_postgres is None else ["-m", "not postgres"]
    on_sqlite = _pytest([*chosen, *arguments], {})
    return max(on_sqlite, on_postgres or 0)


def _postgres_pass(places: tuple[str, ...]) -> int:
    """The exit status of the laws on PostgreSQL."""
    _say("the laws on a throw-away PostgreSQL cluster")
    with postgres() as url:
        return _pytest([*places], {"DATABASE_URL": url})


def _pytest(arguments: list[str], more: dict[str, str]) -> int:
    """Run pytest in three processes and give its exit status back."""
    command = [sys.executable, "-m", "pytest", *IN_THREE, *arguments]
    environment = os.environ | more  # noqa: TID251 - a test run inherits the caller's environment
    return subprocess.run(command, cwd=HOUSE, env=environment, check=False).returncode


def _say(line: str) -> None:
    """A heading between the passes."""
    sys.stdout.write(f"\n== {line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
