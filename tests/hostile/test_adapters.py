"""Every threat of the intake, with the code that refuses it; and that nothing ever crashes it."""

import json
import re
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluator.errors import AdapterRefused
from evaluator.intake import Admitted, admit
from tests.evaluator import makers
from tests.hostile import hostile_adapters
from tests.hostile.hostile_adapters import ALL, CONFIG, TENSORS, entry
from tests.hostile.hostile_configs import IGNORED, REDOS

TASK = makers.manifest()
HONEST = admit(CONFIG, TENSORS, TASK)
BY_FOLDER = {"adapter.file_kind", "adapter.file_missing", "adapter.file_unknown"}  # the other file
PATTERNS = (
    "target_modules", "exclude_modules", "modules_to_save", "layers_pattern", "rank_pattern",
    "alpha_pattern",
)  # fmt: skip


def verdict(config, tensors):
    with pytest.raises(AdapterRefused) as refused:
        admit(config, tensors, TASK)
    document = refused.value.as_dict()
    assert document["message"].isascii()
    assert document["message"].isprintable()
    assert document["next"]
    assert len(json.dumps(document)) < 2000
    return document["code"]


@pytest.mark.parametrize("name", ALL)
def test_hostile_adapters_are_refused_by_code(name):
    case = ALL[name]
    assert verdict(case.config, case.tensors) == f"adapter.{case.code}"


def test_every_verdict_of_the_intake_has_an_adapter_that_gets_it():
    known = {each.code for each in AdapterRefused.__subclasses__()}
    assert {f"adapter.{case.code}" for case in ALL.values()} == known - BY_FOLDER
    assert len(ALL) >= 60


def test_every_line_of_the_threat_table_names_verdicts_that_exist(house):
    page = (house / "docs" / "evaluator.md").read_text()
    table = page[page.index("| threat |") : page.index("`adapter.refused`")]
    named = set(re.findall(r"`(adapter\.[a-z_]+)`", table))
    assert named == {each.code for each in AdapterRefused.__subclasses__()}


@pytest.mark.parametrize("field", PATTERNS)
def test_no_field_takes_a_pattern_as_text_list_or_table(field):
    are_named = field in ("target_modules", "exclude_modules")  # the tensors say which they are
    for value in (REDOS, [REDOS], {REDOS: 1}):
        if are_named and (value == REDOS or (field == "exclude_modules" and value == [REDOS])):
            assert admit(makers.adapter(**{field: value})[0], TENSORS, TASK) == replace(
                HONEST, ignored=("exclude_modules",) if field == "exclude_modules" else ()
            )
            continue
        code = verdict(makers.adapter(**{field: value})[0], TENSORS)
        assert code == f"adapter.{'targets' if field == 'target_modules' else 'config_field'}"


@pytest.mark.parametrize("name", IGNORED)
def test_what_changes_no_number_gives_the_same_adapter(name):
    assert admit(makers.adapter(**IGNORED[name])[0], TENSORS, TASK).sha256 == HONEST.sha256


def test_no_pattern_can_be_run_where_none_is_compiled(house):
    """Only strict.py has regular expressions, and all of them are its own."""
    rooms = [
        one for one in (house / "evaluator" / "intake").glob("*.py") if one.name != "strict.py"
    ]
    assert len(rooms) > 10
    for one in rooms:
        text = one.read_text()
        assert not {"import re", "import fnmatch", "from re"} & set(text.splitlines())
        assert "eval(" not in text


def test_the_first_failure_in_the_order_of_the_intake_is_the_verdict():
    assert verdict(b"[]", b"1234") == "adapter.json"
    assert verdict(b"[]", b"\0" * 3_000_001) == "adapter.file_size"
    assert verdict(makers.adapter(r=99, peft_type="X")[0], b"1234") == "adapter.peft_type"
    assert verdict(CONFIG, b"1234") == "adapter.layout"
    two = makers.safetensors(makers.tensors(), extra=hostile_adapters.EMPTY)
    assert verdict(CONFIG, two.replace(b"layer.5.", b"layer.6.")) == "adapter.key_missing"


def test_a_missing_tensor_is_named_with_what_stands_in_its_place():
    raw = hostile_adapters.renamed("lora_A", "lora_a")
    with pytest.raises(AdapterRefused) as refused:
        admit(CONFIG, raw, TASK)
    assert "layer.4.attention.self.value.lora_A.weight" in str(refused.value)
    assert "layer.4.attention.self.value.lora_a.weight" in refused.value.next_step


# --- laws -----------------------------------------------------------------------------------------


def judged(config, tensors):
    """Admitted, or refused by code: anything else escapes and fails the law."""
    with suppress(AdapterRefused):
        found = admit(config, tensors, TASK)
        assert isinstance(found, Admitted)
        return found
    return None


flips = st.lists(
    st.tuples(st.integers(0, len(TENSORS)), st.integers(0, 255)), min_size=1, max_size=8
)


def flipped(raw, changes):
    spoiled = bytearray(raw)
    for place, value in changes:
        spoiled[place % len(raw)] = value
    return bytes(spoiled)


@settings(max_examples=150, deadline=None)
@given(flips, flips)
def test_no_changed_bytes_crash_the_intake(in_config, in_tensors):
    judged(flipped(CONFIG, in_config), TENSORS)
    judged(CONFIG, flipped(TENSORS, in_tensors))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1100), st.integers(0, 255)), min_size=1, max_size=8))
def test_no_changed_bytes_in_the_header_crash_the_intake(changes):
    judged(CONFIG, flipped(TENSORS, changes))


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(TENSORS) - 1), st.integers(0, len(CONFIG) - 1))
def test_a_file_that_is_cut_anywhere_is_refused(in_tensors, in_config):
    assert judged(CONFIG, TENSORS[:in_tensors]) is None
    assert judged(CONFIG[:in_config], TENSORS) is None


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(TENSORS)), st.binary(min_size=1, max_size=300))
def test_a_file_with_bytes_put_in_is_never_taken(place, more):
    assert judged(CONFIG, TENSORS[:place] + more + TENSORS[place:]) is None


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.binary(max_size=300))
def test_no_bytes_at_all_crash_the_intake(first, second):
    judged(first, TENSORS)
    judged(CONFIG, second)
    judged(CONFIG, makers.with_header(first, second))


plain = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([10**400, -(10**400), 2**63, 2**64, "\ud800"])
)
anything = st.recursive(
    plain,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(makers.config())), anything)
def test_no_value_of_a_config_field_crashes_the_intake(name, value):
    judged(json.dumps(makers.config() | {name: value}).encode(), TENSORS)


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(sorted(makers.tensors())),
    st.sampled_from(["dtype", "shape", "data_offsets"]),
    anything,
)
def test_no_value_of_a_header_field_crashes_the_intake(name, field, value):
    judged(CONFIG, entry(name, **{field: value}))
