"""`python -m evaluator check` with a slice: intake, prediction and metric as on the server.

Starts after `doors.intake`, which has the arguments and has accepted the adapter.
"""

import sys

from evaluator.doors.answers import ignored_line, read_downloaded, run_door, show_json, show_lines
from evaluator.doors.intake import alike_lines, likenesses, read_arguments
from evaluator.intake import admit_folder
from evaluator.registry import show_score
from evaluator.score.checking import Checked, check
from evaluator.task.manifest import read_manifest


def main() -> None:
    asked = read_arguments(sys.argv[1:])

    def work() -> None:
        manifest = read_manifest(read_downloaded(asked.task))
        inputs, labels = (read_downloaded(path) for path in (asked.inputs, asked.labels))
        found = check(asked.adapter, manifest, inputs, labels)
        adapter = admit_folder(asked.adapter, manifest, follows=True).canonical
        alike = likenesses(adapter, asked.against)
        if asked.json:
            show_json(_document(found) | {"alike": alike})
        else:
            show_lines(*_lines(found), *alike_lines(alike))

    run_door(work, is_json=asked.json)


def _document(found: Checked) -> dict[str, object]:
    low_e9, high_e9 = found.interval_e9 or (None, None)
    interval = {} if low_e9 is None else {"low_e9": low_e9, "high_e9": high_e9}
    return interval | {
        "score": show_score(found.score_e9),
        "score_e9": found.score_e9,
        "examples": found.examples,
        "results_root": found.results_root,
        "adapter_sha256": found.adapter_sha256,
        "manifest_sha256": found.manifest_sha256,
        "ignored": list(found.ignored),
    }


def _lines(found: Checked) -> list[str]:
    interval = ""
    if found.interval_e9:
        low, high = (show_score(one)[:6] for one in found.interval_e9)
        interval = f"95 %      {low} to {high}"
    return [
        f"score     {show_score(found.score_e9)}  (over {found.examples} examples)",
        interval,
        f"results   {found.results_root}",
        f"adapter   {found.adapter_sha256}",
        f"evaluator {found.manifest_sha256}",
        ignored_line(found.ignored),
        "The board is scored by the same code, on sealed rows. Next: assay submit.",
    ]


if __name__ == "__main__":
    main()
