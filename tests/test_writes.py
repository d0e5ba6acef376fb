"""Tables are written by actions and by the fold's writer alone: doors, queries and rules never."""

import ast
import re
from pathlib import Path

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

# Who may write a table, and why. A folder ends with a slash.
WRITERS = {
    "competitions/actions/": "the contest's actions",
    "licensing/actions/": "indexes for lists, and counted use: neither follows from the log",
    "ledger/actions/": "the record's actions",
    "ledger/log/": "the fold's writer: the only one of tables that follow from the log",
    "ledger/sequencer/": "gives messages their places",
    "web/auth.py": "sign-in and tokens, which do not follow from the log",
    "web/budgets.py": "what was spent of the site's budgets",
    "web/codes.py": "codes of the sign-in, which do not follow from the log",
    "config/scratch.py": "fills the scratch database of a replay",
}
READERS = {"licensing/queries/ranked.py": "adds up and orders what is due by one SELECT"}
ALWAYS = frozenset({
    "get_or_create", "update_or_create", "bulk_create", "bulk_update",
    "aget_or_create", "aupdate_or_create", "abulk_create", "abulk_update",
    "acreate", "aupdate", "adelete", "asave",
})  # fmt: skip
MANAGERS = frozenset({"objects", "_default_manager", "_base_manager"})
SQL = frozenset({"execute", "executemany", "executescript", "copy"})


def writes(source: str, *, reads_by_sql: bool = False) -> list[int]:
    """Lines that write a table through the ORM, or by SQL on Django's connection."""
    tree = ast.parse(source)
    uses_connection = not reads_by_sql and any(
        isinstance(node, ast.ImportFrom)
        and node.module == "django.db"
        and {one.name for one in node.names} & {"connection", "connections"}
        for node in ast.walk(tree)
    )
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    return sorted(call.lineno for call in calls if _writes(call, uses_connection=uses_connection))


def _writes(call: ast.Call, *, uses_connection: bool) -> bool:
    if not isinstance(call.func, ast.Attribute):
        return False
    name, on_manager = call.func.attr, bool(MANAGERS & _chain(call.func.value))
    has_names_only = bool(call.keywords) and not call.args
    return (
        name in ALWAYS
        or (name in {"create", "raw"} and on_manager)
        # QuerySet.update takes names only; a dict or a hash is updated with a value.
        or (name == "update" and (on_manager or has_names_only))
        # Model.save and .delete take no place; a storage's and a client's do.
        or (name in {"save", "delete"} and not call.args)
        or (name in SQL and uses_connection)
    )


def _chain(node: ast.AST) -> set[str]:
    """The attributes that a call hangs on: of A.objects.filter().update(), objects and filter."""
    found = set()
    while isinstance(node, ast.Attribute | ast.Call | ast.Subscript):
        if isinstance(node, ast.Attribute):
            found.add(node.attr)
        node = node.func if isinstance(node, ast.Call) else node.value
    return found


def breaches(name: str, source: str) -> list[str]:
    """`file:line` of every write in a file whose writer may not."""
    if "/migrations/" in name or name.startswith(tuple(WRITERS)):
        return []
    return [f"{name}:{line}" for line in writes(source, reads_by_sql=name in READERS)]


def test_only_actions_and_the_folds_writer_write_tables():
    files = (path for room in ROOMS for path in sorted((HOUSE / room).rglob("*.py")))
    found = (
        breaches(str(path.relative_to(HOUSE)), path.read_text(encoding="utf-8")) for path in files
    )
    assert [one for each in found for one in each] == []


@pytest.mark.parametrize("name", READERS)
def test_who_reads_by_sql_writes_nothing_by_it(name):
    source = (HOUSE / name).read_text(encoding="utf-8")
    assert re.findall(r"\b(INSERT|UPDATE|DELETE|REPLACE|MERGE|DROP|ALTER|CREATE)\b", source) == []


def test_every_writer_on_the_list_is_there_and_writes():
    idle = [
        name
        for name in WRITERS
        if not any(
            writes(path.read_text(encoding="utf-8"))
            for path in ([HOUSE / name] if name.endswith(".py") else (HOUSE / name).glob("*.py"))
        )
    ]
    assert idle == []


# what is planted: (where, the line)
BREACHES = {
    "a view makes a row": ("ledger/views.py", "Account.objects.create(id='x')"),
    "a query updates": (
        "competitions/queries/contests.py",
        "Submission.objects.filter(pk=1).update(place=1)",
    ),
    "a query updates what it found": ("licensing/queries/works.py", "found.update(title='x')"),
    "the API deletes": ("competitions/api/entries.py", "Draft.objects.all().delete()"),
    "a view saves a row": ("licensing/views/works.py", "row.save()"),
    "a view saves a column": ("licensing/views/works.py", "row.save(update_fields=['state'])"),
    "a form deletes a row": ("licensing/forms.py", "row.delete()"),
    "a task makes many": ("workers/tasks.py", "Evaluation.objects.bulk_create([])"),
    "a model's other manager": ("ledger/api/files.py", "Blob._base_manager.create(pk='x')"),
    "through get_model": (
        "workers/clock.py",
        "apps.get_model('ledger.Account').objects.update_or_create(pk='x')",
    ),
    "by SQL": (
        "ledger/queries.py",
        "from django.db import connection\nconnection.cursor().execute('DELETE FROM x')",
    ),
    "in an async view": ("ledger/views.py", "Account.objects.aupdate_or_create(pk='x')"),
    "a command": ("config/management/commands/found.py", "Account.objects.create(pk='x')"),
    "a rule": ("ledger/rules/books.py", "rows.objects.filter().delete()"),
}
HARMLESS = [
    "sha.update(chunk)", "found.update({'a': 1})", "default_storage.save(place, file)",
    "default_storage.delete(place)", "client.delete(path)", "Account.objects.filter(pk=1).first()",
    "cursor.execute('SELECT 1')", "names.update(one.id for one in rows)", "Session.create()",
]  # fmt: skip


@pytest.mark.parametrize("name", BREACHES)
def test_a_planted_write_is_refused(name):
    place, line = BREACHES[name]
    planted = f"{(HOUSE / place).read_text(encoding='utf-8')}\n{line}\n"
    assert breaches(place, planted) == [f"{place}:{len(planted.splitlines())}"]


@pytest.mark.parametrize("line", HARMLESS)
def test_what_writes_no_table_is_let_pass(line):
    assert writes(line) == []
