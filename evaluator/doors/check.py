"""`python -m evaluator check`: the server's intake, prediction and metric, on this machine."""

import argparse
from pathlib import Path

from evaluator.checking import Checked, check
from evaluator.doors.answers import read_downloaded, run_door, show_json, show_lines
from evaluator.manifest import read_manifest
from evaluator.registry import show_score


def main() -> None:
    asked = _arguments()

    def work() -> None:
        manifest = read_manifest(read_downloaded(asked.manifest))
        inputs, labels = (read_downloaded(path) for path in (asked.inputs, asked.labels))
        found = check(asked.adapter, manifest, inputs, labels)
        show_json(_document(found)) if asked.json else show_lines(*_lines(found))

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
        "The server gives the same score on the public slice. Next: assay submit.",
    ]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="evaluator check", description=__doc__)
    for name in ("adapter", "manifest", "inputs", "labels"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
