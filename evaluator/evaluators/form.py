"""What an evaluator of the registry is, and what a metric is. Standard library only.

An evaluator says how a sponsor's rows become token ids and labels, what a model is asked inside the
sandbox, where no label is, and how its answers and the labels become whole numbers outside of it.
The site and the auditor import this too, so a model is only a protocol here.
source  docs/adding-an-evaluator.md
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from evaluator.bases.shapes import Shape
from evaluator.slices import Inputs, Row

E9 = 10**9
Prediction = Sequence[int]
Sample = Mapping[str, object]  # a row of a sponsor's file: column -> text, number or list of these
Predictor = Callable[[Sequence[tuple[Row, ...]]], list[list[int]]]


@dataclass(frozen=True)
class Scored:
    """What a decoder thinks of a text from its first scored position on.

    nll_q32    of each token, in units of 2^-32 nat
    is_greedy  every one of them was the likeliest (of equal ones the lowest id)
    """

    nll_q32: tuple[int, ...]
    is_greedy: bool


class Model(Protocol):
    """A base under an adapter. Rows come in one batch; the answers are in their order."""

    def classes(self, ids: Sequence[Sequence[int]]) -> list[int]:
        """The likeliest class of each, of equal ones the lowest; what is no number never wins."""

    def scored(self, rows: Sequence[Row]) -> list[Scored]:
        """The likelihood of each row's tokens from its start (at least 1) on."""

    def nearest(
        self, queries: Sequence[Sequence[int]], documents: Sequence[Sequence[int]], *, most: int
    ) -> list[list[int]]:
        """Places of the documents most like each query (cosine of mean states), best first."""

    def continued(self, ids: Sequence[int], *, most: int, ends: Collection[int]) -> list[int]:
        """The greedy continuation, up to `most` tokens or the first of `ends`, not included."""


@dataclass(frozen=True)
class Tokens:
    """The base's tokenizer, as evaluators use it outside of the sandbox.

    encode    text -> ids with the base's own special tokens, cut at the task's longest
    plain     text -> ids without special tokens, not cut
    decode    ids -> text without special tokens
    max_tokens  the longest row that the task takes
    """

    encode: Callable[[str], list[int]]
    plain: Callable[[str], list[int]]
    decode: Callable[[Sequence[int]], str]
    max_tokens: int


@dataclass(frozen=True)
class Packed:
    """A slice that is ready. units: what a mean is taken over (examples, tokens or bytes)."""

    inputs: Inputs
    labels: tuple[object, ...]
    units: int


@dataclass(frozen=True)
class Context:
    """What judging may need besides predictions and labels.

    units   what the slice's mean is taken over (manifest.test)
    tokens  the base's tokenizer, where answers are texts
    code    the sponsor's scoring code, where there is any
    order   in which a run in stages met the examples (evaluator/racing.py); empty: no stages
    """

    units: int
    options: Mapping[str, str]
    tokens: Tokens | None = None
    code: bytes = b""
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


@dataclass(frozen=True)
class Evaluator:
    """One entry of the registry.

    columns    the columns that a sponsor's file needs, with what each holds
    options    name -> default of what a sponsor may set
    metrics    the figures to choose from, the usual one first
    fits       shape -> True when a base of this shape can be asked
    head       (shape, classes) -> name and shape of the head's tensors; empty: the task has none
    classes    the training slice's rows -> names of the classes, in the order of the head's rows
    check      the training slice's rows -> None; raises MetricMismatch when they do not fit
    pack       (rows, classes in order, tokens, options) -> the slice
    predictor  (model, shared rows, options) -> what answers one batch of examples
    is_sound   (prediction, rows of the example, classes) -> True for what an honest run can give
    """

    name: str
    title: str
    columns: Mapping[str, str]
    options: Mapping[str, str]
    metrics: tuple[Metric, ...]
    fits: Callable[[Shape], bool]
    head: Callable[[Shape, int], Mapping[str, tuple[int, ...]]]
    classes: Callable[[Sequence[Sample]], tuple[str, ...]]
    check: Callable[[Sequence[Sample]], None]
    pack: Callable[[Sequence[Sample], Sequence[str], Tokens, Mapping[str, str]], Packed]
    predictor: Callable[[Model, Sequence[Row], Mapping[str, str]], Predictor]
    is_sound: Callable[[Prediction, Sequence[Row], int], bool]
