"""What a sponsor may choose of a task, checked before a worker pins it."""

import json
import re
from collections.abc import Mapping

from evaluator.bases import Base
from evaluator.evaluators.form import Evaluator

SANDBOX_LEVELS = ("seccomp", "landlock", "nocgroup", "full")  # from weak to strong
SANDBOX_WORDS = (  # what each adds to those before it
    "limits, and few system calls, none of which opens a file",
    "no right to any file, port or process",
    "a world of its own, without files and network",
    "memory and processes bounded by the kernel too",
)
CUSTOM_WORDS = "custom code: sponsor-controlled"
GENERIC_WORDS = "generic: slower, not exact"
TASK_OPTION = "task"  # the option that a task file fills
CODE_FILE = "score.py"  # the sponsor's own code among a competition's files
MOST_TEXT_BYTES = 64 << 10  # of code, and of a task file
_PAIR = re.compile(r"([a-z][a-z0-9_]{0,39})\s*=\s*([^\s-][^\r\n\x00]{0,79})")


def read_pairs(text: str) -> dict[str, str]:
    """`name = value`, one a line, as a mapping; a value in double quotes is JSON.

    raises ValueError with the line that is none
    """
    found: dict[str, str] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        pair = _PAIR.fullmatch(line)
        value = _plain(pair[2].strip()) if pair else None
        if pair is None or value is None or pair[1] in found:
            raise ValueError(line[:60])
        found[pair[1]] = value
    return found


def _plain(value: str) -> str | None:
    """The text of a value, such as `" "`, which would lose its space without quotes."""
    if not value.startswith('"'):
        return value
    try:
        found = json.loads(value)
    except ValueError:
        return None
    return found if isinstance(found, str) else None


def misfits(base: Base, evaluator: Evaluator, chosen: Mapping[str, object]) -> dict[str, str]:
    """Field -> what is wrong, of choices that are each fine and do not fit together.

    chosen  columns and options, as the form cleaned them; code and task: is there a file?
    """
    found = {}
    if not evaluator.fits(base.shape):
        found["metric"] = f"{base.name} cannot be asked for this. Choose another metric or base."
    columns = (*evaluator.columns, *evaluator.optional)
    options = [name for name in evaluator.options if name != TASK_OPTION]
    for field, known in (("columns", columns), ("options", options)):
        odd = set(_named(chosen.get(field))) - set(known)
        if odd:
            names = ", ".join(known) or "none"
            found[field] = f"There is no {min(odd)}. This metric has: {names}."
    missing = [name for name in text_files(evaluator) if not chosen.get(name)]
    return found | dict.fromkeys(missing, "This metric needs it. Choose a file.")


def text_files(evaluator: Evaluator) -> tuple[str, ...]:
    """The files besides the slices that a task of this evaluator is made of: code, task."""
    needed = {"code": evaluator.needs_code, "task": TASK_OPTION in evaluator.options}
    return tuple(name for name, is_needed in needed.items() if is_needed)


def words_of(*, is_generic: bool, is_custom: bool) -> list[str]:
    """What must be said wherever scores of such a task are shown."""
    return [GENERIC_WORDS] * is_generic + [CUSTOM_WORDS] * is_custom


def _named(value: object) -> Mapping[str, str]:
    return value if isinstance(value, dict) else {}
