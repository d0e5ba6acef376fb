"""`make exact-vectors`: the known answers of every family, written anew by the portable build.

    python -m tests.evaluator.vectors    writes tests/vectors/exact.json and engine/known.json

Both files change when the arithmetic does, and never otherwise: a change of speed leaves them as
they are. Whoever changes them on purpose gives the arithmetic another version.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assay.canonical import digest
from evaluator.bases.families import BY_NAME
from evaluator.engine import build, known

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "tests" / "vectors" / "exact.json"
WHAT = "the answers of evaluator/engine/known.py, family by family; docs/algorithms/exact.md"


def texts(families: Mapping[str, Any]) -> dict[Path, str]:
    """File -> what it holds, when these are the families' answers."""
    hashes = {kind: digest(answers) for kind, answers in families.items()}
    return {
        FILE: json.dumps({"what": WHAT, "families": families}, indent=0),
        known.FILE: json.dumps(hashes, indent=1) + "\n",
    }


def main() -> None:
    families = {kind: known.answers(kind, build.SCALAR) for kind in BY_NAME}
    for path, text in texts(families).items():
        is_new = not path.exists() or path.read_text() != text
        path.write_text(text)
        shown = path.relative_to(ROOT)
        sys.stdout.write(f"{shown}: {'other answers than before' if is_new else 'as before'}\n")


if __name__ == "__main__":
    main()
