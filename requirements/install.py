"""Set the virtual environment up: `make setup` runs this, and so does every target that needs it.

    python3 requirements/install.py client      to submit, check, run again and audit
    python3 requirements/install.py worker      the site and its workers: `make up`
    python3 requirements/install.py train       that, and torch: `make demo` trains
    python3 requirements/install.py dev         that, and what tests and lint need

Standard library only, and any Python 3 gets as far as the sentence that asks for another. Each step
prints what it does and how long it took. Everything but torch comes from a hashed lock; uv, itself
from one, installs it, and pip does where uv cannot be had. Client and worker keep no compiler:
it is taken away when the engine is built. A stamp of the lock makes the second run take no time.

    ASSAY_TORCH_ARGS   arguments for `pip install torch==...`, passed on as given
"""

from __future__ import annotations

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
PIP = [str(PYTHON), "-m", "pip", "--disable-pip-version-check"]
REQUIREMENTS = ROOT / "requirements"
ENGINE = ROOT / "evaluator" / "engine" / "c"
TORCH = "2.13.0"
LARGEST_FIRST = ("dev", "train", "worker", "client")  # each holds what the next one needs
WITH_TORCH = ("dev", "train")
ONCE = ("setuptools", "ziglang", "uv")  # the others need these for set-up alone
PYTHONS = ((3, 11), (3, 12), (3, 13))  # training is tested on the first
NO_PYTHON = """
Assay needs Python 3.11, 3.12 or 3.13 with venv. Found: {found}.
  Debian, Ubuntu   apt-get install python3 python3-venv    (Debian 12, Ubuntu 24.04, or newer)
  macOS            brew install python@3.11
  anywhere         pip install uv && uv python install 3.11
                   and then: make demo PYTHON="$(uv python find 3.11)"
"""
# What pip is told about where packages are, and the variable by which uv is told the same.
AS_UV_SAYS = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
    "trusted-host": "UV_INSECURE_HOST",
    "proxy": "ALL_PROXY",
    "no-index": "UV_NO_INDEX",
}
CUDA_IS_COMING = """
  torch     pip will now fetch about 2.8 GB of CUDA packages besides torch itself. To avoid that:
            ASSAY_TORCH_ARGS="--index-url <an index of CPU builds>" make setup
"""


def main(arguments: list[str]) -> None:
    """Bring `.venv` to the state of the named lock; return at once when it is there already."""
    name = arguments[0] if arguments else "worker"
    if name not in LARGEST_FIRST:
        sys.exit(f"install.py: choose one of {', '.join(LARGEST_FIRST)}, not {name!r}")
    if _is_stamped(name):
        return
    started = time.monotonic()
    print(f"Setting up .venv for {name}:", flush=True)
    if not PYTHON.exists():
        _make_venv()
    tool = _tool()
    if name in WITH_TORCH and _torch_version() != TORCH:
        _install_torch(tool)
    for lock in (REQUIREMENTS / "build.lock", REQUIREMENTS / f"{name}.lock"):
        with _step("packages", f"{_count(lock)} from {lock.relative_to(ROOT)}, each with its hash"):
            tool("install", "--require-hashes", "--no-deps", "-r", str(lock))
    with _step("assay", "the house itself, editable"):
        tool("install", "--no-deps", "--no-build-isolation", "-e", str(ROOT))
    with _step("engine", "the scale's C, built for this processor"):
        done = _run([str(PYTHON), "-m", "evaluator.engine.library"])
        if done.returncode:
            sys.exit(f"\nthe engine cannot be built:\n{done.stdout[-1000:]}{done.stderr[-1000:]}")
    with _step("check", "do all versions fit each other?"):
        _check(tool)
    if name not in WITH_TORCH:
        with _step("tidy", f"{', '.join(ONCE)}: no longer needed"):
            _pip("uninstall", "--yes", *ONCE)
    _stamp(name).write_text(_wanted(name))
    size_mb = sum(each.stat().st_size for each in VENV.rglob("*") if each.is_file()) >> 20
    print(f"  ready     {time.monotonic() - started:.0f} s, {size_mb} MB in .venv", flush=True)


def _make_venv() -> None:
    """Make `.venv` with a Python that fits, or end with the command that gets one."""
    base = _python()
    if base is None:
        sys.exit(NO_PYTHON.format(found=f"{sys.executable}, {platform.python_version()}"))
    with _step("venv", f"{base} -m venv .venv"):
        done = _run([base, "-m", "venv", str(VENV)])
        if done.returncode:
            shutil.rmtree(VENV, ignore_errors=True)
            said = done.stdout[-300:] + done.stderr[-300:]
            sys.exit(NO_PYTHON.format(found=f"{base}, which makes no venv") + said)


def _python() -> str | None:
    """The one that runs this script if it fits, else the first that does, the oldest before."""
    names = (f"python{major}.{minor}" for major, minor in PYTHONS)
    for candidate in (sys.executable, *names, "python3"):
        place = shutil.which(candidate)
        probe = [place or "", "-c", f"import sys; sys.exit(sys.version_info[:2] not in {PYTHONS})"]
        if place and _run(probe).returncode == 0:
            return place
    return None


class Tool:
    """What installs packages: pip, and uv before it where uv can be had.

    uv takes a quarter of the time. It reads no configuration of pip, so it is told; what it cannot
    do, pip is asked for. It leaves no bytecode: Python makes that of the few files that it reads.
    """

    def __init__(self, uv: Path | None) -> None:
        self.uv = uv

    def __call__(self, verb: str, *arguments: str) -> None:
        """Run it, quietly. Ends with pip's words when neither can."""
        if self.uv:
            done = self.ask(verb, *arguments)
            if done.returncode == 0:
                return
            sys.stdout.write(f" uv could not: {done.stderr.strip()[-300:]}\n  so pip ...")
            sys.stdout.flush()
        _pip(verb, *arguments)

    def ask(self, verb: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """What uv answers."""
        # Every hash is in the lock, so the same file may come from any index that pip knows.
        best = ["--index-strategy", "unsafe-best-match"] if verb == "install" else []
        command = [str(self.uv), "pip", verb, "--python", str(PYTHON), *best, *arguments]
        return _run(command, _places())


def _check(tool: Tool) -> None:
    """Ask whether all versions fit; end with what does not. What locks leave out may be missing."""
    done = tool.ask("check") if tool.uv else _run([*PIP, "check"])
    left_out = _left_out()
    faults = [
        line
        for line in (done.stdout + done.stderr).splitlines()
        if "requires" in line and not any(each in line for each in left_out)
    ]
    if faults:
        sys.exit("\n" + "\n".join(faults))


def _left_out() -> list[str]:
    """The packages that the locks leave out on purpose."""
    text = "".join(each.read_text() for each in sorted(REQUIREMENTS.glob("*overrides.txt")))
    return [line.split(" ")[0] for line in text.splitlines() if "never" in line]


def _tool() -> Tool:
    """uv from its hashed lock, in `.venv` like everything else; pip alone where that fails."""
    uv = VENV / "bin" / "uv"
    with _step("uv", "what installs the rest"):
        lock = str(REQUIREMENTS / "tools.lock")
        done = _run([*PIP, "install", "--require-hashes", "-r", lock])
    if done.returncode:
        print(
            f"  uv        cannot be had, so pip, slower: {done.stderr.strip()[-200:]}", flush=True
        )
    return Tool(None if done.returncode else uv)


def _places() -> dict[str, str]:
    """Where pip finds packages, as variables for uv. What the caller told uv goes before that."""
    told = {}
    lines = _run([*PIP, "config", "list"]).stdout.splitlines()
    for line in sorted(lines, key=lambda one: one.startswith(":env:")):  # those of PIP_* count last
        name, _, value = line.partition("=")
        key = name.rpartition(".")[2]
        if key in AS_UV_SAYS:
            told[AS_UV_SAYS[key]] = _as_list(key, value.strip("'"))
    return {name: value for name, value in told.items() if value and not _environment(name)}


def _as_list(key: str, value: str) -> str:
    """pip parts by spaces; uv parts folders by commas. A folder that is not there is left out."""
    parts = [part for part in value.split() if not _is_absent(part)]
    return ("," if key == "find-links" else " ").join(parts)


def _is_absent(place: str) -> bool:
    scheme, _, rest = place.rpartition("://")
    folder = Path(rest)
    return scheme in {"", "file"} and folder.is_absolute() and not folder.exists()


def _install_torch(tool: Tool) -> None:
    """Install torch, as a CPU build wherever one can be had.

    Who already knows a CPU build takes it by himself, since +cpu sorts above the plain one.
    Otherwise uv knows where the CPU builds are. Otherwise pip fetches CUDA, after a warning.
    """
    wanted, extra = f"torch=={TORCH}", shlex.split(_environment("ASSAY_TORCH_ARGS"))
    with _step("torch", "does it bring CUDA?"):
        brings_cuda = not extra and _brings_cuda(wanted, tool)
    if extra:
        with _step("torch", f"pip install {shlex.join([wanted, *extra])}"):
            _pip("install", "--no-deps", wanted, *extra)
        return
    if not brings_cuda:
        # What it depends on comes from the lock.
        with _step("torch", f"install {wanted}"):
            tool("install", "--no-deps", wanted)
        return
    if _is_plain_linux() and _uv_brings_cpu(wanted, tool):
        return
    print(CUDA_IS_COMING, flush=True)
    with _step("torch", f"install {wanted}"):
        tool("install", wanted)


def _brings_cuda(wanted: str, tool: Tool) -> bool:
    """Ask what would be installed: True when CUDA packages are among it."""
    if tool.uv:
        done = tool.ask("install", "--dry-run", wanted)
        names = [line[3:].lower() for line in done.stderr.splitlines() if line.startswith(" + ")]
    else:
        done = _run([*PIP, "install", "--dry-run", "--quiet", "--report", "-", wanted])
        found = json.loads(done.stdout)["install"] if done.returncode == 0 else []
        names = [each["metadata"]["name"].lower() for each in found]
    return done.returncode != 0 or any(one.startswith(("nvidia-", "cuda-")) for one in names)


def _is_plain_linux() -> bool:
    """Linux on x86-64 without an NVIDIA device: only there is the CPU build the better one."""
    has_device = Path("/dev/nvidiactl").exists() or Path("/proc/driver/nvidia").exists()
    return sys.platform == "linux" and platform.machine() == "x86_64" and not has_device


def _uv_brings_cpu(wanted: str, tool: Tool) -> bool:
    """Let uv fetch the CPU build; False when it cannot (no network, another index)."""
    if not tool.uv:
        return False
    with _step("torch", f"uv pip install --torch-backend=cpu {wanted}"):
        done = tool.ask("install", "--no-deps", "--torch-backend=cpu", wanted)
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
    parts = [TORCH, str(ROOT), project, (REQUIREMENTS / f"{name}.lock").read_text()]
    if name not in WITH_TORCH:  # they have no compiler, which would build a changed engine later
        parts += [each.read_text() for each in sorted(ENGINE.iterdir())]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _stamp(name: str) -> Path:
    """Where the stamp of a lock is."""
    return VENV / f"assay-{name}.stamp"


def _is_stamped(name: str) -> bool:
    """True when this lock, or one that holds it, is what `.venv` has."""
    enough = LARGEST_FIRST[: LARGEST_FIRST.index(name) + 1]
    stamps = {each: _stamp(each) for each in enough}
    return PYTHON.exists() and any(
        stamp.exists() and stamp.read_text() == _wanted(each) for each, stamp in stamps.items()
    )


def _count(lock: Path) -> int:
    """How many packages a lock names (some only for other systems)."""
    return sum("==" in line for line in lock.read_text().splitlines())


def _pip(*arguments: str) -> None:
    """Run the pip of `.venv`, quietly; end with its words when it fails."""
    done = _run([*PIP, *arguments])
    if done.returncode:
        sys.exit(
            f"\npip {shlex.join(arguments)} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        )


def _run(
    command: list[str], more: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end and keep what it said. more: variables besides the caller's"""
    environment = {**os.environ, **(more or {})}  # noqa: TID251 - the caller's PATH, indexes, proxies
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, env=environment
    )


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
