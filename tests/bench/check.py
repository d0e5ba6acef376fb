"""Replay, audit and proofs on a log of tests/bench/load.py: messages per CPU second, one process.

`ASSAY_DATA=FOLDER/data python -m tests.bench.check PART FOLDER` answers with one JSON object.
PART: replay, audit (and proofs), lies (each planted lie, and what the auditor says).
"""

import argparse
import json
import os
import resource
import shutil
import sys
import time
from hashlib import sha256
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")  # noqa: TID251
django.setup()

from assay import merkle  # noqa: E402 - Django is awake
from assay.keys import new_key, verifies  # noqa: E402
from audit.inspection import Inspection, Problem  # noqa: E402
from audit.mirror import Folder  # noqa: E402
from config.replay import replay  # noqa: E402
from ledger import queries  # noqa: E402
from ledger.sequencer import proofs  # noqa: E402
from tests.bench.planted import lies, read_log, serve  # noqa: E402
from tests.bench.site import house_keys  # noqa: E402

PROOFS, SIGNATURES = 1000, 4000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("folder", type=Path)
    asked = parser.parse_args()
    before = verify_per_s()
    told = {"messages": queries.log_size(), **PARTS[asked.part](asked.folder.resolve())}
    told["raw_verify_per_s"] = (before + verify_per_s()) // 2  # the machine is shared
    told["most_memory_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    sys.stdout.write(json.dumps(told) + "\n")


def verify_per_s() -> int:
    """Ed25519 signatures over 48 bytes, checked by the same library: what nobody can go below."""
    key, message = new_key(), b"x" * 48
    public, signature = key.public_key().public_bytes_raw(), key.sign(message)
    began = time.process_time()
    for _ in range(SIGNATURES):
        verifies(public, signature, message)
    return round(SIGNATURES / (time.process_time() - began))


def check_replay(_: Path) -> dict[str, object]:
    began = time.process_time()
    report = replay(lambda *_: None)
    spent = time.process_time() - began
    assert report.is_equal, report
    return {"replay_per_s": round(report.messages / spent), "rows": report.rows}


def check_audit(folder: Path) -> dict[str, object]:
    began = time.process_time()
    checks, problem = inspect(folder / "mirror", folder / "auditor")
    spent = time.process_time() - began
    assert problem is None, problem
    told = {"audit_per_s": round(queries.log_size() / spent), "checks": checks}
    return told | time_proofs()


def inspect(mirror: Path, home: Path):
    """Names of the checks that held, and the problem that ended them."""
    told = []
    inspection = Inspection(str(mirror), Folder(mirror), home=home, key="", told=lambda *_: None)
    try:
        inspection.run(lambda check: told.append(check.name))
    except Problem as problem:
        return told, problem.check
    return told, None


def time_proofs() -> dict[str, object]:
    """Proofs for entries all over the log, each from stored tiles, each checked."""
    size = queries.log_size()
    root = bytes.fromhex(queries.latest_checkpoint().root)
    spent_ms = []
    for number in range(PROOFS):
        index = int.from_bytes(sha256(str(number).encode()).digest()[:8]) % size
        began = time.process_time()
        path = proofs.inclusion(index, size)
        spent_ms.append(1000 * (time.process_time() - began))
        (raw,) = queries.entries(index, index + 1)
        assert merkle.root_of_inclusion(merkle.leaf_hash(raw), index, size, path) == root
    spent_ms.sort()
    return {"proof_ms": round(spent_ms[PROOFS // 2], 3), "proof_p95_ms": round(spent_ms[950], 3)}


def find_lies(folder: Path) -> dict[str, object]:
    """Each planted lie: where it is, and what the auditor says."""
    found = []
    for lie in lies(read_log(folder / "mirror"), house_keys()):
        place = folder / "lie"
        serve(lie, folder / "mirror", place, house_keys())
        _, problem = inspect(place, folder / "auditor" / lie.name)
        told = {"lie": lie.name, "index": lie.index, "item": lie.item}
        facts = problem.facts if problem else {}
        is_found = (facts.get("index"), facts.get("item")) == (lie.index, lie.item)
        words = problem.words if problem else "nothing was found"
        found.append({**told, "is_found": is_found, "says": words})
        shutil.rmtree(place)
    return {"lies": found}


PARTS = {"replay": check_replay, "audit": check_audit, "lies": find_lies}


if __name__ == "__main__":
    main()
