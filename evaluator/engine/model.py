"""A base in the engine's memory, and a base under an adapter: what evaluators ask.

The base is read and packed once, and never changes. An adapter costs nothing to lay over it: its
merge runs layer by layer inside of each question. A process uses a base from one thread at a time.
"""

import ctypes
import heapq
import math
from collections.abc import Collection, Mapping, Sequence
from itertools import accumulate
from pathlib import Path

from evaluator.bases.families import BY_NAME, FUNCTIONS, Family, HeadStep
from evaluator.bases.rope import FILE_NAME, LOCAL_FILE_NAME
from evaluator.bases.shapes import CLS, LAST, MEAN, DecoderShape, OwnShape, part_sizes
from evaluator.blob import Contents
from evaluator.engine.library import floats, ints, library, longs, pointers
from evaluator.engine.tensors import (
    Floats,
    floats_of,
    let_go,
    raw_floats,
    read_adapter,
    read_tensors,
    room,
)
from evaluator.evaluators.form import Reading, Scored
from evaluator.task.slices import Row

HEAD_MARK = "own-head."  # in front of a head's names in a base's file
POOLINGS = {MEAN: 0, CLS: 1, LAST: 2}
GROUP_TOKENS = 8192  # tokens that go through all layers together; no bit hangs on it
BUCKETS, FAR_BUCKET, FAR = 16, 8, 128  # of distances to one side: MPNet's
Sizes = Mapping[str, tuple[int, ...]]


class Base:
    """One base, read from its folder and packed.

    variant  a build of the engine by name; empty: the widest one here
    """

    def __init__(
        self, tensors: Mapping[str, Floats], shape: OwnShape, turns: Sequence[Floats] = (), *,
        variant: str = "",
    ) -> None:  # fmt: skip
        self.shape, self.family = shape, BY_NAME[shape.kind]
        self.engine = library(variant)
        self._tensors = {full_name(name, self.family): one for name, one in tensors.items()}
        whole, layers = self._whole(turns), [self._layer(one) for one in range(shape.layers)]
        listed = [*whole, *(each for linears, norms in layers for each in (*linears, *norms))]
        addresses = pointers([one.address if one else 0 for one in listed])
        handle = self.engine.model_new(ints(self._numbers()), self._factors(), addresses)
        self.handle = ctypes.c_void_p(handle)
        self._held = [*whole, *(norms for _, norms in layers)]
        packed = {name for one in range(shape.layers) for name, _ in parts_of(shape, one)}
        packed.add("lm_head")
        self._tensors = {
            name: one
            for name, one in self._tensors.items()
            if name.rpartition(".")[0] not in packed
        }

    def __del__(self) -> None:
        if handle := getattr(self, "handle", None):
            self.engine.model_free(handle)

    def tensor(self, name: str) -> Floats | None:
        """A tensor by its full name."""
        return self._tensors.get(name)

    def _numbers(self) -> list[int]:
        """What model_new of the engine calls numbers."""
        shape, family = self.shape, self.family
        unturned = getattr(shape, "unturned", ())
        found = [
            shape.hidden, shape.intermediate, shape.heads, shape.kv_heads, shape.head_dim,
            shape.layers, shape.vocabulary, shape.positions, family.is_causal, family.is_gated,
            FUNCTIONS.index(family.function), family.is_rms, family.far,
        ]  # fmt: skip
        for layer in range(shape.layers):
            is_local = bool(shape.window) and layer not in shape.full
            turn = 1 if is_local and shape.local_rope else 0
            found += [shape.window * is_local, turn if shape.rope and layer not in unturned else -1]
        return found

    def _factors(self) -> ctypes.Array[ctypes.c_float]:
        shape = self.shape
        names = ("divisor", "score_cap", "logit_cap", "word_scale")
        told = [float(getattr(shape, name, "") or 0) for name in names]
        told[0] = told[0] or shape.head_dim
        return (ctypes.c_float * 5)(float(shape.norm_eps), *told)

    def _whole(self, turns: Sequence[Floats]) -> list[Floats | None]:
        """What stands outside of the layers, in the order of model_new."""
        family = self.family
        places = self.tensor(f"{family.places}.weight")
        head = None
        if isinstance(self.shape, DecoderShape):
            tied = f"{family.words}.weight" if self.shape.is_tied else "lm_head.weight"
            head = self.tensor(tied)
        waves = [*turns, *[None] * (4 - len(turns))]
        words = self.tensor(f"{family.words}.weight")
        kinds = self.tensor(f"{family.kinds}.weight")
        norms = [*self._norm(family.embedded), *self._norm(family.final)]
        return [words, places, kinds, *norms, head, self._distances(), *waves]

    def _layer(self, layer: int) -> tuple[list[Floats | None], list[Floats | None]]:
        """Its linear layers, which the engine copies, and its norms; in the order of model_new."""
        prefix, linears = self.family.layer.format(layer), []
        for module, rows in parts_of(self.shape, layer):
            for end in ("weight", "bias"):
                found = self.tensor(f"{module}.{end}") if module else None
                linears.append(found.rows(*rows) if found else None)
        names = [name and prefix + name for name in self.family.norms]
        norms = [one for name in names for one in self._norm(name)]
        norms += [self._norm(name and prefix + name)[0] for name in self.family.own_norms]
        return linears, norms

    def _norm(self, name: str) -> tuple[Floats | None, Floats | None]:
        gain = self.tensor(f"{name}.weight") if name else None
        if gain is None:
            return None, None
        if self.family.one_more:
            gain = floats_of(_single(1 + one) for one in gain.values())
        return gain, self.tensor(f"{name}.bias") or room(*gain.shape)

    def _distances(self) -> Floats | None:
        """[heads, 2 * positions - 1] by key - query, from a table of buckets: MPNet's."""
        table = self.tensor(f"{self.family.distances}.weight")
        if table is None:
            return None
        values, heads, reach = table.values(), self.shape.heads, self.shape.positions - 1
        buckets = [bucket_of(one) for one in range(-reach, reach + 1)]
        spread = [values[bucket * heads + head] for head in range(heads) for bucket in buckets]
        return floats_of(spread, (heads, len(buckets)))


def bucket_of(distance: int) -> int:
    """The bucket of key - query: exact up to 7, then ever wider up to 127, by whole numbers alone.

    source  Raffel et al. 2020 (arXiv 1910.10683), section 2.1, as MPNet of transformers has it
    """
    side, size = (BUCKETS if distance > 0 else 0), abs(distance)
    if size < FAR_BUCKET:
        return side + size
    # FAR_BUCKET + floor(8 ln(size / 8) / ln 16), that is the most n with 2^n <= (size / 8)^2
    ratio = size * size // FAR_BUCKET**2
    return side + min(BUCKETS - 1, FAR_BUCKET + ratio.bit_length() - 1)


def read_base(folder: Path, shape: OwnShape, *, variant: str = "") -> Base:
    """The base in this folder, which callers have verified; what is packed is in memory once."""
    turns: list[Floats] = []
    for name in (FILE_NAME, LOCAL_FILE_NAME):
        if (folder / name).is_file():
            size = (2, shape.positions, shape.head_dim // 2)
            table = raw_floats((folder / name).read_bytes(), size)
            turns += [table.rows(0, 1), table.rows(1, 1)]
    tensors = read_tensors(folder)
    found = Base(tensors, shape, turns, variant=variant)
    let_go(tensors.values())
    return found


def parts_of(shape: OwnShape, layer: int) -> list[tuple[str, tuple[int, int]]]:
    """(full module name, (first row, rows)) of each linear layer; "" where there is none."""
    family, sizes = BY_NAME[shape.kind], part_sizes(shape)
    found, used = [], dict[str, int]()
    for part, module in enumerate(family.parts):
        rows = sizes[part][0]
        full = family.layer.format(layer) + module if module else ""
        found.append((full, (used.get(full, 0), rows)))
        used[full] = used.get(full, 0) + rows
    return found


def full_name(name: str, family: Family) -> str:
    """Names as the manifest's targets have them, however the file was saved."""
    has_place = name.startswith((family.prefix, "lm_head.", HEAD_MARK, "classifier", "score."))
    others = tuple(step.linear.split(".")[0] + "." for step in family.head)
    return name if has_place or name.startswith(others) else family.prefix + name


class Adapted:
    """A base under an adapter, behind the questions of evaluators/form.py's Model.

    adapter  a canonical blob; None: the base as it is, under a head of zeros
    head     name -> shape of the head's tensors
    """

    def __init__(self, base: Base, adapter: bytes | None, head: Sizes) -> None:
        self._base = base
        self._contents: Contents | None = None
        self._parts: Mapping[str, Floats] = {}
        if adapter:
            self._contents, self._parts = read_adapter(adapter)
        self._zeros = {} if adapter else {name: room(*size) for name, size in head.items()}
        self._documents: Sequence[Sequence[int]] = ()
        self._states: Floats | None = None
        self._adapt()

    def _adapt(self) -> None:
        ranks, scales, addresses = [], [], []
        for layer in range(self._base.shape.layers):
            for module, (first, count) in parts_of(self._base.shape, layer):
                rank, scale, down, up = self._lora(module, first, count)
                ranks.append(rank)
                scales.append(scale)
                addresses += [down, up]
        told = (ctypes.c_float * len(scales))(*scales)
        call = self._base.engine.model_adapt
        call(self._base.handle, ints(ranks), told, pointers(addresses))

    def _lora(self, module: str, first: int, count: int) -> tuple[int, float, int, int]:
        """Rank, factor, and where the two matrices lie; an up matrix by some of its rows."""
        down, up = (self._parts.get(f"{module}.{side}") for side in "AB")
        if down is None or up is None or self._contents is None:
            return 0, 0.0, 0, 0
        scale = self._contents.scale_of(module)
        return down.shape[0], scale, down.address, up.rows(first, count).address

    def classes(self, ids: Sequence[Sequence[int]], reading: Reading) -> list[int]:
        """The likeliest class of each, of equal ones the first; what is no number never wins."""
        return [_best(row) for row in self.logits(ids, reading)]

    def logits(self, ids: Sequence[Sequence[int]], reading: Reading) -> list[list[float]]:
        """float32 [texts, classes] by the head that the task reads."""
        pooling = reading.pooling if reading.pooling in POOLINGS else CLS
        states = self.pooled(ids, pooling)
        steps: tuple[HeadStep, ...] = (HeadStep("classifier"),)
        if isinstance(self._base.shape, DecoderShape):
            steps = (HeadStep("score"),)
        elif reading.is_own:
            steps = self._base.family.head
        for step in steps:
            states = self._stepped(states, step)
        values, width = states.values(), states.shape[1]
        return [values[at : at + width] for at in range(0, len(values), width)]

    def scored(self, rows: Sequence[Row]) -> list[Scored]:
        """The likelihood of each row's tokens from its start (at least 1) on."""
        lengths, flat = self._texts([row.ids for row in rows])
        counts = [len(row.ids) - row.start for row in rows]
        if min(counts) < 0 or min(row.start for row in rows) < 1:
            raise ValueError("nothing predicts the first token of a text")
        starts, total = ints([row.start for row in rows]), sum(counts)
        nll, best = longs(total), ints([0] * total)
        call = self._base.engine.model_scored
        call(self._base.handle, len(rows), lengths, starts, flat, nll, best)
        wanted = [one for row in rows for one in row.ids[row.start :]]
        likely = [one == found for one, found in zip(wanted, best, strict=True)]
        ends = accumulate(counts)
        return [
            Scored(tuple(nll[end - count : end]), all(likely[end - count : end]))
            for count, end in zip(counts, ends, strict=True)
        ]

    def continued(self, ids: Sequence[int], *, most: int, ends: Collection[int]) -> list[int]:
        """The greedy continuation, up to `most` tokens or the first of `ends`, not included."""
        self._texts([ids])
        out, marks = ints([0] * most), ints(sorted(ends))
        call = self._base.engine.model_continued
        count = call(self._base.handle, len(ids), ints(ids), most, len(marks), marks, out)
        return list(out[:count])

    def nearest(
        self,
        queries: Sequence[Sequence[int]],
        documents: Sequence[Sequence[int]],
        *,
        most: int,
        pooling: str = MEAN,
    ) -> list[list[int]]:
        """Places of the documents most like each query, best first, of equal ones the first."""
        if self._states is None or self._documents is not documents:
            self._documents, self._states = documents, self.pooled(documents, pooling)
        held, asked = self._states, self.pooled(queries, pooling)
        count, width = held.shape
        found = floats(len(queries) * count)
        call = self._base.engine.engine_likeness
        call(len(queries), count, width, asked.address, held.address, found)
        return [
            _first(found[at : at + count], most) for at in range(0, len(queries) * count, count)
        ]

    def pooled(self, ids: Sequence[Sequence[int]], pooling: str) -> Floats:
        """[texts, hidden]: one state of each."""
        found, call = room(len(ids), self._base.shape.hidden), self._base.engine.model_pooled
        for part in groups([len(one) for one in ids]):
            lengths, flat = self._texts(ids[part])
            to = found.rows(part.start, len(lengths)).address
            call(self._base.handle, len(lengths), lengths, flat, POOLINGS[pooling], to)
        return found

    def _stepped(self, states: Floats, step: HeadStep) -> Floats:
        """One step of a head over [texts, width]."""
        weight, bias = self._weight(step.linear), self._part(f"{step.linear}.bias")
        (rows, width), count = states.shape, weight.shape[0]
        out, engine = room(rows, count), self._base.engine
        engine.engine_dense(
            rows, count, width, states.address, weight.address, bias.address if bias else None,
            FUNCTIONS.index(step.function), out.address,
        )  # fmt: skip
        if step.norm:
            gain = self._part(f"{step.norm}.weight")
            assert gain is not None, "a head has its norm"
            shift, eps = self._part(f"{step.norm}.bias") or room(count), self._base.shape.norm_eps
            engine.engine_normed(rows, count, float(eps), gain.address, shift.address, out.address)
        return out

    def _weight(self, module: str) -> Floats:
        """A head's matrix, under the adapter's LoRA where it has one."""
        weight = self._part(f"{module}.weight")
        assert weight is not None, "the manifest's head names it"
        count, width = weight.shape
        rank, scale, down, up = self._lora(module, 0, count)
        if not rank:
            return weight
        out = room(count, width)
        merged = self._base.engine.engine_merged
        merged(count, width, rank, scale, weight.address, down, up, out.address)
        return out

    def _part(self, name: str) -> Floats | None:
        """The adapter's, or the base's."""
        found = self._parts.get(name) or self._zeros.get(name)
        return found or self._base.tensor(HEAD_MARK + name) or self._base.tensor(name)

    def _texts(
        self, ids: Sequence[Sequence[int]]
    ) -> tuple[ctypes.Array[ctypes.c_int32], ctypes.Array[ctypes.c_int32]]:
        """Lengths, and all tokens one behind the other. raises ValueError for what is none"""
        shape = self._base.shape
        lengths, flat = [len(one) for one in ids], [token for one in ids for token in one]
        is_sound = bool(ids) and min(lengths) >= 1 and max(lengths) <= shape.positions
        if not is_sound or min(flat) < 0 or max(flat) >= shape.vocabulary:
            raise ValueError("a text is empty or too long, or a token is none of the base's")
        return ints(lengths), ints(flat)


def groups(lengths: Sequence[int]) -> list[slice]:
    """Neighbouring texts of at most GROUP_TOKENS together: what is in memory at a time."""
    found, held = list[slice](), 0
    for place, length in enumerate(lengths):
        if not found or held + length > GROUP_TOKENS:
            found.append(slice(place, place))
            held = 0
        found[-1] = slice(found[-1].start, place + 1)
        held += length
    return found


def _best(row: Sequence[float]) -> int:
    numbers = [-math.inf if math.isnan(one) else one for one in row]
    return numbers.index(max(numbers))


def _first(likeness: Sequence[float], most: int) -> list[int]:
    """Places by falling likeness, of equal ones the first; what is no number comes last."""
    numbers = [-math.inf if math.isnan(one) else one for one in likeness]
    return heapq.nsmallest(most, range(len(numbers)), key=lambda place: (-numbers[place], place))


def _single(value: float) -> float:
    """The nearest float32; a sum of two float32 in float64, rounded to it, is rounded once."""
    return ctypes.c_float(value).value
