"""What a sponsor sets of an evaluator: text in the manifest, checked when a task is prepared."""

import json
from collections.abc import Mapping

from assay.errors import did_you_mean
from evaluator.errors import OptionRefused


def chosen(known: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """The options of a task: the defaults, and over them what the sponsor gave.

    raises OptionRefused for a name that the evaluator does not have
    """
    for name in given:
        if name not in known:
            raise OptionRefused(
                f"There is no option {name!r:.60} here.",
                next_step=did_you_mean(name, known) or OptionRefused.next_step,
                option=name[:60],
                wanted=", ".join(sorted(known)) or "none",
            )
    return {**known, **given}


def number(options: Mapping[str, str], name: str, *, least: int, most: int) -> int:
    """A whole number; raises OptionRefused when it is none, or beyond the limits."""
    text = options[name]
    if text.isascii() and text.isdecimal() and len(text) < 20 and least <= int(text) <= most:
        return int(text)
    raise OptionRefused(
        f"The option {name} is {text!r:.40}, not a whole number from {least} to {most}.",
        option=name,
        wanted=f"{least} to {most}",
    )


def texts(options: Mapping[str, str], name: str, *, most: int) -> tuple[str, ...]:
    """A JSON list of texts, or one plain text; empty: none. raises OptionRefused"""
    text = options[name]
    try:
        found = json.loads(text) if text.startswith("[") else [text] * bool(text)
    except ValueError:
        found = [None]
    if len(found) <= most and all(isinstance(one, str) and one for one in found):
        return tuple(found)
    raise OptionRefused(
        f"The option {name} is no JSON list of at most {most} texts.",
        option=name,
        wanted=f"up to {most} texts",
    )
