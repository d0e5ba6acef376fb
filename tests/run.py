"""What `make test` runs: everything on SQLite, and beside it the laws on a throw-away PostgreSQL.

Side by side, since either waits for the other's disk, sleeps and servers: what the laws had to say
is printed when they are through. The last line printed is pytest's own. The exit status is the
worse of both passes. Arguments go to the SQLite pass, `tests/laws` alone to both:

    python tests/run.py -k settlement
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO

HOUSE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(HOUSE))

from requirements.system import program  # noqa: E402 - the house is put on the path first
from tests.servers import postgres  # noqa: E402

# A file stays in one process, so what its tests share is made once; tests/conftest.py orders files.
# With the laws beside them two processes more than cores: journeys mostly wait for others.
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
    if not places or not program("postgres").path():
        # Without a server what needs it stays in, to be skipped aloud.
        _say("everything on SQLite")
        return _pytest([*IN_THREE, *arguments])
    with ThreadPoolExecutor(1) as beside:
        laws: Future[int] = beside.submit(_postgres_pass, places)
        _say("everything on SQLite, and beside it the laws on a throw-away PostgreSQL cluster")
        return max(_pytest([*IN_THREE, "-m", "not postgres", *arguments]), laws.result())


def _postgres_pass(places: tuple[str, ...]) -> int:
    """The exit status of the laws on PostgreSQL; what they say is printed when they are through."""
    with postgres() as url, tempfile.TemporaryFile("w+") as said:
        status = _pytest([*places], {"DATABASE_URL": url}, said)
        said.seek(0)
        _say(f"the laws on PostgreSQL\n{said.read()}")
    return status


def _pytest(
    arguments: list[str], more: Mapping[str, str] | None = None, to: IO[str] | None = None
) -> int:
    """Run pytest and give its exit status back. more: variables    to: a file, else ours"""
    command = [sys.executable, "-m", "pytest", *arguments]
    environment = os.environ | (more or {})  # noqa: TID251 - a test run inherits the caller's
    done = subprocess.run(command, cwd=HOUSE, env=environment, stdout=to, stderr=to, check=False)
    return done.returncode


def _say(line: str) -> None:
    """A heading, and what stands below it."""
    sys.stdout.write(f"\n== {line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
