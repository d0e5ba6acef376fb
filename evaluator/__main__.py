"""`python -m evaluator DOOR`: a clean environment, then train, check, prepare, preview, ...

The environment can change bits and reach the network (thread counts, hub settings), and libraries
read it when they are imported. So it is cut to a white-list first, and the process replaced.
"""

import os
import sys

DOORS = {  # what is asked for -> the module that answers first
    "base": "base",
    "check": "intake",
    "docstrings": "docstrings",
    "prepare": "prepare",
    "preview": "preview",
    "rerun": "rerun",
    "split": "split",
    "train": "before_training",
}
KEPT = (
    "ASSAY_BASES", "COLUMNS", "HOME", "LANG", "LC_ALL", "NO_COLOR", "PATH", "PYTHONPATH", "TERM",
    "TMPDIR", "VIRTUAL_ENV",
)  # fmt: skip
OFFLINE = {"HF_DATASETS_OFFLINE": "1", "HF_HUB_OFFLINE": "1"}
FIXED = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "MKL_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "PYTHONUTF8": "1",
    "TOKENIZERS_PARALLELISM": "false",
}


def main() -> None:
    """Replace this process by the door that the first argument names; exit 2 when none does."""
    door = sys.argv[1] if len(sys.argv) > 1 else ""
    if door not in DOORS:
        print(f"usage: python -m evaluator {'|'.join(DOORS)} ...", file=sys.stderr)
        sys.exit(2)
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}  # noqa: TID251
    may_reach = {} if door == "base" else OFFLINE  # only a base may come from a hub
    command = [sys.executable, "-m", f"evaluator.doors.{DOORS[door]}", *sys.argv[2:]]
    os.execve(sys.executable, command, kept | FIXED | may_reach)  # noqa: S606


if __name__ == "__main__":
    main()
