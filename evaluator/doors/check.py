"""`python -m evaluator check` with a slice: intake, prediction and metric as on the server.

Starts after `doors.intake`, which has the arguments and has accepted the adapter.
"""

import sys

from evaluator.checking import Checked, check
from evaluator.doors.answers import read_downloaded, run_door, show_json, show_lines
from evaluator.doors.intake import read_arguments
from evaluator.manifest import read_manifest
from evaluator.metrics import show_score


def main() -> None:
    asked = read_arguments(sys.argv[1:])

    def work() -> None:
        manifest = read_manifest(read_downloaded(asked.task))
        inputs, labels = (read_downloaded(path) for path in (asked.inputs, asked.labels))
        found = check(asked.adapter, manifest, inputs, labels)
        show_json(_document(found)) if asked.json else show_lines(*_lines(found))

    run_door(work, is_json=asked.json)


def _document(found: Checked) -> dict[str, object]:
    return {
        "score": show_score(found.score_e9),
        "score_e9": found.score_e9,
        "low_e9": found.low_e9,
        "high_e9": found.high_e9,
        "correct": found.correct,
        "examples": found.examples,
        "adapter_sha256": found.adapter_sha256,
        "manifest_sha256": found.manifest_sha256,
    }


def _lines(found: Checked) -> list[str]:
    low, high = show_score(found.low_e9), show_score(found.high_e9)
    return [
        f"score     {show_score(found.score_e9)}  ({found.correct} of {found.examples})",
        f"95 %      {low[:6]} to {high[:6]}",
        f"adapter   {found.adapter_sha256}",
        f"evaluator {found.manifest_sha256}",
        "The server gives the same score on the public slice. Next: assay submit.",
    ]


if __name__ == "__main__":
    main()
