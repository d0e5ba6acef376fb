"""A sponsor's scoring code, on the inside of the score sandbox. Standard library only.

The file defines `score(prediction, reference) -> int | float`, from 0 (worst) to 1 (best). It is
called once for every example. Here its answers become whole parts of 10^9; the worker checks them
again, and adds them up. Here are neither adapter nor base nor any name of a miner.

This module is a scorer of the sandbox: `load_base` before the locks close, `predict` afterwards. No
rule in here is a wall: the walls are the jail's.
"""

import builtins
import importlib
import io
import json
import math
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from types import ModuleType

FILE_NAME = "score.py"
FUNCTION = "score"
E9 = 10**9
# Loaded before the lock: a module that is not here cannot be read from inside.
MODULES = (
    "abc", "ast", "base64", "bisect", "collections", "collections.abc", "copy", "dataclasses",
    "decimal", "difflib", "enum", "fractions", "functools", "hashlib", "heapq", "html", "itertools",
    "json", "math", "numbers", "operator", "re", "statistics", "string", "struct", "textwrap",
    "types", "typing", "unicodedata", "zlib",
)  # fmt: skip
ABSENT = ("breakpoint", "exit", "help", "input", "open", "quit")
ERROR_CHARS, ERROR_MARK = 500, "SCORING ERROR "


class CodeFailed(Exception):
    """The sponsor's code did not do its work. `told` is for the sponsor: line, message, example.

    line     of the file, from 1; 0 when it is no line's fault
    example  from 0; -1 before the first
    """

    def __init__(self, message: str, *, line: int = 0, example: int = -1) -> None:
        self.told = {"message": message[:ERROR_CHARS], "line": line, "example": example}
        super().__init__(ERROR_MARK + json.dumps(self.told))


def load_base(_folder: Path) -> Mapping[str, ModuleType]:
    """Import every module that the code may use. There is no base."""
    return {name: importlib.import_module(name) for name in MODULES}


def predict(
    modules: Mapping[str, ModuleType],
    _adapter: bytes | None,
    inputs: bytes,
    code: bytes,
) -> list[list[int]]:
    """The score of every example in parts of 10^9, a row of one each.

    inputs  JSON {"predictions": [...], "references": [...]}, equally long
    code    the sponsor's file
    raises  CodeFailed
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # what was printed before a crash is told too
    told = json.loads(inputs)
    pairs = list(zip(told["predictions"], told["references"], strict=True))
    try:
        function = _load(code, modules)
        return [[_one(function, pair, example)] for example, pair in enumerate(pairs)]
    except CodeFailed as failure:
        sys.stderr.write(f"\n{failure}\n")
        raise


def _load(code: bytes, modules: Mapping[str, ModuleType]) -> Callable[[object, object], object]:
    """Run the file once, and take its function."""
    allowed = {name: one for name, one in vars(builtins).items() if name not in ABSENT}
    allowed["__import__"] = _importer(modules)
    names: dict[str, object] = {"__builtins__": allowed, "__name__": "score", "__file__": FILE_NAME}
    with _blamed(-1):
        exec(compile(code, FILE_NAME, "exec", dont_inherit=True), names)  # noqa: S102 - in the jail
    function = names.get(FUNCTION)
    if not callable(function):
        raise CodeFailed(f"The file defines no function {FUNCTION}(prediction, reference).")
    found: Callable[[object, object], object] = function
    return found


def _importer(modules: Mapping[str, ModuleType]) -> Callable[..., ModuleType]:
    def load(
        name: str,
        _globals: Mapping[str, object] | None = None,
        _locals: Mapping[str, object] | None = None,
        wanted: Sequence[str] = (),
        level: int = 0,
    ) -> ModuleType:
        if level or name not in modules:
            raise ImportError(f"{name} is not for scoring code, only {', '.join(modules)}")
        return modules[name] if wanted else modules[name.partition(".")[0]]

    return load


def _one(
    function: Callable[[object, object], object], pair: tuple[object, object], example: int
) -> int:
    with _blamed(example):
        value = function(*pair)
        if not isinstance(value, int | float):
            kind = type(value).__name__
            raise CodeFailed(f"{FUNCTION} gave a {kind}, not an int or float.", example=example)
        if not math.isfinite(value) or not 0 <= value <= 1:
            raise CodeFailed(f"{FUNCTION} gave {float(value)!r}, not 0 to 1.", example=example)
        return round(Fraction(value) * E9)


@contextmanager
def _blamed(example: int) -> Iterator[None]:
    """Turn what the sponsor's code raises into CodeFailed, with the line of his file."""
    try:
        yield
    except (CodeFailed, MemoryError):
        raise
    except BaseException as error:  # noqa: BLE001 - told to the sponsor as CodeFailed
        sys.stderr.write("".join(_shown(error)))
        message = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise CodeFailed(message, line=_line(error), example=example) from None


def _line(error: BaseException) -> int:
    """The last line of the sponsor's file that the error went through."""
    if isinstance(error, SyntaxError) and error.filename == FILE_NAME:
        return error.lineno or 0
    return next((frame.lineno or 0 for frame in reversed(_frames(error))), 0)


def _shown(error: BaseException) -> list[str]:
    """What went wrong, without a word of where we are installed."""
    only = traceback.format_exception_only(error)
    return ["Traceback:\n", *traceback.format_list(_frames(error)), *only]


def _frames(error: BaseException) -> list[traceback.FrameSummary]:
    """Those of the sponsor's file."""
    frames = traceback.extract_tb(error.__traceback__)
    return [frame for frame in frames if frame.filename == FILE_NAME]
