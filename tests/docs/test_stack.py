"""docs/stack.md names every package that we pin, in its version and under its licence."""

import re
from importlib.metadata import files, metadata

import pytest

from config import env
from tests.docs.worked import tables

PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[\w+\])?==(\S+)$", re.MULTILINE)
LISTS = ("client", "miner", "web", "worker", "train", "build", "tools", "dev")
SPELLINGS = {
    "BSD-3-Clause": ("BSD-3-Clause", "BSD", "BSD (3-clause)"),
    "BSD-2-Clause": ("BSD-2-Clause", "BSD 2-Clause"),
    "Apache-2.0": ("Apache-2.0", "Apache 2.0", "Apache Software License", "Apache"),
}


def pins() -> dict[str, str]:
    files = (env.HOUSE / "requirements" / f"{name}.txt" for name in LISTS)
    return dict(pin for file in files for pin in PIN.findall(file.read_text()))


def told() -> dict[str, dict[str, str]]:
    found = tables((env.HOUSE / "docs" / "stack.md").read_text(encoding="utf-8"))
    return {row["package"]: row for table in found for row in table if "package" in row}


def test_every_pin_is_on_the_page_in_its_version():
    page = told()
    assert {name: page.get(name, {}).get("version") for name in pins()} == pins()


def test_torch_has_the_version_that_set_up_installs():
    source = (env.HOUSE / "requirements" / "install.py").read_text()
    assert f'TORCH = "{told()["torch"]["version"]}"' in source


@pytest.mark.parametrize("name", pins())
def test_a_licence_is_the_one_that_the_package_names(name):
    about = metadata(name)
    named = " ".join(
        [
            about.get("License-Expression") or "",
            (about.get("License") or "")[:200],
            *[one for one in about.get_all("Classifier") or [] if one.startswith("License")],
        ]
    ).strip() or _title_of_its_licence(name)
    wanted = told()[name]["licence"]
    assert any(one in named for one in SPELLINGS.get(wanted, (wanted,))), named


def _title_of_its_licence(name):
    """Of a package that names its licence by a file alone."""
    texts = [one for one in files(name) or [] if one.name.startswith("LICENSE")]
    return texts[0].read_text().partition("\n")[0] if texts else ""
