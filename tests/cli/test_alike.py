"""What is public of a base is fetched before an entry is sent, and named where it is too like."""

from types import SimpleNamespace

import pytest

from assay.cli import alike
from assay.client import Client
from competitions.actions import winners
from licensing.rules.rows import entry_work
from tests import factories

LATER = factories.at(3000)


@pytest.fixture
def opened(site):
    """ada won `docs` and bob lost it; `next` runs on the same base."""
    factories.competition()
    entries = factories.scored("ada", number=0), factories.scored("bob", number=1)
    factories.settle(right={entries[0]: 40, entries[1]: 12})
    winners.license_winners("docs", now=factories.at(620))
    factories.competition("next", "sponsor2", closes_at_ms=factories.ledger_actions.ms(LATER))
    return site


def test_the_public_adapters_of_a_base_are_listed_and_fetched_once(opened, run, tmp_path):
    with Client(opened) as client:
        found = alike.public_adapters(client, "next")
        told = {one["owner"]: (one["competition"], one["work"]) for one in found}
        (work,) = (entry_work(one["submission"]) for one in found if one["owner"] == "ada")
        assert told == {"ada": ("docs", work), "bob": ("docs", "")}
        assert [one["owner"] for one in alike.public_adapters(client, "next", owner="ada")] == [
            "bob"
        ]
        assert alike.public_adapters(client, "docs") == []
    out = tmp_path / "next"
    done = run("competitions", "download", "next", "--adapters", "--out", str(out), url=opened)
    assert done.exit_code == 0
    names = {f"{one['adapter_sha256']}.blob" for one in found}
    assert {one.name for one in (out / alike.FOLDER).iterdir()} == names


def test_a_site_of_an_older_version_has_no_such_list(site):
    with Client(site) as client:
        assert alike.public_adapters(client, "nothing") == []


@pytest.mark.parametrize(
    ("kind", "work", "parents", "said"),
    [
        ("duplicate", "entry:a", ["entry:a"], "refused as a duplicate"),
        ("derived", "entry:a", [], "--parents entry:a"),
        ("derived", "entry:a", ["entry:a"], ""),
        ("derived", "", [], "no work that anybody may build on"),
    ],
)
def test_what_the_site_will_refuse_is_said_before_it_is_sent(capsys, kind, work, parents, said):
    told = {"adapter_sha256": "a", "kind": kind, "two_sided_ppm": 812_345, "copied_layers_ppm": 1}
    public = {"adapter_sha256": "a", "title": "One", "owner": "ada", "competition": "docs"}
    quiet = SimpleNamespace(is_quiet=False)
    alike.note_alike(quiet, [told], [public | {"work": work}], parents)
    shown = capsys.readouterr().err
    assert said in shown
    assert ("81.2 % like" in shown) is bool(said)
