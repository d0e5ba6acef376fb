"""docs/tutorials/commercial-use.md, run as it is written."""

import contextlib
import io
import re

import pytest
from django.conf import settings
from django.utils import timezone

from config import env
from licensing import actions, models
from tests import factories
from tests.licensing import market

PAGE = (env.HOUSE / "docs" / "tutorials" / "commercial-use.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(console|python)\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def work(site):
    """A data work whose file is there, for sale to businesses."""
    market.people()
    file = factories.blob("one\n", owner="author", is_public=True).sha256
    tags = (*market.ASSAY, ("Commercial-Use", "Allowed-With-Fee-One-Time-10"))
    return market.register("author", f"data:{file}", "data", tags)


def test_the_tutorial_for_a_business_does_what_it_says(site, run, work, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told, printed = [], io.StringIO()
    for kind, text in BLOCKS:
        if kind == "python":
            [key] = (tmp_path / "home").rglob("*.key")
            names = {"KEY": key, "ORIGIN": settings.LOG_ORIGIN, "WORK": work, "URL": site}
            with contextlib.redirect_stdout(printed):
                exec(compile(text, "tutorial", "exec"), names)
            continue
        for line in text.splitlines():
            words = line.removeprefix("$ assay ").replace("WORK", work).split()
            done = run(*words, url=site)
            assert done.exit_code == 0, (line, done.output)
            told.append(done.output)
            if words[:2] == ["auth", "login"]:
                factories.account("firm", "100")
    assert printed.getvalue() == "5000 pico-tokens for ten calls\n"
    assert work in told[2]
    assert (tmp_path / "model").exists()
    channel = models.Channel.objects.get()
    actions.settle_channel(channel.pk, now=timezone.now())
    assert models.Usage.objects.get().gross_nano == 5
