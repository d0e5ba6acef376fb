"""JSON that two parsers cannot read in two ways."""

import json
import re
from collections import Counter
from itertools import accumulate

from evaluator.errors import AdapterJson
from evaluator.intake.names import shown

MOST_DEPTH = 8
# 256 KiB hold fewer than 6,000 tensor entries of six brackets each: what has more is no header.
MOST_BRACKETS = 40_000
# An open string eats the rest, and nothing is tried twice: linear.
_STRINGS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_NOT_BRACKETS = bytes(set(range(256)) - set(_STEPS))


def read_object(raw: bytes, file: str) -> dict[str, object]:
    """The JSON object in `raw`.

    raises AdapterJson for bytes that are not UTF-8 or not JSON, a name given twice, NaN and
           Infinity, nesting deeper than 8, brackets without end, numbers of thousands of digits,
           anything but an object
    """

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) != len(pairs):
            ((twice, _),) = Counter(name for name, _ in pairs).most_common(1)
            raise _refusal(file, f"the name {shown(twice)} stands twice")
        return found

    def no_number(literal: str) -> object:
        raise _refusal(file, f"{literal} is not a JSON number")

    brackets = _STRINGS.sub(b"", raw).translate(None, _NOT_BRACKETS)
    if len(brackets) > MOST_BRACKETS:
        raise _refusal(file, f"there are more than {MOST_BRACKETS} brackets")
    if _depth(brackets) > MOST_DEPTH:
        raise _refusal(file, f"brackets nest deeper than {MOST_DEPTH}")
    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=once, parse_constant=no_number)
    except ValueError as error:  # bad UTF-8, bad JSON, an integer of more than 4300 digits
        raise _refusal(file, "the bytes are not UTF-8 JSON") from error
    if not isinstance(value, dict):
        raise _refusal(file, "the value is not an object")
    return value


def _depth(brackets: bytes) -> int:
    """How deep they nest; whether they match, the parser says."""
    return max(accumulate(map(_STEPS.__getitem__, brackets)), default=0)


def _refusal(file: str, problem: str) -> AdapterJson:
    return AdapterJson(f"{file} is not strict JSON: {problem}.", file=file, problem=problem)
