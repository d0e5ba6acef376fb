"""Write the hashed locks of `requirements/`: run by `make lock`, needs uv and a package index.

Every lock says the same version of the same package, because dev.lock is made first and the others
are held to it. Each fits Python 3.11 and everything newer. torch and what only its CUDA build needs
are left out: install.py sees to torch.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements"
OVERRIDES = "requirements/overrides.txt"
LOCKS = {  # lock -> the lists that it is made of
    "dev": ("dev",),
    "train": ("worker", "train"),
    "worker": ("worker",),
    "client": ("client",),
    "build": ("build",),
    "tools": ("tools",),
}
APART = ("torch", "triton", "cuda-", "nvidia-")
NEVER = "sys_platform == 'never'"  # how the overrides leave a package out
ENTRY = re.compile(r"^(?=[A-Za-z0-9])", re.MULTILINE)
HEAD = "# Written by `make lock`. torch is apart: see install.py.\n"


def main() -> None:
    """Write dev.lock, then the other locks in its bounds."""
    for name in LOCKS:
        _write(name, held_to=None if name == "dev" else REQUIREMENTS / "dev.lock")


def _write(name: str, *, held_to: Path | None) -> None:
    """Resolve the lists of a lock and write it."""
    lists = [f"requirements/{each}.txt" for each in LOCKS[name]]
    command = [_uv(), "pip", "compile", *lists, "--generate-hashes"]
    command += ["--python-version", "3.11", "--universal", "--no-header", "--no-annotate"]
    command += ["--override", OVERRIDES, "--no-emit-package", "torch"]
    if held_to:
        command += ["--constraints", str(held_to)]
    else:
        command += ["--upgrade"]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    lock = REQUIREMENTS / f"{name}.lock"
    lock.write_text(HEAD + without_torch(done.stdout))
    sys.stdout.write(f"{lock.relative_to(ROOT)}: {lock.read_text().count('==')} packages\n")


def without_torch(resolved: str) -> str:
    """The lock without torch's CUDA packages, what is left out, and comments (of an index)."""
    lines = [
        line
        for line in resolved.splitlines()
        if not line.lstrip().startswith(("#", "--")) or "--hash=" in line
    ]
    entries = ENTRY.split("\n".join(lines))
    kept = (each for each in entries if not each.startswith(APART) and NEVER not in each)
    return "".join(f"{entry.strip()}\n" for entry in kept if entry.strip())


def _uv() -> str:
    """The uv of the environment that runs this script."""
    return str(Path(sys.executable).with_name("uv"))


if __name__ == "__main__":
    main()
