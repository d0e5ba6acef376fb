"""The command line against a live site: a home of its own per test, no keyring, no network."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.utils import timezone
from typer.testing import CliRunner, Result

from assay.cli.main import app
from ledger import actions

Run = Callable[..., Result]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def run(home: Path) -> Run:
    """run("auth", "whoami", url=...): one command, in this test's home."""

    def one(*words: str, url: str = "", token: str = "", **more: str) -> Result:
        told = {"ASSAY_HOME": str(home), "ASSAY_URL": url, "ASSAY_TOKEN": token, **more}
        given = {name: value or None for name, value in told.items()}
        return CliRunner().invoke(app, list(words), env=given)

    return one


@pytest.fixture
def site(transactional_db, live_server):
    """A site whose log has begun."""
    actions.found(now=timezone.now())
    return str(live_server.url)
