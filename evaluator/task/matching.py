"""Which column of a stranger's file holds what an evaluator asks for: said, never guessed twice."""

import re
from collections.abc import Mapping, Sequence

from evaluator.evaluators.form import Evaluator

ALSO_CALLED = {  # the evaluator's name of a column -> what files call it, the likeliest first
    "text": "text sentence review content body comment message document utterance tweet input",
    "label": "label class category target sentiment intent topic labels",
    "prompt": "prompt instruction question input source query text",
    "references": "references reference answers answer target output completion response summary",
    "question": "question query prompt stem input",
    "choices": "choices options endings answers",
    "answer": "answer gold correct label target",
    "query": "query question anchor",
    "relevant": "relevant positive positives document passage",
}


def matched(
    evaluator: Evaluator, there: Sequence[str], given: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """(needed, optional, guessed): the evaluator's name -> the name in the file, where found.

    there    the names in the file
    given    the evaluator's name -> the name in the file, as the sponsor said; taken as it is
    guessed  a sentence for each that has another name there and was not said
    """
    names = [name for name in dict.fromkeys(there) if name]
    known = {*evaluator.columns, *evaluator.optional}
    found = {name: one for name, one in given.items() if name in known}
    found |= {name: name for name in (*evaluator.columns, *evaluator.optional)
              if name in names and name not in found and name not in found.values()}  # fmt: skip
    guessed = []
    for name in evaluator.columns:
        if name not in found:
            one = _likeliest(name, [each for each in names if each not in found.values()])
            if one:
                found[name] = one
                guessed.append(f"The column {one!r} is taken for the {name}.")
    needed = {name: found[name] for name in evaluator.columns if name in found}
    optional = {name: found[name] for name in evaluator.optional if name in found}
    return needed, optional, guessed


def _likeliest(name: str, free: Sequence[str]) -> str | None:
    plain = {re.sub(r"[\W_]+", "", one.casefold()): one for one in reversed(free)}
    return next((plain[one] for one in ALSO_CALLED.get(name, name).split() if one in plain), None)
