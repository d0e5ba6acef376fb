"""The figures of the record as a page."""

from typing import Any

ABOUT = """# Figures of the record

Written by `make bench-ledger{full}`; every number comes from [ledger.json](ledger.json). Machine:
{cpu}, {cpus} CPUs ({flags}),
Python {python}, {versions}, {date}.
Rates of replay and audit are messages per CPU second of one process. What is compared with plain
SQL took turns with it, in rounds of a few seconds, in the same eight processes.

{note}"""
GOALS = (
    ("append / plain insert, PostgreSQL, 8 writers", "append_over_insert_postgres", "at least 0.5"),
    ("append / plain insert, SQLite, 8 writers", "append_over_insert_sqlite", ""),
    ("commit to served checkpoint under that load, p95, s", "sequencer_p95_s", "at most 1"),
    ("replay, messages per CPU second", "replay_per_s", "at least 5,000"),
    ("audit, messages per CPU second", "audit_per_s", "at least 2,000"),
    ("audit / bare signature checks", "audit_over_raw_verify", ""),
    ("inclusion proof from stored tiles, median, ms", "proof_ms", "at most 1"),
)
COST = """
Replay and audit check an Ed25519 signature for each message, and a second one for each licence that
was granted. The bare rate is that of these checks alone, by the same library in the same run.

"""
APPENDS = """
`plain` is one INSERT of a row as long as a message, in a transaction, into a table with no other
index. `append` signs a fact, folds it and records it. The payments are recorded with both balances;
beside them stands the same SQL by hand, unsigned and unfolded. Commits wait for the disk. The delay
is taken while eight writers append and the sequencer runs.

"""
LIES = """
## Planted lies

Each alone in the log of {size} messages, under a tree that the operator signed anew, so that only
the rules can tell.

"""


def page(told: dict[str, Any]) -> str:
    machine = told["machine"]
    versions = ", ".join(f"{name} {one}" for name, one in machine["versions"].items())
    flags, full = ", ".join(machine["flags"]), " FULL=1" if told["is_full"] else ""
    note = f"{told['note']}\n\n" if told["note"] else ""
    head = ABOUT.format(
        **{**machine, "flags": flags, "versions": versions, "full": full, "note": note}
    )
    parts = [head, "| what | measured | goal |\n|---|---|---|\n"]
    parts += [f"| {words} | {_shown(told[key])} | {goal} |\n" for words, key, goal in GOALS]
    return "".join([*parts, *_logs(told), *_appends(told), *_lies(told)])


def _logs(told: dict[str, Any]) -> list[str]:
    names = ("messages", "replay_per_s", "replay_raw_verify_per_s", "audit_per_s")
    names = (*names, "audit_raw_verify_per_s", "proof_ms", "proof_p95_ms", "audit_most_memory_mib")
    head = "| " + " | ".join(one.replace("_", " ") for one in names) + " |\n"
    rows = ["| " + " | ".join(_shown(log[one]) for one in names) + " |\n" for log in told["logs"]]
    return ["\n## Growth\n\n", head, "|---" * len(names) + "|\n", *rows, COST]


def _appends(told: dict[str, Any]) -> list[str]:
    found = ["## Writers\n", APPENDS, "| | " + " | ".join(told["appends"]) + " |\n"]
    found.append("|---" * (1 + len(told["appends"])) + "|\n")
    first = next(iter(told["appends"].values()))
    for kind in first["per_s"]:
        values = (_shown(one["per_s"][kind]) for one in told["appends"].values())
        found.append(f"| {kind}, per s | " + " | ".join(values) + " |\n")
    for name in (one for one in first if one not in ("per_s", "database")):
        values = (_shown(one[name]) for one in told["appends"].values())
        found.append(f"| {name.replace('_', ' ')} | " + " | ".join(values) + " |\n")
    return found


def _lies(told: dict[str, Any]) -> list[str]:
    size = _shown(told["logs"][-1]["messages"])
    found = [
        f"\n## Planted lies\n\nEach alone in the log of {size} messages, under a tree that the "
    ]
    found.append(
        "operator signed anew, so that only the rules can tell.\n\n| lie | found | says |\n"
    )
    found.append("|---|---|---|\n")
    for lie in told["lies"]:
        answer = "yes" if lie["is_found"] else "NO"
        found.append(f"| {lie['lie']} | {answer} | {lie['says']} |\n")
    return found


def _shown(value: object) -> str:
    if value is None:
        return "not measured"
    return f"{value:,}" if isinstance(value, int) else str(value)
