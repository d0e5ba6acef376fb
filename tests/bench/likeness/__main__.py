"""Calibrate how like two adapters may be: trained ones, and copies of them by every known attack.

    python -m tests.bench.likeness      writes docs/benchmarks/similarity.{md,json,svg}

One thread and one process for each base, fixed seeds. The trainings are real and small; the measure
is the one of the site, from canonical blobs on.
"""

import json
import multiprocessing
import os

from evaluator.engine.library import library
from tests.bench.likeness import report
from tests.bench.likeness.measuring import of_base
from tests.bench.likeness.training import DECODER, ENCODER


def main() -> None:
    library()
    began_s = os.times().children_user
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        found = pool.map(of_base, (ENCODER, DECODER))
    seconds = os.times().children_user - began_s
    told = report.told(
        [pair for one in found for pair in one.honest],
        [pair for one in found for pair in one.starters],
        [attack for one in found for attack in one.attacks],
        trained=sum(one.trained for one in found),
    )
    text = json.dumps(told, indent=2) + "\n"
    (report.FOLDER / "similarity.json").write_text(text, encoding="utf-8")
    (report.FOLDER / "similarity.md").write_text(report.page(told), encoding="utf-8")
    (report.FOLDER / "similarity.svg").write_text(report.curve(told), encoding="utf-8")
    print(report.page(told))  # noqa: T201 - a command talks
    print(f"{seconds:.0f} s of CPU time")  # noqa: T201 - the same


if __name__ == "__main__":
    main()
