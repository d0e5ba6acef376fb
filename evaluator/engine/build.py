"""The engine's library: built from its C by zig's compiler of the PyPI package, or by another.

No compiler of the host is needed. A library's name has the hash of sources and flags, so a changed
engine is another file, and two processes that build at once write the same bytes. Nothing here runs
in a jail: it must lie there before.

    ASSAY_ENGINE_CC   another compiler, as a command: "gcc"
"""

import importlib.util
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path

from evaluator.errors import EngineMissing

COMPILER_VARIABLE = "ASSAY_ENGINE_CC"
SOURCES = Path(__file__).parent / "c"
BUILT = Path(__file__).parent / "built"
FLAGS = (
    "-std=gnu11", "-O3", "-fPIC", "-shared", "-ffp-contract=off", "-fno-math-errno", "-Wall",
    "-Wextra", "-Wno-psabi", "-g0", "-s",
)  # fmt: skip
SCALAR, AVX2, AVX512, NEON, WIDE = "scalar", "avx2", "avx512", "neon", "wide"
# What a build adds to the flags. "wide" has the tiles of AVX-512 on AVX2, for tests.
VARIANTS: Mapping[str, tuple[str, ...]] = {
    SCALAR: ("-DENGINE_SCALAR",),
    AVX2: ("-mavx2", "-mfma"),
    AVX512: ("-mavx512f", "-mavx512dq", "-mavx512vl", "-mavx512bw", "-mavx2", "-mfma"),
    NEON: (),
    WIDE: ("-DENGINE_WIDE", "-mavx2", "-mfma"),
}
ON_X86 = ("x86_64", "AMD64")


def variants_here() -> tuple[str, ...]:
    """What can be built for this processor's kind, the widest last."""
    return (SCALAR, AVX2, AVX512) if platform.machine() in ON_X86 else (SCALAR, NEON)


def file_of(variant: str) -> Path:
    """Where the library of this variant is, or would be."""
    return BUILT / f"engine-{_sources_sha256()[:16]}-{platform.machine()}-{variant}.so"


def built(variant: str) -> Path:
    """The library of this variant, built when it is not there. raises EngineMissing"""
    path = file_of(variant)
    if not path.is_file():
        BUILT.mkdir(exist_ok=True)
        compile_to(path, variant, compiler())
        for old in set(BUILT.glob("engine-*.so")) - set(map(file_of, VARIANTS)):
            old.unlink(missing_ok=True)  # of another state of the sources
    return path


def compile_to(path: Path, variant: str, command: list[str]) -> None:
    """Build a variant into this file; it is whole or not there. raises EngineMissing"""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".new-") as made:
        new = Path(made) / path.name
        words = [*command, *FLAGS, *VARIANTS[variant], str(SOURCES / "engine.c"), "-o", str(new)]
        try:
            done = subprocess.run(
                [*words, "-lm"], env=_with_cache(made), check=False, capture_output=True, text=True
            )
        except OSError as error:
            raise _missing(f"{command[0]} cannot be run: {error}") from error
        if done.returncode:
            raise _missing(f"{shlex.join(command)}: {done.stderr.strip()[-600:]}")
        new.replace(path)


def _with_cache(folder: str) -> dict[str, str]:
    """The environment, with a place where zig may keep its parts: it needs a home, or is told."""
    given = dict(os.environ)  # noqa: TID251 - the compiler inherits the caller's
    if "HOME" not in given and "XDG_CACHE_HOME" not in given:
        given = {"ZIG_GLOBAL_CACHE_DIR": folder, **given}
    return given


def compiler() -> list[str]:
    """The named one, else zig's, else the system's. raises EngineMissing when there is none"""
    told = os.environ.get(COMPILER_VARIABLE, "")  # noqa: TID251 - the scale runs without config
    if told:
        return shlex.split(told)
    if importlib.util.find_spec("ziglang") is not None:
        return [sys.executable, "-m", "ziglang", "cc", *_zig_target()]
    found = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if found is None:
        raise _missing("neither the package ziglang nor a compiler of the system is here")
    return [found]


def _zig_target() -> list[str]:
    """An old glibc on Linux, so that a library built here runs on other machines."""
    machine = {"AMD64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())
    return ["-target", f"{machine}-linux-gnu.2.28"] if sys.platform == "linux" else []


@cache
def _sources_sha256() -> str:
    told = sha256(repr((FLAGS, VARIANTS)).encode())
    for path in sorted(SOURCES.iterdir()):
        told.update(path.name.encode() + path.read_bytes())
    return told.hexdigest()


def _missing(problem: str) -> EngineMissing:
    return EngineMissing(f"The engine is not built, and {problem}.", problem=problem)
