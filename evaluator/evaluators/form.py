"""What an evaluator of the registry is, and what a metric is. Standard library only.

An evaluator says how a sponsor's rows become token ids and labels, what a model is asked inside the
sandbox, where no label is, and how its answers and the labels become whole numbers outside of it.
The site and the auditor import this too, so a model is only a protocol here.
source  docs/adding-an-evaluator.md
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from evaluator.bases.shapes import LAST, MEAN, Shape
from evaluator.task.slices import Inputs, Row

E9 = 10**9
Q32 = 1 << 32
MOST_NLL_Q32 = 1000 * Q32  # what a token costs whose likelihood is no number
Prediction = Sequence[int]
Sample = Mapping[str, object]  # a row of a sponsor's file: column -> text, whole number, list
Predictor = Callable[[Sequence[tuple[Row, ...]]], list[list[int]]]


@dataclass(frozen=True)
class Scored:
    """What a decoder thinks of a text from its first scored position on.

    nll_q32    of each token, in units of 2^-32 nat
    is_greedy  every one of them was the likeliest (of equal ones the lowest id)
    """

    nll_q32: tuple[int, ...]
    is_greedy: bool


@dataclass(frozen=True)
class Reading:
    """How a text's states become an answer.

    pooling  "mean" of all tokens, "cls": the first token's, "cls+pooler", "last"
    is_own   by the class head that transformers gives the base; else by one linear layer
    """

    pooling: str
    is_own: bool = False


ON_THE_MEAN, ON_THE_LAST = Reading(MEAN), Reading(LAST, is_own=True)


class Model(Protocol):
    """A base under an adapter. Rows come in one batch; the answers are in their order."""

    def classes(self, ids: Sequence[Sequence[int]], reading: Reading) -> list[int]:
        """The likeliest class of each, of equal ones the lowest; what is no number never wins."""

    def scored(self, rows: Sequence[Row]) -> list[Scored]:
        """The likelihood of each row's tokens from its start (at least 1) on."""

    def nearest(
        self,
        queries: Sequence[Sequence[int]],
        documents: Sequence[Sequence[int]],
        *,
        most: int,
        pooling: str = MEAN,
    ) -> list[list[int]]:
        """Places of the documents most like each query (cosine of their states), best first."""

    def continued(self, ids: Sequence[int], *, most: int, ends: Collection[int]) -> list[int]:
        """The greedy continuation, up to `most` tokens or the first of `ends`, not included."""


class Texts(Protocol):
    """A text against its references, by libraries that only a worker has (evaluator/texts.py)."""

    def bleu_counts(self, text: str, references: Sequence[str], way: str) -> list[int]:
        """Length, the closest reference's length, right runs of 1 to 4 words, all such runs.

        way  how words are found (evaluators/words.py)
        """

    def chrf_counts(self, text: str, references: Sequence[str]) -> list[int]:
        """For runs of 1 to 6 characters: those of the text, of the best reference, of both."""

    def rouge_l_e9(self, text: str, references: Sequence[str], way: str) -> int:
        """F-measure of the longest common subsequence, best reference, in parts of 10^9."""


@dataclass(frozen=True)
class Manner:
    """How a task file of lm-evaluation-harness has a model asked.

    most        new tokens that it writes; 0: it is asked for likelihoods
    stops       texts that end what it writes
    is_rolling  texts are scored as a whole, however long, window by window
    """

    most: int = 0
    stops: tuple[str, ...] = ()
    is_rolling: bool = False


class Harness(Protocol):
    """lm-evaluation-harness, which only a worker has (harness.py beside this). task: its YAML."""

    def manner(self, task: str, metric: str) -> Manner:
        """How the task asks; raises HarnessRefused for what is not taken, or has no such metric."""

    def requests(self, task: str, docs: Sequence[Sample]) -> list[list[tuple[str, str]]]:
        """(context, continuation) of each question about each document; raises HarnessRefused."""

    def values(
        self, task: str, docs: Sequence[Sample], answers: Sequence[Sequence[object]]
    ) -> list[Mapping[str, object]]:
        """Metric -> value of each document, from an answer to each of its questions.

        answers  (log-likelihood, is_greedy); of a rolling task the first alone; or a written text
        """


@dataclass(frozen=True)
class Tokens:
    """The base's tokenizer and what else reads texts, as evaluators use them outside the sandbox.

    encode    text -> ids with the base's own special tokens, cut at the task's longest
    whole     the same, not cut
    plain     text -> ids without special tokens, not cut
    decode    ids -> text without special tokens
    starting  text -> ids of all tokens whose text begins with it
    max_tokens  the longest row that the task takes
    opening   the token that opens a text, where the base has one
    ends      the tokens that end one
    """

    encode: Callable[[str], list[int]]
    whole: Callable[[str], list[int]]
    plain: Callable[[str], list[int]]
    decode: Callable[[Sequence[int]], str]
    starting: Callable[[str], list[int]]
    max_tokens: int
    opening: int | None
    ends: tuple[int, ...]
    texts: Texts
    harness: Harness


@dataclass(frozen=True)
class Task:
    """What a slice is packed for. classes: in the order of the head's rows."""

    metric: str
    classes: tuple[str, ...]
    tokens: Tokens
    options: Mapping[str, str]


@dataclass(frozen=True)
class Packed:
    """A slice that is ready. units: what a mean is taken over (examples, tokens or bytes)."""

    inputs: Inputs
    labels: tuple[object, ...]
    units: int


@dataclass(frozen=True)
class Obstacle:
    """What keeps a right answer from the metric's best.

    kind     one word: "stop", "length", "tokenizer", "words", ...
    problem  the same in a sentence about the row; mend: what the sponsor does about it
    size     how much of it: of equal kinds the largest is told
    """

    kind: str
    problem: str
    mend: str
    size: int = 0


@dataclass(frozen=True)
class Ideal:
    """What a model that knows the label would answer, and what may make less of it."""

    prediction: Prediction
    obstacle: Obstacle | None = None


@dataclass(frozen=True)
class Context:
    """What judging may need besides predictions and labels.

    units   what the slice's mean is taken over (manifest.test)
    tokens  the base's tokenizer, where answers are texts
    given   what a sponsor's own code gave each example in the score sandbox, in parts of 10^9
    order   in which a run in stages met the examples (evaluator/score/racing.py); empty: no stages
    """

    units: int
    options: Mapping[str, str]
    tokens: Tokens | None = None
    given: tuple[int, ...] = ()
    order: Sequence[int] = ()


@dataclass(frozen=True)
class Metric:
    """One figure of an evaluator.

    width       whole numbers that each example has in the records
    is_binary   each of them is 0 or 1
    records     (predictions, labels, context) -> width numbers per example, flat; they travel in
                the score's message, and everything else follows from them
    score_e9    (records, units) -> the figure in parts of 10^9, rounded once, half to even
    merit       (records, units) -> the whole number that ranks: higher is better
    points      records -> one whole number per example, higher is better: what ties are judged by
    interval_e9 records -> (low, high) of a 95 % interval, for people; None where there is none
    best        what the points of a perfect answer to one example are; 0: there is no such answer
    best_e9     the figure of perfect answers
    points_cap  most that the points of two runs can differ on one example; 0: it cannot be raced.
                Above 0 the points of all examples must add up to the merit, or rank as it does
    """

    name: str
    version: int
    title: str
    width: int
    is_binary: bool
    records: Callable[[Sequence[Prediction], Sequence[object], Context], tuple[int, ...]]
    score_e9: Callable[[Sequence[int], int], int]
    merit: Callable[[Sequence[int], int], int]
    points: Callable[[Sequence[int]], tuple[int, ...]]
    interval_e9: Callable[[Sequence[int]], tuple[int, int]] | None = None
    is_lower_better: bool = False
    points_cap: int = 0
    best: int = 0
    best_e9: int = E9


def no_classes(_: Sequence[Sample]) -> tuple[str, ...]:
    """The task knows no classes."""
    return ()


def no_head(_: Shape, __: int, ___: Mapping[str, str]) -> Mapping[str, tuple[int, ...]]:
    """The adapter carries no head."""
    return {}


def as_given(_: Sequence[Sample], task: Task) -> Mapping[str, str]:
    """The options stay as the sponsor gave them."""
    return task.options


def most_common(_: Packed, answers: Sequence[Prediction]) -> list[Prediction]:
    """The answer that is right most often, everywhere; of equal ones the first."""
    counts = Counter(map(tuple, answers))
    [[same, _count]] = counts.most_common(1)
    return [same] * len(answers)


def no_head_targets(_: Shape, __: Mapping[str, str]) -> Mapping[str, tuple[int, int]]:
    """The task reads no layer beside the base's own."""
    return {}


def on_any_base(_: Shape, options: Mapping[str, str]) -> Mapping[str, str]:
    """The options hang on no base."""
    return options


def no_warnings(_: str, __: Sequence[Sample]) -> list[str]:
    """There is nothing to say about the rows."""
    return []


def no_check(_: Sequence[Sample]) -> None:
    """Training data is not looked at."""


@dataclass(frozen=True)
class Evaluator:
    """One entry of the registry.

    columns    the columns that a sponsor's file needs, with what each holds; the first one holds
               the text that must not stand in two slices
    metrics    the figures to choose from, the usual one first
    fits       shape -> True when a base of this shape can be asked
    pack       (rows, task) -> the slice; raises DataRefused when a row does not fit
    predictor  (model, shared rows, options) -> what answers one batch of examples
    is_sound   (prediction, rows of the example, classes) -> True for what an honest run can give
    options    name -> default of what a sponsor may set
    optional   columns that a file may have
    takes_all  every column of the file is read, whatever its name
    needs_code the sponsor's own code scores: custom code, sponsor-controlled
    fitted     (shape, options) -> the options as the manifest states them, nothing left open;
               raises OptionRefused
    head       (shape, classes, options) -> name and shape of the head's tensors; empty: none
    head_targets  (shape, options) -> layers of the head that the base holds, which LoRA may change
    classes    the training slice's rows -> names of the classes, in the order of the head's rows
    check      the training slice's rows -> None; raises MetricMismatch when they do not fit
    settle     (rows of all slices, task with the options as given) -> the options, with what a look
               at the rows chooses where the sponsor did not; raises OptionRefused
    warn       (metric, rows) -> sentences on what is taken and perhaps not meant
    ideal      (slice, task) -> the right answer to each example; None where no answer is right
    constant   (slice, right answers) -> what one who looks at no row would answer
    """

    name: str
    title: str
    columns: Mapping[str, str]
    metrics: tuple[Metric, ...]
    fits: Callable[[Shape], bool]
    pack: Callable[[Sequence[Sample], Task], Packed]
    predictor: Callable[[Model, Sequence[Row], Mapping[str, str]], Predictor]
    is_sound: Callable[[Prediction, Sequence[Row], int], bool]
    options: Mapping[str, str] = field(default_factory=dict)
    optional: Mapping[str, str] = field(default_factory=dict)
    takes_all: bool = False
    needs_code: bool = False
    fitted: Callable[[Shape, Mapping[str, str]], Mapping[str, str]] = on_any_base
    head: Callable[[Shape, int, Mapping[str, str]], Mapping[str, tuple[int, ...]]] = no_head
    head_targets: Callable[[Shape, Mapping[str, str]], Mapping[str, tuple[int, int]]] = (
        no_head_targets
    )
    classes: Callable[[Sequence[Sample]], tuple[str, ...]] = no_classes
    check: Callable[[Sequence[Sample]], None] = no_check
    settle: Callable[[Sequence[Sample], Task], Mapping[str, str]] = as_given
    warn: Callable[[str, Sequence[Sample]], list[str]] = no_warnings
    ideal: Callable[[Packed, Task], list[Ideal]] | None = None
    constant: Callable[[Packed, Sequence[Prediction]], list[Prediction]] = most_common
