"""A real data set that is on every machine: which library is this docstring from?

The sources of the installed packages are parsed, never imported, in a fixed order; so the data is
the same wherever the pinned versions are installed. Standard library only.
"""

import ast
import importlib.util
import re
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from evaluator.evaluators.form import Sample
from evaluator.task.examples import write_jsonl
from evaluator.task.overlap import Seen, Told

LIBRARIES = ("celery", "django", "pandas", "python", "redis", "sympy", "torch", "transformers")
STDLIB = "python"
OTHER_NAMES = ("pytorch", "cpython", "huggingface", "hugging face")
MASK = "library"
SKIPPED_FOLDERS = frozenset(
    {
        "__pycache__",
        "_vendor",
        "idlelib",
        "lib2to3",
        "locale",
        "site-packages",
        "test",
        "testing",
        "tests",
    }
)
MOST_FILE_BYTES = 300_000
LEAST_CHARACTERS = 40
LEAST_WORDS = 6
MOST_CHARACTERS = 400
_NAMES = re.compile(
    "|".join(sorted({*LIBRARIES, *OTHER_NAMES}, key=len, reverse=True)), re.IGNORECASE
)


@dataclass(frozen=True)
class Sizes:
    """Examples per class in each slice."""

    train: int = 250
    public: int = 20
    board: int = 40
    final: int = 60

    @property
    def all(self) -> int:
        return self.train + self.public + self.board + self.final


def docstring_slices(
    sizes: Sizes, libraries: Sequence[str] = LIBRARIES
) -> Mapping[str, list[Sample]]:
    """Slice name -> examples, no text in two of them, nor nearly.

    A library that has too few docstrings gives what it has, the test slices first. Takes about a
    second of CPU time per library.
    """
    seen = Seen()
    slices: dict[str, list[Sample]] = {name: [] for name in vars(sizes)}
    for library in libraries:
        texts = sorted(_distinct(library, sizes.all, seen), key=_hash)
        start = 0
        for name in ("public", "board", "final"):
            end = start + getattr(sizes, name)
            slices[name] += [{"text": text, "label": library} for text in texts[start:end]]
            start = end
        slices["train"] += [{"text": text, "label": library} for text in texts[start:]]
    return {
        name: sorted(part, key=lambda one: _hash(str(one["text"]))) for name, part in slices.items()
    }


def write_slices(folder: Path, sizes: Sizes) -> dict[str, Path]:
    """Write {train,public,board,final}.jsonl; slice name -> path."""
    folder.mkdir(parents=True, exist_ok=True)
    written = {}
    for name, examples in docstring_slices(sizes).items():
        written[name] = folder / f"{name}.jsonl"
        written[name].write_bytes(write_jsonl(examples))
    return written


def masked(text: str) -> str:
    """One line, the names of all libraries replaced, cut at the last word before 400 characters."""
    line = _NAMES.sub(MASK, " ".join(text.split()))
    if len(line) <= MOST_CHARACTERS:
        return line
    return line[:MOST_CHARACTERS].rpartition(" ")[0] or line[:MOST_CHARACTERS]


def _distinct(library: str, most: int, seen: Seen) -> list[str]:
    found: list[str] = []
    for file in _sources(_folder(library)):
        for text in map(masked, _docstrings(file)):
            is_long = len(text) >= LEAST_CHARACTERS and len(text.split()) >= LEAST_WORDS
            if is_long and seen.twin_of(Told("", text)) is None:
                seen.add(Told("", text))
                found.append(text)
        if len(found) >= most:
            break
    return found[:most]


def _folder(library: str) -> Path:
    if library == STDLIB:
        return Path(sysconfig.get_paths()["stdlib"])
    spec = importlib.util.find_spec(library)
    assert spec is not None, f"{library} is in the requirements"
    assert spec.submodule_search_locations is not None, f"{library} is a package"
    return Path(spec.submodule_search_locations[0])


def _sources(folder: Path) -> list[Path]:
    """Python files of moderate size, in an order that mixes the parts of a library."""
    files = [file for file in _walk(folder) if file.stat().st_size <= MOST_FILE_BYTES]
    return sorted(files, key=lambda file: _hash(file.relative_to(folder).as_posix()))


def _walk(folder: Path) -> Iterator[Path]:
    for entry in folder.iterdir():
        if entry.is_dir() and entry.name not in SKIPPED_FOLDERS:
            yield from _walk(entry)
        elif entry.suffix == ".py" and not entry.name.startswith("test_"):
            yield entry


def _docstrings(file: Path) -> Iterator[str]:
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):  # a template, or a file for another Python
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield ast.get_docstring(node) or ""


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()
