"""`python -m evaluator rerun RECEIPT`: compute a score again, and compare it batch by batch.

Beside the receipt lie manifest.json, inputs.blob and adapter.blob, as `assay rerun` downloads them.
Exit 0: every leaf is the same. Exit 6: at least one differs. Exit 5: something was refused.
"""

import argparse
import sys
from pathlib import Path

from evaluator.doors.answers import read_downloaded, run_door, show_json, show_lines
from evaluator.score.rerun import Receipt, Rerun, read_receipt, rerun

DIFFERS = 6


def main() -> None:
    asked = _arguments()

    def work() -> None:
        receipt = read_receipt(read_downloaded(asked.receipt))
        found = rerun(receipt, asked.receipt.parent, asked.batch)
        if asked.json:
            show_json(_document(receipt, found))
        else:
            show_lines(*_lines(receipt, found))
        if found.differing:
            sys.exit(DIFFERS)

    run_door(work, is_json=asked.json)


def _document(receipt: Receipt, found: Rerun) -> dict[str, object]:
    return {
        "same": not found.differing,
        "batches": len(found.found),
        "of": len(receipt.leaves),
        "differing": list(found.differing),
        "results_root": receipt.results_root,
    }


def _lines(receipt: Receipt, found: Rerun) -> list[str]:
    what = "all batches" if found.place is None else f"batch {found.place}"
    head = f"{what} of {len(receipt.leaves)}"
    if not found.differing:
        return [f"{head}: the same bits", f"results   {receipt.results_root}"]
    advice = (
        "transformers computes this base, and its bits differ from machine to machine."
        if found.is_generic
        else "The engine gives the same bits everywhere: the score can be disputed."
    )
    return [f"{head}: batches {list(found.differing)} differ", advice]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="evaluator rerun", description=__doc__)
    parser.add_argument("receipt", type=Path)
    parser.add_argument("--batch", type=int, help="one batch of the plan alone, from 0")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
