"""House rules as tests: the tree keeps them, and a planted breach of each is refused."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

HOUSE = Path(__file__).resolve().parent.parent
ROOMS = (
    "config",
    "workers",
    "audit",
    "competitions",
    "licensing",
    "ledger",
    "web",
    "evaluator",
    "assay",
)
SOURCES = [path for room in ROOMS for path in sorted((HOUSE / room).rglob("*.py"))]
WRITTEN = [path for path in SOURCES if "migrations" not in path.parts]
TESTS = sorted((HOUSE / "tests").rglob("*.py"))
PROJECT = tomllib.loads((HOUSE / "pyproject.toml").read_text())
CONTRACTS = {each["id"]: each["name"] for each in PROJECT["tool"]["importlinter"]["contracts"]}

BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "core", "manager", "stuff"}
# A path of one machine: homes, mounts, and this checkout. Written in parts: this file is read too.
MACHINE_PATHS = re.compile("|".join(["/" + "work/", "/" + "opt/", "/" + "home/", "file:" + "//"]))
FILE_LINES, FUNCTION_LINES, TEST_LINES, NESTING = 400, 60, 100, 3
NESTS = (ast.If, ast.For, ast.While, ast.With, ast.Try, ast.Match, ast.AsyncFor, ast.AsyncWith)

# what is wrong: (contract, the module or package that it is planted in, the planted line)
BREACHES = {
    "a room looks up": ("rooms", "ledger/queries", "import licensing.errors"),
    "the words look up": ("rooms", "assay/money", "import ledger.errors"),
    "the face knows the scale": ("rooms", "web/api", "import evaluator.task.manifest"),
    "the rights know the contest": ("rooms", "licensing/actions", "import competitions.errors"),
    "an import hides in a function": (
        "rooms",
        "ledger/log",
        "def hidden():\n    import licensing.errors",
    ),
    "a floor of competitions looks up": (
        "floors",
        "competitions/queries/contests",
        "from competitions import actions",
    ),
    "a floor of licensing looks up": ("floors", "licensing/models", "import licensing.queries"),
    "a floor of ledger looks up": ("floors", "ledger/rules/books", "import ledger.models"),
    "two doors know each other": ("floors", "competitions/views", "import competitions.api"),
    "a floor without a name": ("floors", "competitions/extras", "import json"),
    "the scale meets Django": ("scale", "evaluator/registry", "import django"),
    "the words meet Celery": ("scale", "assay/money", "import celery"),
    "the intake reads with a foreign library": (
        "intake",
        "evaluator/intake/header",
        "import safetensors",
    ),
    "a score needs torch": ("engine", "evaluator/engine/model", "import torch"),
    "a worker needs torch": ("worker", "evaluator/task/prepare", "import torch"),
    "a client needs a tokenizer": ("client", "evaluator/score/judging", "import tokenizers"),
    "the site loads torch": ("site", "competitions/queries/contests", "import torch"),
    "the command line loads peft": ("site", "assay/client", "import peft"),
    "a rule of competitions meets Django": ("rules", "competitions/rules", "import django.db"),
    "a rule of licensing meets Django": ("rules", "licensing/rules", "import django.db"),
    "a rule of ledger meets a table": ("rules", "ledger/rules", "import ledger.models"),
    "the auditor meets Django": ("rules", "audit", "from ledger import queries"),
    "an action starts a task": ("hands", "competitions/actions", "from celery import Celery"),
    "the face starts a task": ("hands", "web/api", "import celery"),
    "the sandbox meets a table": ("sandbox", "workers/sandbox/runner", "import ledger.models"),
    "the sandbox meets the network": ("sandbox", "workers/sandbox/runner", "import httpx2"),
    "a task reads competitions": (
        "competitions-tables",
        "workers/tasks",
        "import competitions.models",
    ),
    "the contest reads licensing": (
        "licensing-tables",
        "competitions/queries/contests",
        "import licensing.models",
    ),
    "the rights read the ledger": (
        "ledger-tables",
        "licensing/queries",
        "from ledger.models import Account",
    ),
}


# --- imports --------------------------------------------------------------------------------------


def lint_imports(where: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(where)}  # noqa: TID251 - for a child process
    return subprocess.run(
        command, cwd=where, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def model_house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the rooms, in which nothing is wrong yet; reading it once fills its cache."""
    copy = tmp_path_factory.mktemp("model") / "house"
    for room in ROOMS:
        only_python = shutil.ignore_patterns("__pycache__", "templates", "static")
        shutil.copytree(HOUSE / room, copy / room, ignore=only_python)
    shutil.copy(HOUSE / "pyproject.toml", copy)
    answer = lint_imports(copy)
    assert answer.returncode == 0, answer.stdout
    return copy


@pytest.fixture
def planted(model_house: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """Plant one breach for one test; the contract that must refuse it is given."""
    contract, name, line = BREACHES[request.param]
    parts = sorted((model_house / name).glob("[!_]*.py"))
    file = parts[0] if parts else model_house / f"{name}.py"
    before = file.read_bytes() if file.exists() else None
    assert before is not None or request.param == "a floor without a name", f"{name} is not there"
    file.write_bytes((before or b"") + f"\n{line}\n".encode())
    yield contract
    if before is None:
        file.unlink()
    else:
        file.write_bytes(before)


def test_every_import_contract_holds():
    answer = lint_imports(HOUSE, "--no-cache")
    assert answer.returncode == 0, answer.stdout


def test_every_contract_has_a_planted_breach():
    assert {contract for contract, _, _ in BREACHES.values()} == set(CONTRACTS)


@pytest.mark.parametrize("planted", BREACHES, indirect=True)
def test_a_planted_breach_is_refused(planted, model_house):
    answer = lint_imports(model_house, "--contract", planted)
    assert answer.returncode == 1, answer.stdout
    assert f"{CONTRACTS[planted]} BROKEN" in answer.stdout


def test_no_import_hides_in_a_function():
    hidden = [
        f"{path.relative_to(HOUSE)}:{line}"
        for path in WRITTEN + TESTS
        for line in seen(path).hidden
    ]
    assert hidden == []


# --- sizes and names ------------------------------------------------------------------------------


class Function(NamedTuple):
    """Where a function is, how many lines after its first it has, and how deep it nests."""

    place: str
    lines: int
    depth: int


class Seen(NamedTuple):
    """What the tests below ask of a file: it is parsed once for all of them.

    hidden  lines of imports inside functions     codes  (error code, class) pairs
    """

    functions: list[Function]
    hidden: list[int]
    codes: list[tuple[str, str]]


@cache
def seen(path: Path) -> Seen:
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    outer = [one for one in nodes if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
    imports = (ast.Import, ast.ImportFrom)
    hidden = {one.lineno for each in outer for one in ast.walk(each) if isinstance(one, imports)}
    classes = [one for one in nodes if isinstance(one, ast.ClassDef)]
    return Seen(
        [function(path, one) for one in outer],
        sorted(hidden),
        [(code, one.name) for one in classes for code in own_code(one)],
    )


def function(path: Path, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Function:
    place = f"{path.relative_to(HOUSE)}:{node.lineno} {node.name}"
    return Function(place, (node.end_lineno or node.lineno) - node.lineno, depth(node))


def depth(node: ast.AST, *, is_elif: bool = False) -> int:
    """How many blocks stand inside each other below a node; `elif` is no level of its own."""
    deepest = 0
    for child in ast.iter_child_nodes(node):
        chained = isinstance(node, ast.If) and [child] == node.orelse and isinstance(child, ast.If)
        deepest = max(deepest, depth(child, is_elif=chained))
    return deepest + (isinstance(node, NESTS) and not is_elif)


def too_long(paths: list[Path], limit: int) -> list[str]:
    return [one.place for path in paths for one in seen(path).functions if one.lines >= limit]


def test_no_file_passes_400_lines():
    paths = WRITTEN + TESTS + sorted((HOUSE / "requirements").glob("*.py"))
    long = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in paths}
    assert [f"{path} {lines}" for path, lines in long.items() if lines > FILE_LINES] == []


def test_no_function_passes_60_lines():
    assert too_long(WRITTEN, FUNCTION_LINES) == []


def test_no_test_passes_100_lines():
    assert too_long(TESTS, TEST_LINES) == []


def test_no_function_nests_deeper_than_three_blocks():
    all_of_them = [one for path in WRITTEN for one in seen(path).functions]
    assert [one.place for one in all_of_them if one.depth > NESTING] == []


def test_no_file_or_folder_has_a_name_that_says_nothing():
    parts = {part for path in SOURCES + TESTS for part in path.relative_to(HOUSE).parts}
    assert {Path(part).stem for part in parts} & BANNED_NAMES == set()


def test_the_init_file_of_every_room_is_empty():
    # config's is the exception that Celery asks for: it names the app.
    rooms = [room for room in ROOMS if room != "config"]
    assert [room for room in rooms if (HOUSE / room / "__init__.py").read_text() != ""] == []


def project_files() -> list[Path]:
    """Every text file that belongs to the project: what git has, or would take."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(command, cwd=HOUSE, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        found = [HOUSE / name for name in done.stdout.split("\0") if name]
    else:  # a tree without git: the sources are enough
        found = [*SOURCES, *TESTS, *HOUSE.glob("*.*"), *(HOUSE / "docs").rglob("*.md")]
    return [path for path in found if path.is_file()]


def test_no_file_names_a_path_of_one_machine():
    found = [
        f"{path.relative_to(HOUSE)}: {hit.group()}"
        for path in project_files()
        if b"\0" not in path.read_bytes()[:1024]
        and (hit := MACHINE_PATHS.search(path.read_text(encoding="utf-8", errors="replace")))
    ]
    assert found == []


# --- errors, tables, versions ---------------------------------------------------------------------


def error_codes() -> list[tuple[str, str]]:
    """Every class that has a `code` of its own, with the class's name."""
    return [pair for path in WRITTEN for pair in seen(path).codes]


def own_code(node: ast.ClassDef) -> Iterator[str]:
    """The text that a class body gives to `code`, alone or as `code, status = ...`."""
    for line in node.body:
        if not isinstance(line, ast.Assign):
            continue
        target, value = line.targets[0], line.value
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            pairs = zip(target.elts, value.elts, strict=True)
        else:
            pairs = iter([(target, value)])
        for name, text in pairs:
            is_code = isinstance(name, ast.Name) and name.id == "code"
            if is_code and isinstance(text, ast.Constant) and isinstance(text.value, str):
                yield text.value


def test_every_error_code_belongs_to_one_class():
    twice = [
        code for code, count in Counter(code for code, _ in error_codes()).items() if count > 1
    ]
    assert twice == []


def test_every_error_code_reads_room_dot_what():
    odd = [code for code, _ in error_codes() if not re.fullmatch(r"[a-z]+\.[a-z0-9_]+", code)]
    assert odd == []


def test_every_error_code_is_documented():
    documented = (HOUSE / "docs" / "errors.md").read_text(encoding="utf-8")
    missing = [code for code, _ in error_codes() if f"`{code}`" not in documented]
    assert missing == []


def test_the_newest_version_of_the_changelog_is_the_package():
    headings = re.findall(r"^## \[(\d[^\]]*)\]", (HOUSE / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == PROJECT["project"]["version"]


@pytest.mark.parametrize("name", ["client", "worker", "train", "dev"])
def test_a_lock_holds_every_pin_and_no_cuda(name):
    lock = (HOUSE / "requirements" / f"{name}.lock").read_text()
    locked = dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", lock, re.MULTILINE))
    assert [each for each in locked if each.startswith(("torch", "nvidia-", "triton"))] == []
    pins = re.findall(
        r"^([A-Za-z0-9._-]+)(?:\[\w+\])?==(\S+)$",
        (HOUSE / "requirements" / f"{name}.txt").read_text(),
        re.MULTILINE,
    )
    wanted = [pin for pin in pins if pin[0] != "torch"]
    assert wanted
    assert {locked[package.lower()] == version for package, version in wanted} == {True}
