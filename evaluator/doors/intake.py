"""`python -m evaluator check ADAPTER_DIR --task MANIFEST`: the server's intake, on this machine.

Light: neither torch nor a model library is loaded for a verdict. With --inputs and --labels of the
public slice an adapter that is accepted is also scored: then this process becomes `doors.check`.
Exit 0: accepted. Exit 5: refused, with code, cause and next step.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from evaluator.doors.answers import ignored_line, read_downloaded, run_door, show_json, show_lines
from evaluator.intake import Admitted, admit_folder
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
        found = {
            "accepted": True,
            "adapter_sha256": admitted.sha256,
            "manifest_sha256": manifest_sha256(manifest),
            "rank": admitted.rank,
            "canonical_bytes": len(admitted.canonical),
            "ignored": list(admitted.ignored),
        }
        show_json(found) if asked.json else show_lines(*_lines(admitted, manifest))

    run_door(work, is_json=asked.json)


def read_arguments(given: Sequence[str]) -> argparse.Namespace:
    """What both doors are asked: adapter, task, inputs, labels, json. Exits with 2 on misuse."""
    parser = argparse.ArgumentParser(prog="evaluator check", description=__doc__)
    parser.add_argument("adapter", type=Path, help="folder with the adapter that peft saved")
    parser.add_argument("--task", type=Path, required=True, help="the task's manifest.json")
    parser.add_argument("--inputs", type=Path, help="public.inputs: score the adapter too")
    parser.add_argument("--labels", type=Path, help="public.labels, with --inputs")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    asked = parser.parse_args(given)
    if (asked.inputs is None) != (asked.labels is None):
        parser.error("--inputs and --labels come together")
    return asked


def _lines(admitted: Admitted, manifest: Manifest) -> list[str]:
    return [
        "Accepted.",
        f"adapter   {admitted.sha256}",
        f"evaluator {manifest_sha256(manifest)}",
        ignored_line(admitted.ignored),
        "The server takes these files too. Next: score it with --inputs and --labels, or submit.",
    ]


if __name__ == "__main__":
    main()
