"""The reference pages say what the code says."""

import pytest
from django.core.management import call_command

from assay.messages.kinds import KINDS
from config import env
from config.reference.errors import error_classes
from config.reference.pages import FOLDER, pages, stale


def test_the_reference_pages_are_up_to_date():
    assert stale(pages(), FOLDER) == [], "run `make docs`"


def test_the_same_code_gives_the_same_pages():
    assert pages() == pages()


def test_a_page_that_says_something_else_is_found(tmp_path, monkeypatch):
    found = pages()
    for name, text in found.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr("config.management.commands.docs.FOLDER", tmp_path)
    call_command("docs", check=True)
    page = tmp_path / "settings.md"
    page.write_text(page.read_text(encoding="utf-8").replace("ASSAY_DATA", "ASSAY_DATE"))
    (tmp_path / "cli.md").unlink()
    with pytest.raises(SystemExit) as ended:
        call_command("docs", check=True)
    assert ended.value.code == 1
    assert sorted(stale(found, tmp_path)) == ["cli.md", "settings.md"]
    call_command("docs")
    assert stale(found, tmp_path) == []


def test_every_error_says_what_it_means_and_has_a_room():
    silent = [one.code for one in error_classes() if not (one.__doc__ or "").strip()]
    assert silent == []


def test_every_kind_and_every_variable_is_on_its_page():
    found = pages()
    assert [kind for kind in KINDS if f"### `{kind}`" not in found["messages.md"]] == []
    names = [name for name, _, _ in env.meanings()]
    assert [name for name in names if f"`{name}`" not in found["settings.md"]] == []


def test_no_page_shows_a_folder_of_this_machine():
    shown = [name for name, text in pages().items() if str(env.HOUSE) in text or "/root" in text]
    assert shown == []
