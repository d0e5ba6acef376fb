"""`python -m evaluator check ADAPTER_DIR --task MANIFEST`: the server's intake, on this machine.

Light: neither torch nor a model library is loaded for a verdict. With --inputs and --labels of the
public slice an adapter that is accepted is also scored: then this process becomes `doors.check`.
Exit 0: accepted. Exit 5: refused, with code, cause and next step.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from assay.canonical import sha256_hex
from evaluator.doors.answers import ignored_line, read_downloaded, run_door, show_json, show_lines
from evaluator.intake import Admitted, admit_folder
from evaluator.similarity.forms import form_of
from evaluator.similarity.measure import Kind, compare
from evaluator.task.manifest import Manifest, manifest_sha256, read_manifest

SCORING = "evaluator.doors.check"


def main() -> None:
    given = sys.argv[1:]
    asked = read_arguments(given)

    def work() -> None:
        manifest = read_manifest(read_downloaded(asked.task))
        admitted = admit_folder(asked.adapter, manifest, follows=True)
        if asked.inputs:
            os.execv(sys.executable, [sys.executable, "-m", SCORING, *given])  # noqa: S606
        alike = likenesses(admitted.canonical, asked.against)
        found = {
            "accepted": True,
            "adapter_sha256": admitted.sha256,
            "manifest_sha256": manifest_sha256(manifest),
            "rank": admitted.rank,
            "canonical_bytes": len(admitted.canonical),
            "ignored": list(admitted.ignored),
            "alike": alike,
        }
        show_json(found) if asked.json else show_lines(*_lines(admitted, manifest, alike))

    run_door(work, is_json=asked.json)


def read_arguments(given: Sequence[str]) -> argparse.Namespace:
    """What both doors are asked: adapter, task, inputs, labels, json. Exits with 2 on misuse."""
    parser = argparse.ArgumentParser(prog="evaluator check", description=__doc__)
    parser.add_argument("adapter", type=Path, help="folder with the adapter that peft saved")
    parser.add_argument("--task", type=Path, required=True, help="the task's manifest.json")
    parser.add_argument("--inputs", type=Path, help="public.inputs: score the adapter too")
    parser.add_argument("--labels", type=Path, help="public.labels, with --inputs")
    parser.add_argument(
        "--against", type=Path, nargs="*", default=[], help="canonical adapters to compare with"
    )
    parser.add_argument("--json", action="store_true", help="one JSON document")
    asked = parser.parse_args(given)
    if (asked.inputs is None) != (asked.labels is None):
        parser.error("--inputs and --labels come together")
    return asked


def likenesses(adapter: bytes, others: Sequence[Path]) -> list[dict[str, object]]:
    """Those that the adapter is a duplicate of or derived from, by their hash, with the numbers."""
    form, found = form_of(adapter) if others else {}, []
    for path in others:
        raw = read_downloaded(path)
        alike = compare(form_of(raw), form)
        if alike.kind is not Kind.INDEPENDENT:
            told = {"adapter_sha256": sha256_hex(raw), "kind": alike.kind.value}
            found.append(told | asdict(alike))
    return found


def alike_lines(alike: Sequence[Mapping[str, object]]) -> list[str]:
    """For people; nothing where nothing is alike."""
    told = [f"{one['kind']:<9} {one['adapter_sha256']}, which is public" for one in alike]
    advice = "Name what it is derived from with --parents; a duplicate is refused in any case."
    return [*told, advice] if told else []


def _lines(
    admitted: Admitted, manifest: Manifest, alike: Sequence[Mapping[str, object]]
) -> list[str]:
    return [
        "Accepted.",
        f"adapter   {admitted.sha256}",
        f"evaluator {manifest_sha256(manifest)}",
        ignored_line(admitted.ignored),
        *alike_lines(alike),
        "The server takes these files too. Next: score it with --inputs and --labels, or submit.",
    ]


if __name__ == "__main__":
    main()
