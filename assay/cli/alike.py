"""Public adapters of a competition's base, which an entry must not copy: fetched, and named."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from assay.cli import show
from assay.cli.caller import Caller
from assay.client import Client, ClientError

FOLDER = "adapters"  # of a downloaded competition
MOST = 200  # the newest of them; the site compares with all
Item = dict[str, Any]


def public_adapters(client: Client, competition: str, *, owner: str = "") -> list[Item]:
    """The newest adapters that an entry is compared with. owner: whose own are left out

    A site that has no such list has none. raises ClientError
    """
    try:
        listed = client.listed(f"/api/competitions/{competition}/adapters")
        others = (one for one in listed if one["owner"] != owner)
        return list(islice(others, MOST))
    except ClientError as error:
        if error.status == 404:
            return []
        raise


def fetch(client: Client, adapters: Sequence[Item], place: Path) -> list[Path]:
    """Their files, those that can be had; place: a folder. What is there is not fetched again."""
    found = []
    for one in adapters:
        name = str(one["adapter_sha256"])
        target = place / f"{name}.blob"
        try:
            client.download(name, target)
        except ClientError:  # withdrawn, or not ours to read: the site has it all the same
            continue
        found.append(target)
    return found


def note_alike(
    caller: Caller, told: Sequence[Item], adapters: Sequence[Item], parents: Sequence[str]
) -> None:
    """Warn of what the site will refuse: a duplicate, or a parent that is not named."""
    known = {str(one["adapter_sha256"]): one for one in adapters}
    for one in told:
        name = str(one["adapter_sha256"])
        if one["kind"] == "duplicate" or known[name]["work"] not in parents:
            show.note(_words(one, known[name]), is_quiet=caller.is_quiet)


def _words(one: Item, other: Item) -> str:
    share = f"{one['two_sided_ppm'] / 10**4:.1f} %"
    layers = f"{one['copied_layers_ppm'] / 10**4:.0f} % of its layers"
    whose = f"{other['title']!r} of {other['owner']} ({other['competition']})"
    if one["kind"] == "duplicate":
        advice = "It will be refused as a duplicate."
    elif other["work"]:
        advice = f"Name it, or it will be refused: --parents {other['work']}"
    else:
        advice = "It is no work that anybody may build on: it will be refused."
    return f"It is {share} like {whose}, with {layers} copied. {advice}"
