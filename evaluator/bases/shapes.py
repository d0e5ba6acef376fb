"""The widths of a base model, by family: what a manifest pins of a config, without a float.

Standard library only: the site reads shapes and has neither torch nor numpy.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from evaluator.bases import families

DECODER, ENCODER = "decoder", "encoder"


MEAN, CLS, CLS_POOLER, LAST = "mean", "cls", "cls+pooler", "last"


@dataclass(frozen=True)
class FilePin:
    """What a file must be. sha256 as 64 lower hex digits; bytes is its size."""

    sha256: str
    bytes: int


@dataclass(frozen=True)
class EncoderShape:
    """The widths of an encoder that our engine computes.

    kind     a name of evaluator/bases/families.py
    norm_eps a decimal string, as no pin holds a float
    pooling  how a text's states become one for classes, unless a task says otherwise: what the
             base's own class head does; a sentence encoder has "mean", and no head of its own
    head     tensor -> shape of that class's head, where 0 is the number of classes; the adapter
             carries them
    head_linears  its linear layers that the base holds: module -> (out, in)
    window   tokens that attention looks at to each side; 0: all
    full     the layers that look at all where there is a window
    rope, local_rope  of the rotary tables: of layers that look at all, and of the others
    """

    kind: str
    hidden: int
    intermediate: int
    layers: int
    heads: int
    positions: int
    vocabulary: int
    norm_eps: str
    pooling: str = CLS_POOLER
    head: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    head_linears: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    window: int = 0
    full: tuple[int, ...] = ()
    rope: Mapping[str, str] = field(default_factory=dict)
    local_rope: Mapping[str, str] = field(default_factory=dict)

    @property
    def kv_heads(self) -> int:
        """Heads of keys: as many as of queries."""
        return self.heads

    @property
    def head_dim(self) -> int:
        """Numbers of one head."""
        return self.hidden // self.heads

    @property
    def head_targets(self) -> dict[str, tuple[int, int]]:
        """Of the base's own class head: the linear layers that the base holds."""
        return {name: (size[0], size[1]) for name, size in self.head_linears.items()}

    @property
    def targets(self) -> dict[str, tuple[int, int]]:
        """Full module name -> (out, in) of every linear layer that LoRA may change."""
        return families.targets(self.kind, self.layers, part_sizes(self))


@dataclass(frozen=True)
class DecoderShape:
    """The widths of a decoder that our engine computes.

    kind          a name of evaluator/bases/families.py
    kv_heads      heads of keys and values, each shared by heads / kv_heads queries
    positions     rows of the rope table: the longest text that is scored
    norm_eps      a decimal string, as all numbers here that are not whole
    is_tied       the vocabulary's head is the embedding
    window        most tokens that attention looks back, the own one included; 0: all
    full          the layers that look at all where there is a window
    unturned      the layers without rotary positions
    rope, local_rope  the variant's name and numbers, from which a rope table is made
                  (bases/rope.py): of layers that look at all, and of the others; empty: one for all
    divisor       scores are divided by its root; empty: by that of head_dim
    score_cap, logit_cap  soft caps; empty: none
    word_scale    what embeddings are multiplied by; empty: nothing
    """

    kind: str
    hidden: int
    intermediate: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    positions: int
    vocabulary: int
    norm_eps: str
    is_tied: bool
    window: int
    rope: Mapping[str, str]
    full: tuple[int, ...] = ()
    unturned: tuple[int, ...] = ()
    local_rope: Mapping[str, str] = field(default_factory=dict)
    divisor: str = ""
    score_cap: str = ""
    logit_cap: str = ""
    word_scale: str = ""

    @property
    def targets(self) -> dict[str, tuple[int, int]]:
        """Full module name -> (out, in) of every linear layer that LoRA may change."""
        return families.targets(self.kind, self.layers, part_sizes(self))


OwnShape = EncoderShape | DecoderShape


def part_sizes(shape: OwnShape) -> dict[int, tuple[int, int]]:
    """(out, in) of each linear layer by its place in families.Family.parts."""
    wide, narrow = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    return {
        families.QUERY: (wide, shape.hidden),
        families.KEY: (narrow, shape.hidden),
        families.VALUE: (narrow, shape.hidden),
        families.OUT: (shape.hidden, wide),
        families.WIDE: (shape.intermediate, shape.hidden),
        families.UP: (shape.intermediate, shape.hidden),
        families.NARROW: (shape.hidden, shape.intermediate),
    }


@dataclass(frozen=True)
class GenericShape:
    """Any other architecture, run by transformers itself: slower, and never exact to the bit.

    kind     "decoder" (a causal language model) or "encoder"
    linears  full module name -> (out, in) of every linear layer that LoRA may change
    prefix   what an encoder is called in its class with a head: "roberta."
    pooling  how that class makes one state of a text's; empty: transformers has no such class
    head     tensor -> shape of that class's head, where 0 is the number of classes; the adapter
             carries them
    head_linears  its linear layers that the base holds, as `linears`
    """

    kind: str
    hidden: int
    positions: int
    vocabulary: int
    linears: Mapping[str, tuple[int, ...]]
    prefix: str = ""
    pooling: str = ""
    head: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    head_linears: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def head_targets(self) -> dict[str, tuple[int, int]]:
        """Of the base's own class head: the linear layers that the base holds."""
        return {name: (size[0], size[1]) for name, size in self.head_linears.items()}

    @property
    def targets(self) -> dict[str, tuple[int, int]]:
        """Full module name -> (out, in) of every linear layer that LoRA may change."""
        return {name: (size[0], size[1]) for name, size in self.linears.items()}


Shape = EncoderShape | DecoderShape | GenericShape
GENERIC = "transformers"
FAMILIES: Mapping[str, type[Shape]] = {
    name: DecoderShape if one.is_causal else EncoderShape for name, one in families.BY_NAME.items()
} | {GENERIC: GenericShape}


def is_decoder(shape: Shape) -> bool:
    """True for a causal language model, which predicts the next token."""
    return isinstance(shape, DecoderShape) or (
        isinstance(shape, GenericShape) and shape.kind == DECODER
    )
