"""Write the hashed locks of `requirements/`: run by `make lock`, needs uv and a package index.

Every lock says the same version of the same package, because dev.lock is made first and the others
are held to it. torch and what only its CUDA build needs are left out: install.py sees to torch.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements"
APART = ("torch", "triton", "cuda-", "nvidia-")
ENTRY = re.compile(r"^(?=[A-Za-z0-9])", re.MULTILINE)
HEAD = "# Written by `make lock`. torch is apart: see install.py.\n"


def main() -> None:
    """Write dev.lock, then the other locks in its bounds."""
    dev_lock = _write("dev", held_to=None)
    for name in ("worker", "web", "cli", "tools"):
        _write(name, held_to=dev_lock)


def _write(name: str, *, held_to: Path | None) -> Path:
    """Resolve `requirements/NAME.txt` and write its lock; the path of the lock is returned."""
    command = [_uv(), "pip", "compile", f"requirements/{name}.txt", "--generate-hashes"]
    command += ["--python-version", "3.11", "--universal", "--no-header", "--no-annotate"]
    command += ["--override", "requirements/overrides.txt", "--no-emit-package", "torch"]
    if held_to:
        command += ["--constraints", str(held_to)]
    else:
        command += ["--upgrade"]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    lock = REQUIREMENTS / f"{name}.lock"
    lock.write_text(HEAD + without_torch(done.stdout))
    sys.stdout.write(f"{lock.relative_to(ROOT)}: {lock.read_text().count('==')} packages\n")
    return lock


def without_torch(resolved: str) -> str:
    """The lock without torch's CUDA packages and without comments (they may name an index)."""
    lines = [
        line
        for line in resolved.splitlines()
        if not line.lstrip().startswith(("#", "--")) or "--hash=" in line
    ]
    entries = ENTRY.split("\n".join(lines))
    return "".join(
        f"{entry.strip()}\n" for entry in entries if entry.strip() and not entry.startswith(APART)
    )


def _uv() -> str:
    """The uv of the environment that runs this script."""
    return str(Path(sys.executable).with_name("uv"))


if __name__ == "__main__":
    main()
