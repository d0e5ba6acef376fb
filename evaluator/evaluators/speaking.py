"""What a perfect writer would write: a reference, as far as tokenizer, stops and limits let it."""

from collections.abc import Collection, Iterator, Sequence

from evaluator.evaluators.asking import cut
from evaluator.evaluators.form import Ideal, Obstacle, Packed, Prediction, Task, Tokens
from evaluator.evaluators.words import WAYS, same

SHOWN = 60


def ideal(packed: Packed, task: Task, stops: Sequence[str]) -> list[Ideal]:
    """For each example the tokens that come closest to one of its references, and what is lost."""
    [ending] = packed.inputs.shared
    speaker = _Speaker(task, frozenset(ending.ids), ending.start, stops)
    return [speaker.best_of(_listed(label)) for label in packed.labels]


def fewest_tokens(tokens: Tokens, references: Sequence[str]) -> int:
    """How many tokens the shortest of an example's references takes."""
    return min(len(_spellings(tokens, one.strip())[0]) for one in references)


class _Speaker:
    def __init__(self, task: Task, ends: Collection[int], most: int, stops: Sequence[str]) -> None:
        self._tokens, self._metric, self._options = task.tokens, task.metric, task.options
        self._ends, self._most, self._stops = ends, most, stops

    def best_of(self, references: Sequence[str]) -> Ideal:
        """The first reference that can be written whole; else the first that is lost least."""
        closest = None
        for reference in references:
            for found in self._spoken(reference):
                if found.obstacle is None or found.obstacle.kind == _WORDS:
                    return found
                closest = closest or found
        assert closest is not None, "an example has a reference"
        return closest

    def _spoken(self, reference: str) -> Iterator[Ideal]:
        wanted = reference.strip()
        for ids in _spellings(self._tokens, wanted):
            written = ids[: self._most]
            place = next((k for k, one in enumerate(written) if one in self._ends), len(written))
            written = written[:place]
            answer = cut(self._tokens.decode(written), self._stops).strip()
            obstacle = None
            if same(answer) != same(wanted):
                obstacle = self._lost(ids, wanted, place)
            elif self._metric in WAYS:
                obstacle = self._words(wanted)
            yield Ideal(written, obstacle)

    def _lost(self, ids: Prediction, wanted: str, place: int) -> Obstacle:
        stop = next((one for one in self._stops if one in wanted), None)
        if stop is not None:
            problem = f"its reference holds the stop {stop[:SHOWN]!r}, where writing ends"
            return Obstacle("stop", problem, "Choose another stop, or references without it.")
        if place < min(len(ids), self._most):
            problem = "its reference has a token that ends the writing, as it begins with a stop"
            return Obstacle("stop", problem, "Choose another stop, or references without it.")
        if len(ids) > self._most:
            problem = (
                f"its reference is too long: it takes {len(ids)} tokens, and max_new_tokens is "
                f"{self._most}"
            )
            mend = (
                f"Set the option max_new_tokens to {len(ids)} or more, and max_tokens so that the "
                "prompts fit beside it; or shorten the references."
            )
            return Obstacle("length", problem, mend, len(ids))
        said = self._tokens.decode(ids).strip()
        problem = (
            f"the base's tokenizer gives its reference {wanted[:SHOWN]!r} back as {said[:SHOWN]!r}"
        )
        return Obstacle("tokenizer", problem, "Write references as it does, or change the base.")

    def _words(self, wanted: str) -> Obstacle:
        """What may keep a whole reference from its best; only told where it does."""
        way = self._options.get("tokenize", "")
        problem = (
            f"{self._metric} finds no words in the script of its reference {wanted[:SHOWN]!r} "
            f"(tokenize={way})"
        )
        mend = f"Set the option tokenize to {' or '.join(WAYS[self._metric][1:])}, or choose chrf."
        return Obstacle(_WORDS, problem, mend)


_WORDS = "words"


def _spellings(tokens: Tokens, text: str) -> list[list[int]]:
    """The text's tokens, behind a space and without one: the shorter first."""
    both = [tokens.plain(f" {text}"), tokens.plain(text)]
    return sorted(both, key=len)


def _listed(label: object) -> list[str]:
    assert isinstance(label, list), "a label is a list of texts"
    return label
