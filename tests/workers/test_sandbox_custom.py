"""A sponsor's scoring code: what it may do, what it gives, and whose fault its faults are."""

import importlib
import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.evaluators import custom_code
from workers.sandbox import bubblewrap, custom
from workers.sandbox.custom import CodeError, CustomLimits, Party, score_custom
from workers.sandbox.errors import CodeTooLong
from workers.sandbox.levels import strongest_level
from workers.sandbox.protocol import Status
from workers.sandbox.trial import passed_fresh

OVERLAP = b"""
import re
from difflib import SequenceMatcher
from collections.abc import Mapping

def words(text):
    return re.findall(r"\\w+", text.lower())

def score(prediction, reference):
    print("seen", len(reference["text"]))
    assert isinstance(reference, Mapping)
    return SequenceMatcher(None, words(prediction), words(reference["text"])).ratio()
"""
GET_OS = (
    b"os = [c for c in ().__class__.__base__.__subclasses__()"
    b" if c.__name__ == '_wrap_close'][0].__init__.__globals__\n"
)


@pytest.fixture(params=["fresh", "zygote"])
def backend(request, monkeypatch):
    """Both kinds of jail: with bubblewrap, and what is done where it is absent."""
    if request.param == "zygote":
        monkeypatch.setattr(bubblewrap, "why_not", lambda: "no bubblewrap on PATH")
    elif reason := bubblewrap.why_not():
        pytest.skip(f"no fresh jails on this host: {reason}")
    return request.param


def score(code, examples=1, **limits):
    limits = CustomLimits(**{"wall_s": 5, "cpu_s": 2, "memory_bytes": 64 << 20, **limits})
    return score_custom(code, ["a"] * examples, ["b"] * examples, limits)


def test_every_example_gets_a_number_and_the_sponsor_his_log(backend):
    references = [{"text": "The cat sat"}, {"text": "a dog"}, {"text": "so what"}]
    found = score_custom(OVERLAP, ["the CAT", "a dog!", ""], references)
    assert (found.status, found.charged_to, found.error) == (Status.OK, Party.NOBODY, None), found
    assert found.values_e9 == (800_000_000, 1_000_000_000, 0)
    assert found.log == "seen 11\nseen 5\nseen 7"
    assert found.level is (passed_fresh().level if backend == "fresh" else strongest_level())
    assert len(found.policy_sha256) == 64


def test_the_same_code_gives_the_same_numbers_in_every_process(backend):
    code = b"def score(p, r):\n    return (hash(p) % 1000 + len(set('abc' + p))) / 2000"
    assert score(code, 3).values_e9 == score(code, 3).values_e9


@pytest.mark.parametrize(
    ("code", "message", "line", "example"),
    [
        (b"def score(p, r):\n    x = 1\n    return x / 0", "ZeroDivisionError", 3, 0),
        (b"def score(p, r)\n    return 1", "SyntaxError", 1, -1),
        (b"\n\nimport os", "ImportError: os is not for scoring code", 3, -1),
        (b"import random", "ImportError: random is not for scoring code", 1, -1),
        (b"x = open('/etc/passwd')", "NameError", 1, -1),
        (b"score = 3", "no function score", 0, -1),
        (b"def score(p, r):\n    return 'x'", "gave a str", 0, 0),
        (b"def score(p, r):\n    return 1.5", "gave 1.5, not 0 to 1", 0, 0),
        (b"def score(p, r):\n    return -1", "gave -1.0", 0, 0),
        (b"def score(p, r):\n    return float('nan')", "gave nan", 0, 0),
        (b"def score(p, r):\n    return 10 ** 5000", "OverflowError", 0, 0),
        (b"def score(p, r):\n    return score(p, r)", "RecursionError", 2, 0),
        (b"def score(p, r):\n    raise SystemExit(0)", "SystemExit", 2, 0),
        (b"raise KeyboardInterrupt", "KeyboardInterrupt", 1, -1),
        (b"\x00", "null bytes", 0, -1),
        (b"\xff", "SyntaxError", 1, -1),
    ],
)
def test_a_fault_of_the_code_is_told_with_its_line(code, message, line, example):
    found = score(code)
    assert (found.status, found.charged_to) == (Status.CRASH, Party.SPONSOR), found
    assert found.values_e9 is None
    assert message in found.error.message
    assert (found.error.line, found.error.example) == (line, example)
    assert "custom_code.py" not in found.log
    assert str(custom_code.__file__) not in found.log


ENDLESS = b"def score(p, r):\n    while True: pass"
HOARD = b"def score(p, r):\n    kept = []\n    while True: kept.append(bytearray(1 << 20))"
CHATTER = b"def score(p, r):\n    while True: print('x' * 65536)"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (ENDLESS, Status.TIMEOUT),
        (HOARD, Status.OOM),
        (CHATTER, Status.LOG_LIMIT),
        (GET_OS + b"while True: os['write'](3, b'x' * 65536)", Status.OUTPUT_LIMIT),
        (GET_OS + b"os['_exit'](0)", Status.BAD_OUTPUT),
        (GET_OS + b"os['abort']()", Status.CRASH),
        (GET_OS + b"os['_exit'](137)", Status.CRASH),
        (
            GET_OS + b"os['write'](3, b'{\"predictions\":[[1000000001]]}'); os['_exit'](0)",
            Status.BAD_OUTPUT,
        ),
        (
            GET_OS + b"os['write'](3, b'{\"predictions\":[[1],[1]]}'); os['_exit'](0)",
            Status.BAD_OUTPUT,
        ),
    ],
)
def test_whatever_the_code_does_to_its_jail_is_the_sponsors(code, status, backend):
    found = score(code, wall_s=0.7 if status is Status.TIMEOUT else 10)
    assert (found.status, found.charged_to) == (status, Party.SPONSOR), found
    assert found.values_e9 is None
    assert found.error.message


@pytest.mark.parametrize(
    "attempt",
    [
        b"os['open']('/etc/passwd', 0)",
        b"os['listdir']('/usr')",
        b"os['system']('true') == 0 or 1 / 0",
        b"os['fork']()",
        b"os['kill'](os['getppid'](), 0)",
        b"__import__('math').__loader__.load_module('socket')",
    ],
)
def test_code_that_breaks_out_of_python_is_still_in_the_jail(attempt, backend):
    wrapped = b"\ntry:\n    " + attempt + b"\nexcept BaseException: got = 0\nelse: got = 1\n"
    found = score(GET_OS + wrapped + b"def score(p, r): return got")
    assert found.values_e9 == (0,), found


def test_what_breaks_in_the_chain_is_ours(monkeypatch):
    if reason := bubblewrap.why_not():
        pytest.skip(f"no fresh jails on this host: {reason}")
    passed_fresh()
    monkeypatch.setattr(custom, "SCORER", "evaluator.no_such_scorer")
    found = score(b"def score(p, r): return 1")
    assert (found.status, found.charged_to) == (Status.SETUP_ERROR, Party.US)
    assert "no_such_scorer" in found.setup_error
    assert found.error is None


def test_inputs_of_another_form_never_reach_a_jail():
    with pytest.raises(ValueError, match="2 predictions, 1 references"):
        score_custom(b"", [1, 2], [1])
    with pytest.raises(ValueError, match="JSON"):
        score_custom(b"", [float("nan")], [1])
    with pytest.raises(CodeTooLong) as refused:
        score_custom(b"#" * (custom.MOST_CODE_BYTES + 1), [], [])
    assert refused.value.facts["limit"] == custom.MOST_CODE_BYTES


@given(st.binary(max_size=80) | st.text().map(str.encode))
def test_no_word_of_a_hostile_log_raises(told):
    error = custom._told(told.decode(errors="replace"))
    assert error is None or isinstance(error, CodeError)


@given(st.floats(0, 1) | st.integers(0, 1))
def test_a_number_becomes_the_nearest_part_of_a_billion(value):
    modules = {}
    code = f"def score(p, r): return {value!r}".encode()
    inputs = json.dumps({"predictions": [1], "references": [2]}).encode()
    ((found,),) = custom_code.predict(modules, None, inputs, code)
    assert abs(found - value * 10**9) <= 0.5


def test_every_module_for_scoring_code_is_there_and_of_the_standard_library():
    loaded = custom_code.load_base(None)
    for name in custom_code.MODULES:
        assert loaded[name] is importlib.import_module(name)
        assert name.partition(".")[0] in sys.stdlib_module_names
    alone = (
        "import sys, evaluator.evaluators.custom_code as c; c.load_base(None); print(*sys.modules)"
    )
    there = subprocess.check_output([sys.executable, "-c", alone], text=True).split()
    assert not {"torch", "numpy", "django"} & set(there)
