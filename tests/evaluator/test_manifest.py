import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.canonical import canonical, digest
from evaluator.errors import ManifestInvalid
from evaluator.task.manifest import from_json, manifest_sha256, read_manifest, to_bytes, to_json
from tests.evaluator import makers

TASK = makers.manifest()


def test_a_manifest_survives_its_bytes_and_its_hash_is_that_of_the_canonical_json():
    assert read_manifest(to_bytes(TASK)) == TASK
    assert manifest_sha256(TASK) == digest(to_json(TASK))


def test_every_field_is_part_of_the_hash():
    for field in ("engine", "min_sandbox_level"):
        other = to_json(TASK) | {field: "other"}
        assert digest(other) != manifest_sha256(TASK)


def paths(value, path=()):
    if isinstance(value, dict):
        for name, one in value.items():
            yield (*path, name)
            yield from paths(one, (*path, name))


def planted(path, change):
    value = json.loads(canonical(to_json(TASK)))
    holder = value
    for name in path[:-1]:
        holder = holder[name]
    change(holder, path[-1])
    return value


OPEN_TABLES = {"files", "options", "targets", "head"}  # their names are data
FIXED = [path for path in paths(to_json(TASK)) if len(path) == 1 or path[-2] not in OPEN_TABLES]


@pytest.mark.parametrize("path", FIXED, ids=".".join)
def test_a_missing_field_is_refused(path):
    with pytest.raises(ManifestInvalid):
        from_json(planted(path, lambda holder, name: holder.pop(name)))


@pytest.mark.parametrize("path", list(paths(to_json(TASK))), ids=".".join)
@pytest.mark.parametrize("odd", [None, 1.5, True, [{}]], ids=repr)
def test_a_value_of_another_type_is_refused(path, odd):
    if path[-1] == "is_tied" and odd is True:
        return  # its own type
    with pytest.raises(ManifestInvalid):
        from_json(planted(path, lambda holder, name: holder.__setitem__(name, odd)))


@pytest.mark.parametrize("path", FIXED, ids=".".join)
def test_an_extra_field_is_refused(path):
    if path[-1] in OPEN_TABLES:
        return
    with pytest.raises(ManifestInvalid):
        from_json(planted(path, lambda holder, _: holder.__setitem__("surprise", "x")))


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("version", "assay-evaluator/1"),
        ("plan", {"rule": "as-it-comes", "budget_tokens": 512}),
        ("plan", {"rule": "length-sorted-v3", "budget_tokens": 1}),
        ("labels", ["one"]),
        ("labels", ["one", "one"]),
        ("tokenizer", {"sha256": "0", "max_tokens": 513}),
        ("race", {"block": 50, "alpha_ppm": 1000, "places": 3, "order": ""}),
        ("race", {"block": 0, "alpha_ppm": 1000, "places": 3, "order": "0" * 64}),
        ("race", {"block": 50, "alpha_ppm": 10**6, "places": 3, "order": "0" * 64}),
    ],
)
def test_what_this_version_cannot_compute_is_refused(part, value):
    with pytest.raises(ManifestInvalid) as refused:
        makers.manifest(**{part: value})
    assert refused.value.facts["path"].startswith(f"$.{part}")


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200) | st.just(b"[" * 100_000))
def test_no_bytes_crash_the_reader(raw):
    with pytest.raises(ManifestInvalid):
        read_manifest(raw)
