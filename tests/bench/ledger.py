"""`make bench-ledger`: the figures of the record, into docs/benchmarks/ledger.json and ledger.md.

    python -m tests.bench.ledger           small logs, minutes
    python -m tests.bench.ledger --full    up to a million messages, about half an hour alone

Each stage is a process of its own with a data folder of its own. Rates of replay and audit are per
CPU second of one process. What is compared with plain SQL took turns with it in the same processes.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from requirements.system import program
from tests.bench.report import page
from tests.servers import postgres

HOUSE = Path(__file__).resolve().parents[2]
SMALL, FULL = (2_000, 10_000), (10_000, 100_000, 1_000_000)
FLAGS = ("sha_ni", "avx2", "avx512f", "avx512ifma", "bmi2", "adx")
Json = dict[str, object]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="logs of 10^4, 10^5 and 10^6 messages")
    parser.add_argument("--folder", type=Path, default=HOUSE / "var" / "bench-ledger")
    parser.add_argument("--out", type=Path, default=HOUSE / "docs" / "benchmarks")
    parser.add_argument("--note", default="", help="what a reader must know of this run")
    asked = parser.parse_args()
    stages = Stages(asked.folder.resolve(), FULL if asked.full else SMALL)
    told = {**stages.run(), "is_full": asked.full, "note": asked.note}
    told["machine"] = machine()
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "ledger.json").write_text(json.dumps(told, indent=1) + "\n")
    (asked.out / "ledger.md").write_text(page(told))
    sys.stdout.write(page(told))


class Stages:
    """The stages, each done once: what a folder holds already is not measured again."""

    def __init__(self, folder: Path, sizes: tuple[int, ...]) -> None:
        self._folder, self._sizes = folder, sizes

    def run(self) -> Json:
        logs = [self._log(size) for size in self._sizes]
        lies = self._check("lies", self._sizes[-1])
        appends = {"sqlite": self._stage("appends-sqlite", self._appends({}))}
        if program("postgres").path():
            appends["postgresql"] = self._on_postgres()
        return answer(logs, lies, appends)

    def _log(self, size: int) -> Json:
        self._stage(f"load-{size}", self._at(size, "load", f"--messages={size}"))
        replayed, audited = self._check("replay", size), self._check("audit", size)
        rates = ("raw_verify_per_s", "most_memory_mib")
        apart = {
            f"{part}_{name}": told[name]
            for part, told in (("replay", replayed), ("audit", audited))
            for name in rates
        }
        return {**replayed, **audited, **apart}

    def _check(self, part: str, size: int) -> Json:
        return self._stage(f"{part}-{size}", self._at(size, "check", part=part))

    def _at(
        self, size: int, module: str, *more: str, part: str = ""
    ) -> tuple[list[str], dict[str, str]]:
        place = self._folder / f"log-{size}"
        words = [module, *([part] if part else []), str(place), *more]
        return words, {"ASSAY_DATA": str(place / "data"), "DATABASE_URL": ""}

    def _appends(self, more: dict[str, str]) -> tuple[list[str], dict[str, str]]:
        place = str(self._folder / f"appends{len(more)}")
        return ["appends"], {"ASSAY_DATA": place, "DATABASE_URL": "", **more}

    def _on_postgres(self) -> Json:
        with _cluster(self._folder / "appends-postgresql.json") as url:
            return self._stage("appends-postgresql", self._appends({"DATABASE_URL": url}))

    def _stage(self, name: str, asked: tuple[list[str], dict[str, str]]) -> Json:
        file = self._folder / f"{name}.json"
        if not file.exists():
            (part, *more), environment = asked
            sys.stderr.write(f"{name} ...\n")
            command = [sys.executable, "-m", f"tests.bench.{part}", *more]
            environment = os.environ | environment  # noqa: TID251 - a stage inherits it
            done = subprocess.run(
                command, cwd=HOUSE, env=environment, stdout=subprocess.PIPE, check=True
            )
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(done.stdout.splitlines()[-1] + b"\n")
        told: Json = json.loads(file.read_text())
        return told


@contextmanager
def _cluster(done: Path) -> Iterator[str]:
    """A durable throw-away cluster, unless its stage is done."""
    if done.exists():
        yield ""
        return
    with postgres(is_durable=True) as url:
        yield url


def answer(logs: list[Json], lies: Json, appends: dict[str, Json]) -> Json:
    """The figures by the names that others look for; under them everything that was measured."""
    last, on_sqlite = logs[-1], appends["sqlite"]
    on_postgres = appends.get("postgresql", {})
    return {
        "append_over_insert_sqlite": on_sqlite["append_over_insert"],
        "append_over_insert_postgres": on_postgres.get("append_over_insert"),
        "sequencer_p95_s": on_postgres.get("sequencer_p95_s", on_sqlite["sequencer_p95_s"]),
        "replay_per_s": last["replay_per_s"],
        "audit_per_s": last["audit_per_s"],
        "audit_over_raw_verify": round(last["audit_per_s"] / last["audit_raw_verify_per_s"], 3),
        "proof_ms": last["proof_ms"],
        "logs": logs,
        "lies": lies["lies"],
        "appends": appends,
    }


def machine() -> Json:
    """What the figures depend on."""
    told = Path("/proc/cpuinfo").read_text()
    lines = dict(line.split("\t: ", 1) for line in told.splitlines() if "\t: " in line)
    named = {key.strip(): value for key, value in lines.items()}
    return {
        "date": datetime.now(tz=UTC).date().isoformat(),  # noqa: TID251 - of the report
        "cpu": named.get("model name", "unknown"),
        "cpus": os.cpu_count(),
        "flags": [flag for flag in FLAGS if flag in named.get("flags", "").split()],
        "python": sys.version.split()[0],
        "versions": {name: version(name) for name in ("Django", "cryptography", "psycopg")},
    }


if __name__ == "__main__":
    main()
