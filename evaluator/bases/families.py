"""The families that our own engine computes, as data: which part of a layer has which name.

A family is a table, not code. What differs within one (widths, windows, whether a bias is there) is
its shape's matter, or follows from the tensors that the files hold. Standard library only.
source  the modules of transformers that carry these names; docs/bases.md
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

QUERY, KEY, VALUE, OUT, WIDE, UP, NARROW = range(7)
FUNCTIONS = ("silu", "gelu", "gelu_tanh", "tanh", "relu", "plain")  # the engine's numbers for them


@dataclass(frozen=True)
class HeadStep:
    """One step of a class head: a linear layer, then a function, then a norm where one is named."""

    linear: str
    function: str = "plain"
    norm: str = ""


@dataclass(frozen=True)
class Family:
    """The names of a family's parts, within the model or within a layer.

    prefix     what stands before every name in a file that was saved with a head
    layer      a layer's name, its number as {}
    parts      the linear layers in the engine's order: query, key, value, out, wide or gate, up,
               narrow; neighbours of one name share one matrix, whose rows are theirs one by one
    norms      six: before attention, on its answer, on the sum; the same for the wide part
    own_norms  of the heads of queries and keys
    function   of the wide part
    head       the class head that transformers gives an encoder, step by step
    one_more   gains are stored as their distance from 1
    far        rows of the table of places that stand before position 0; the last of them is that of
               the padding token, whose id is that row's number, wherever it stands in a text
    """

    prefix: str
    layer: str
    parts: tuple[str, str, str, str, str, str, str]
    words: str
    norms: tuple[str, str, str, str, str, str]
    final: str = ""
    places: str = ""
    kinds: str = ""
    embedded: str = ""
    distances: str = ""
    own_norms: tuple[str, str] = ("", "")
    function: str = "silu"
    is_causal: bool = True
    is_rms: bool = True
    one_more: bool = False
    far: int = 0
    head: tuple[HeadStep, ...] = field(default=())

    @property
    def is_gated(self) -> bool:
        """True when the wide part is a product of two."""
        return bool(self.parts[UP])


def _llama(**changes: object) -> Family:
    """What most decoders are, with what one of them has otherwise."""
    told: dict[str, object] = {
        "prefix": "model.",
        "layer": "model.layers.{}.",
        "parts": (
            "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
            "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj",
        ),
        "words": "model.embed_tokens",
        "norms": ("input_layernorm", "", "", "post_attention_layernorm", "", ""),
        "final": "model.norm",
    }  # fmt: skip
    return Family(**{**told, **changes})  # type: ignore[arg-type]


def _bert(prefix: str, **changes: object) -> Family:
    """What most encoders are, with what one of them has otherwise."""
    told: dict[str, object] = {
        "prefix": f"{prefix}.",
        "layer": f"{prefix}.encoder.layer.{{}}.",
        "parts": (
            "attention.self.query", "attention.self.key", "attention.self.value",
            "attention.output.dense", "intermediate.dense", "", "output.dense",
        ),
        "words": f"{prefix}.embeddings.word_embeddings",
        "places": f"{prefix}.embeddings.position_embeddings",
        "kinds": f"{prefix}.embeddings.token_type_embeddings",
        "embedded": f"{prefix}.embeddings.LayerNorm",
        "norms": ("", "", "attention.output.LayerNorm", "", "", "output.LayerNorm"),
        "function": "gelu",
        "is_causal": False,
        "is_rms": False,
        "head": (HeadStep(f"{prefix}.pooler.dense", "tanh"), HeadStep("classifier")),
    }  # fmt: skip
    return Family(**{**told, **changes})  # type: ignore[arg-type]


_FIRST_TOKEN = (HeadStep("classifier.dense", "tanh"), HeadStep("classifier.out_proj"))
_GEMMA_NORMS = (
    "input_layernorm", "post_attention_layernorm", "",
    "pre_feedforward_layernorm", "post_feedforward_layernorm", "",
)  # fmt: skip
_HEAD_NORMS = ("self_attn.q_norm", "self_attn.k_norm")

BY_NAME: Mapping[str, Family] = {
    "llama": _llama(),
    "mistral": _llama(),
    "qwen2": _llama(),
    "smollm3": _llama(),
    "qwen3": _llama(own_norms=_HEAD_NORMS),
    "phi3": _llama(
        parts=(
            "self_attn.qkv_proj", "self_attn.qkv_proj", "self_attn.qkv_proj", "self_attn.o_proj",
            "mlp.gate_up_proj", "mlp.gate_up_proj", "mlp.down_proj",
        )
    ),
    "gemma": _llama(function="gelu_tanh", one_more=True),
    "gemma2": _llama(norms=_GEMMA_NORMS, function="gelu_tanh", one_more=True),
    "gemma3_text": _llama(
        norms=_GEMMA_NORMS, function="gelu_tanh", one_more=True, own_norms=_HEAD_NORMS
    ),
    "bert": _bert("bert"),
    "roberta": _bert("roberta", far=2, head=_FIRST_TOKEN),
    "camembert": _bert("roberta", far=2, head=_FIRST_TOKEN),
    "xlm-roberta": _bert("roberta", far=2, head=_FIRST_TOKEN),
    "distilbert": _bert(
        "distilbert",
        layer="distilbert.transformer.layer.{}.",
        parts=(
            "attention.q_lin", "attention.k_lin", "attention.v_lin", "attention.out_lin",
            "ffn.lin1", "", "ffn.lin2",
        ),
        kinds="",
        norms=("", "", "sa_layer_norm", "", "", "output_layer_norm"),
        head=(HeadStep("pre_classifier", "relu"), HeadStep("classifier")),
    ),
    "mpnet": _bert(
        "mpnet",
        parts=(
            "attention.attn.q", "attention.attn.k", "attention.attn.v", "attention.attn.o",
            "intermediate.dense", "", "output.dense",
        ),
        kinds="",
        norms=("", "", "attention.LayerNorm", "", "", "output.LayerNorm"),
        distances="mpnet.encoder.relative_attention_bias",
        far=2,
        head=_FIRST_TOKEN,
    ),
    "modernbert": _bert(
        "model",
        layer="model.layers.{}.",
        parts=("attn.Wqkv", "attn.Wqkv", "attn.Wqkv", "attn.Wo", "mlp.Wi", "mlp.Wi", "mlp.Wo"),
        words="model.embeddings.tok_embeddings",
        places="",
        kinds="",
        embedded="model.embeddings.norm",
        final="model.final_norm",
        norms=("attn_norm", "", "", "mlp_norm", "", ""),
        head=(HeadStep("head.dense", "gelu", "head.norm"), HeadStep("classifier")),
    ),
}  # fmt: skip


def targets(
    name: str, layers: int, sizes: Mapping[int, tuple[int, int]]
) -> dict[str, tuple[int, int]]:
    """Full module name -> (out, in) of every linear layer of the layers; fused ones as one.

    sizes  part -> (out, in)
    """
    family, found = BY_NAME[name], dict[str, tuple[int, int]]()
    for layer in range(layers):
        for part, module in enumerate(family.parts):
            if module:
                full = family.layer.format(layer) + module
                rows, width = sizes[part]
                found[full] = found.get(full, (0, 0))[0] + rows, width
    return found
