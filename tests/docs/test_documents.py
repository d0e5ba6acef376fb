"""The documents hold together: links lead somewhere, citations are true, code in them is real."""

import ast
import importlib
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import env
from tests.docs.worked import documents

DOCS = env.HOUSE / "docs"
LINK = re.compile(r"(!?)\[[^\]]*\]\(([^)\s]+)\)")
CITED = re.compile(
    r"docs/[a-z-]+(?:/[a-z0-9-]+)?\.(?:md|json)(?:,? (?:section )?([0-9]+(?:\.[0-9]+)?))?"
)
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
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)
PATHS = re.compile(
    r"`((?:tests|config|workers|competitions|licensing|ledger|web|evaluator|assay)/[^`<> ]*)`"
)
NAMES = [str(path.relative_to(env.HOUSE)) for path in documents()]


def slug(heading: str) -> str:
    """The anchor that a Markdown reader gives to a heading."""
    kept = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return kept.replace(" ", "-")


def headings(path: Path) -> list[str]:
    return re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("name", NAMES)
def test_every_link_leads_somewhere(name):
    page = env.HOUSE / name
    broken = []
    for image, target in LINK.findall(page.read_text(encoding="utf-8")):
        address, _, anchor = target.partition("#")
        place = (page.parent / address) if address else page
        if target.startswith("http") or (image and not (DOCS / "images").is_dir()):
            continue
        anchors = [slug(one) for one in headings(place)] if place.suffix == ".md" else []
        if not place.exists() or (anchor and anchor not in anchors):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("name", NAMES)
def test_every_path_that_a_document_names_is_there(name):
    named = PATHS.findall((env.HOUSE / name).read_text(encoding="utf-8"))
    missing = [path for path in named if "{" not in path and not (env.HOUSE / path).exists()]
    assert missing == []


def citations() -> Iterator[tuple[str, str, str]]:
    """(where, document, section) of every citation of a document in the code."""
    for room in (*ROOMS, "tests"):
        for path in sorted((env.HOUSE / room).rglob("*.py")):
            for hit in CITED.finditer(path.read_text(encoding="utf-8")):
                document = re.match(r"[^ ,]+", hit.group())
                assert document is not None
                yield str(path.relative_to(env.HOUSE)), document.group(), hit.group(1) or ""


def test_every_document_and_section_that_the_code_cites_is_there():
    wrong = []
    for where, document, section in citations():
        page = env.HOUSE / document
        starts = [one.split(" ")[0].rstrip(".") for one in headings(page)] if page.is_file() else []
        if not page.is_file() or (section and section not in starts):
            wrong.append(f"{where}: {document} {section}")
    assert wrong == []


@pytest.mark.parametrize(
    "name", [name for name in NAMES if "```python" in (env.HOUSE / name).read_text()]
)
def test_the_names_in_a_documents_code_exist(name):
    for code in PYTHON.findall((env.HOUSE / name).read_text(encoding="utf-8")):
        for node in ast.walk(ast.parse(code)):
            if (
                isinstance(node, ast.ImportFrom)
                and node.module
                and node.module.split(".")[0] in ROOMS
            ):
                module = importlib.import_module(node.module)
                assert [one.name for one in node.names if not hasattr(module, one.name)] == []


def test_decisions_are_numbered_without_a_gap_and_listed():
    files = sorted(path.name for path in (DOCS / "decisions").glob("0*.md"))
    assert [name[:4] for name in files] == [f"{number:04}" for number in range(1, len(files) + 1)]
    listed = (DOCS / "decisions" / "README.md").read_text(encoding="utf-8")
    assert [name for name in files if f"]({name})" not in listed] == []


@pytest.mark.parametrize(
    "path", sorted((DOCS / "decisions").glob("0*.md")), ids=lambda path: path.stem
)
def test_a_decision_says_what_why_what_else_and_what_would_change_our_mind(path):
    text = path.read_text(encoding="utf-8")
    parts = ("**What.**", "**Why.**", "**What else.**", "**What would change our mind.**")
    assert [part for part in parts if part not in text] == []


def test_the_newest_heading_of_the_changelog_is_the_packages_version():
    found = re.findall(r"^## \[([^\]]+)\]", (env.HOUSE / "CHANGELOG.md").read_text(), re.MULTILINE)
    project = tomllib.loads((env.HOUSE / "pyproject.toml").read_text())["project"]
    assert next(one for one in found if one != "Unreleased") == project["version"]
