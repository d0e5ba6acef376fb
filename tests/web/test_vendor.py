"""Vendored files are exactly those that vendor.json and the lock name."""

import json
import re
from base64 import b64encode
from hashlib import sha384

import pytest

from assay.canonical import sha256_file


@pytest.fixture
def vendor(house):
    return house / "web" / "static" / "web" / "vendor"


def test_every_vendored_file_has_the_hash_that_is_written_down(vendor):
    for entry in json.loads((vendor / "vendor.json").read_text()):
        file = vendor / entry["file"]
        integrity = "sha384-" + b64encode(sha384(file.read_bytes()).digest()).decode()
        assert (sha256_file(file), integrity) == (entry["sha256"], entry["integrity"])


def test_no_file_lies_there_that_vendor_json_does_not_name(vendor):
    named = {entry["file"] for entry in json.loads((vendor / "vendor.json").read_text())}
    assert {file.name for file in vendor.iterdir()} == {*named, "vendor.json"}


def test_vendored_versions_are_those_of_the_lock(vendor, house):
    packages = json.loads((house / "package-lock.json").read_text())["packages"]
    for entry in json.loads((vendor / "vendor.json").read_text()):
        assert packages[f"node_modules/{entry['name']}"]["version"] == entry["version"]


def test_the_stylesheet_loads_nothing_from_elsewhere_and_every_file_it_names_exists(house):
    folder = house / "web" / "static" / "web"
    sources = re.findall(r"url\(\"?([^)\"]+)", (folder / "assay.css").read_text())
    assert sources
    assert all((folder / source).is_file() for source in sources)


def test_a_page_with_its_scripts_stays_below_100_kb(house):
    folder = house / "web" / "static" / "web"
    loaded = ("assay.css", "assay.js", "vendor/htmx.min.js", "vendor/instrument-sans.woff2")
    assert sum((folder / name).stat().st_size for name in loaded) < 100_000
