"""The widths of a base model, by family: what a manifest pins of a config, without a float.

Standard library only: the site reads shapes and has neither torch nor numpy.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

DECODER, ENCODER = "decoder", "encoder"


MEAN, CLS, CLS_POOLER, LAST = "mean", "cls", "cls+pooler", "last"
BERT_POOLER = "bert.pooler.dense"


@dataclass(frozen=True)
class FilePin:
    """What a file must be. sha256 as 64 lower hex digits; bytes is its size."""

    sha256: str
    bytes: int


@dataclass(frozen=True)
class BertShape:
    """The widths of a BERT encoder; layer_norm_eps is a decimal string, as no pin holds a float.

    has_pooler  the files hold the pooler, which BERT's own class head reads
    pooling     how a text's states become one for classes, unless a task says otherwise:
                "cls+pooler" is that of BERT's own class head; a sentence encoder has "mean"
    """

    hidden: int
    intermediate: int
    layers: int
    heads: int
    positions: int
    vocabulary: int
    layer_norm_eps: str
    has_pooler: bool = False
    pooling: str = CLS_POOLER

    @property
    def head_targets(self) -> dict[str, tuple[int, int]]:
        """Of the base's own class head: the linear layers that the base holds."""
        return {BERT_POOLER: (self.hidden, self.hidden)} if self.has_pooler else {}

    @property
    def targets(self) -> dict[str, tuple[int, int]]:
        """Full module name -> (out, in) of every linear layer that LoRA may change."""
        square = (self.hidden, self.hidden)
        parts = {
            "attention.self.query": square,
            "attention.self.key": square,
            "attention.self.value": square,
            "attention.output.dense": square,
            "intermediate.dense": (self.intermediate, self.hidden),
            "output.dense": (self.hidden, self.intermediate),
        }
        return _in_layers("bert.encoder.layer", self.layers, parts)


@dataclass(frozen=True)
class LlamaShape:
    """The widths of a decoder of the Llama family (Llama, Mistral, Qwen2).

    kv_heads      heads of keys and values, each shared by heads / kv_heads queries
    positions     rows of the rope table: the longest text that is scored
    rms_norm_eps  a decimal string
    has_qkv_bias, has_o_bias  Qwen2 has the first; Llama with attention_bias has both
    is_tied       the vocabulary's head is the embedding
    window        most tokens that attention looks back; 0: all
    rope          the variant's name and numbers, from which the rope table is made (bases/rope.py)
    """

    hidden: int
    intermediate: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    positions: int
    vocabulary: int
    rms_norm_eps: str
    has_qkv_bias: bool
    has_o_bias: bool
    is_tied: bool
    window: int
    rope: Mapping[str, str]

    @property
    def targets(self) -> dict[str, tuple[int, int]]:
        """Full module name -> (out, in) of every linear layer that LoRA may change."""
        wide, narrow = self.heads * self.head_dim, self.kv_heads * self.head_dim
        parts = {
            "self_attn.q_proj": (wide, self.hidden),
            "self_attn.k_proj": (narrow, self.hidden),
            "self_attn.v_proj": (narrow, self.hidden),
            "self_attn.o_proj": (self.hidden, wide),
            "mlp.gate_proj": (self.intermediate, self.hidden),
            "mlp.up_proj": (self.intermediate, self.hidden),
            "mlp.down_proj": (self.hidden, self.intermediate),
        }
        return _in_layers("model.layers", self.layers, parts)


@dataclass(frozen=True)
class GenericShape:
    """Any other architecture, run by transformers itself: slower, and in mode `fast` only.

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


Shape = BertShape | LlamaShape | GenericShape
FAMILIES: Mapping[str, type[Shape]] = {
    "bert": BertShape,
    "llama": LlamaShape,
    "transformers": GenericShape,
}


def is_decoder(shape: Shape) -> bool:
    """True for a causal language model, which predicts the next token."""
    return isinstance(shape, LlamaShape) or (
        isinstance(shape, GenericShape) and shape.kind == DECODER
    )


def _in_layers(
    prefix: str, layers: int, parts: Mapping[str, tuple[int, int]]
) -> dict[str, tuple[int, int]]:
    return {
        f"{prefix}.{layer}.{part}": size for layer in range(layers) for part, size in parts.items()
    }
