"""Set the virtual environment up: `make setup` runs this, and so does every target that needs it.

    python3 requirements/install.py worker      what `make demo` and `make up` need
    python3 requirements/install.py dev         that, and what tests and lint need

Standard library only. Each step prints what it does and how long it took. Everything but torch
comes from a hashed lock; a stamp of the lock makes the second run take no time.

    ASSAY_TORCH_ARGS   arguments for `pip install torch==...`, passed on as given
"""

import hashlib
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
REQUIREMENTS = ROOT / "requirements"
TORCH = "2.13.0"
NEWEST_FIRST = ("dev", "worker")  # what dev.lock holds is enough for worker.lock
NO_PYTHON = (
    "Assay needs Python 3.11 with venv. Debian, Ubuntu: apt-get install python3.11 python3.11-venv;"
    " macOS: brew install python@3.11; elsewhere: python.org."
)
CUDA_IS_COMING = """
  torch     pip will now fetch about 2.8 GB of CUDA packages besides torch itself. To avoid that:
            ASSAY_TORCH_ARGS="--index-url <an index of CPU builds>" make setup
"""


def main(arguments: list[str]) -> None:
    """Bring `.venv` to the state of the named lock; return at once when it is there already."""
    name = arguments[0] if arguments else "worker"
    if name not in NEWEST_FIRST:
        sys.exit(f"install.py: choose one of {', '.join(NEWEST_FIRST)}, not {name!r}")
    if _is_stamped(name):
        return
    started = time.monotonic()
    print(f"Setting up .venv for {name}:", flush=True)
    if not PYTHON.exists():
        _make_venv()
    if _torch_version() != TORCH:
        _install_torch()
    lock = REQUIREMENTS / f"{name}.lock"
    with _step("packages", f"{_count(lock)} from {lock.relative_to(ROOT)}, each with its hash"):
        _pip("install", "--require-hashes", "--no-deps", "-r", str(lock))
    with _step("assay", "the house itself, editable"):
        _pip("install", "--no-deps", "--no-build-isolation", "-e", str(ROOT))
    with _step("check", "do all versions fit each other?"):
        _pip("check")
    _stamp(name).write_text(_wanted(name))
    size_mb = sum(each.stat().st_size for each in VENV.rglob("*") if each.is_file()) >> 20
    print(f"  ready     {time.monotonic() - started:.0f} s, {size_mb} MB in .venv", flush=True)


def _make_venv() -> None:
    """Make `.venv` with Python 3.11, or end with one sentence on how to get it."""
    base = _python311()
    if base is None:
        sys.exit(NO_PYTHON)
    with _step("venv", f"{base} -m venv .venv"):
        done = _run([base, "-m", "venv", str(VENV)])
        if done.returncode:
            shutil.rmtree(VENV, ignore_errors=True)
            sys.exit(f"{NO_PYTHON}\n{done.stdout[-300:]}{done.stderr[-300:]}")


def _python311() -> str | None:
    """The first Python 3.11 among python3.11, python3 and the one that runs this script."""
    for candidate in ("python3.11", "python3", sys.executable):
        place = shutil.which(candidate)
        probe = [place or "", "-c", "import sys; sys.exit(sys.version_info[:2] != (3, 11))"]
        if place and _run(probe).returncode == 0:
            return place
    return None


def _install_torch() -> None:
    """Install torch, as a CPU build wherever one can be had.

    A pip that already knows a CPU build takes it by itself, since +cpu sorts above the plain one.
    Otherwise uv knows where the CPU builds are. Otherwise pip fetches CUDA, after a warning.
    """
    wanted, extra = f"torch=={TORCH}", shlex.split(_environment("ASSAY_TORCH_ARGS"))
    with _step("torch", "which build does pip find?"):
        brings_cuda = not extra and _brings_cuda(wanted)
    if not brings_cuda:
        # What it depends on comes from the lock.
        with _step("torch", f"pip install {shlex.join([wanted, *extra])}"):
            _pip("install", "--no-deps", wanted, *extra)
        return
    if _is_plain_linux() and _uv_installs(wanted):
        return
    print(CUDA_IS_COMING, flush=True)
    with _step("torch", f"pip install {wanted}"):
        _pip("install", wanted)


def _brings_cuda(wanted: str) -> bool:
    """Ask pip what it would install: True when CUDA packages are among it."""
    command = [str(PYTHON), "-m", "pip", "install", "--dry-run", "--quiet", "--report", "-", wanted]
    done = _run(command)
    if done.returncode:
        return True
    names = [each["metadata"]["name"].lower() for each in json.loads(done.stdout)["install"]]
    return any(name.startswith(("nvidia-", "cuda-")) for name in names)


def _is_plain_linux() -> bool:
    """Linux on x86-64 without an NVIDIA device: only there is the CPU build the better one."""
    has_device = Path("/dev/nvidiactl").exists() or Path("/proc/driver/nvidia").exists()
    return sys.platform == "linux" and platform.machine() == "x86_64" and not has_device


def _uv_installs(wanted: str) -> bool:
    """Let uv fetch the CPU build; False when it cannot (no network, another index)."""
    with _step("torch", f"uv pip install --torch-backend=cpu {wanted}"):
        _pip("install", "--require-hashes", "-r", str(REQUIREMENTS / "tools.lock"))
        uv = [str(VENV / "bin" / "uv"), "pip", "install", "--python", str(PYTHON), "--no-deps"]
        done = _run([*uv, "--torch-backend=cpu", wanted])
    if done.returncode:
        print(f"  torch     uv could not: {done.stderr.strip()[-200:]}", flush=True)
    return done.returncode == 0


def _torch_version() -> str:
    """The installed torch without its build tag, or "" when there is none."""
    ask = "import importlib.metadata as m; print(m.version('torch').split('+')[0])"
    return _run([str(PYTHON), "-c", ask]).stdout.strip()


def _wanted(name: str) -> str:
    """What a stamp holds: a hash of everything that decides what is installed."""
    project = (ROOT / "pyproject.toml").read_text().split("[tool.", 1)[0]  # names, entry points
    lock = (REQUIREMENTS / f"{name}.lock").read_text()
    return hashlib.sha256("\0".join([TORCH, str(ROOT), project, lock]).encode()).hexdigest()


def _stamp(name: str) -> Path:
    """Where the stamp of a lock is."""
    return VENV / f"assay-{name}.stamp"


def _is_stamped(name: str) -> bool:
    """True when this lock, or one that holds it, is what `.venv` has."""
    enough = NEWEST_FIRST[: NEWEST_FIRST.index(name) + 1]
    stamps = {each: _stamp(each) for each in enough}
    return PYTHON.exists() and any(
        stamp.exists() and stamp.read_text() == _wanted(each) for each, stamp in stamps.items()
    )


def _count(lock: Path) -> int:
    """How many packages a lock names (some only for other systems)."""
    return sum("==" in line for line in lock.read_text().splitlines())


def _pip(*arguments: str) -> None:
    """Run the pip of `.venv`, quietly; end with its words when it fails."""
    done = _run([str(PYTHON), "-m", "pip", "--disable-pip-version-check", *arguments])
    if done.returncode:
        sys.exit(
            f"\npip {shlex.join(arguments)} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        )


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a program to its end and keep what it said."""
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def _environment(name: str) -> str:
    """A variable of the environment, or ""."""
    return os.environ.get(name, "")  # noqa: TID251 - runs before config exists


@contextmanager
def _step(name: str, what: str) -> Iterator[None]:
    """Print a step, and how long it took."""
    print(f"  {name:<9} {what} ...", end="", flush=True)
    started = time.monotonic()
    yield
    print(f" {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
