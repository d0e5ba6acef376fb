"""A Llama-shaped base of a few thousand parameters, made on the spot: config, weights, tokenizer.

    folder = write_llama(tmp_path / "tiny")              # a folder as transformers saves it
    base = register(folder)                              # with ASSAY_BASES in a temporary folder
    write_adapter(tmp_path / "adapter", base)            # LoRA on every linear layer, as peft saves

The tokenizer is byte-level with a handful of merges, so every text has ids, and a space belongs to
the word behind it. `<s>` (0) opens every text, `</s>` (1) ends one.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers, processors
from tokenizers.models import BPE

from assay.canonical import sha256_file
from evaluator.bases import Base, ends, rope
from evaluator.bases.catalogue import CARD_NAME, Card, store, write_card
from evaluator.bases.folder import CONFIG_NAME, TOKENIZER_NAME, WEIGHTS_NAME
from evaluator.bases.reading import own_shape
from evaluator.bases.shapes import DecoderShape, FilePin
from tests.evaluator.makers import pseudo

CARD = Card(name="tiny-llama", licence="Apache-2.0", author="maker")
BOS, EOS = "<s>", "</s>"
PIECES = ("th", "er", "in", "an", "the", "ing", "Ġt", "Ġa", "Ġthe", "Ġan", "on", "Ġin", "Ġs", "Ġw")
CONFIG: Mapping[str, object] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 256,
    "rms_norm_eps": 1e-6,
    "rope_theta": 10000.0,
    "hidden_act": "silu",
    "tie_word_embeddings": False,
    "torch_dtype": "float32",
    "bos_token_id": 0,
    "eos_token_id": 1,
}


@dataclass(frozen=True)
class Tiny:
    """A registered tiny base: its folder as transformers reads it, and an adapter's folder."""

    folder: Path
    base: Base
    adapter: Path


def write_llama(folder: Path, *, seed: str = "tiny", **changed: object) -> Path:
    """A base's folder; the same seed gives the same bytes. changed: fields of its config."""
    folder.mkdir(parents=True)
    tokenizer = tiny_tokenizer()
    tokenizer.save(str(folder / "tokenizer.json"))
    told = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": BOS, "eos_token": EOS}
    (folder / "tokenizer_config.json").write_text(json.dumps(told))
    config = {**CONFIG, "vocab_size": tokenizer.get_vocab_size(), **changed}
    (folder / "config.json").write_text(json.dumps(config))
    arrays = {name: _values(seed, name, size) for name, size in sizes(config).items()}
    save_file(arrays, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def register(folder: Path) -> Base:
    """Keep the base in the store as `add_base` does (test_bases_ends.py compares), no torch."""
    config = json.loads((folder / CONFIG_NAME).read_bytes())
    shape = own_shape(config)
    assert isinstance(shape, DecoderShape)
    kept = store() / CARD.name
    kept.mkdir(parents=True)
    for name in (CONFIG_NAME, TOKENIZER_NAME, WEIGHTS_NAME):
        shutil.copyfile(folder / name, kept / name)
    size = {"positions": shape.positions, "head_dim": shape.head_dim}
    (kept / rope.FILE_NAME).write_bytes(rope.table(shape.rope, **size))
    marks = ends.ends_in(folder, config, {BOS: 0, EOS: 1}.get)
    (kept / ends.FILE_NAME).write_bytes(ends.write_ends(marks))
    files = {
        one.name: FilePin(sha256_file(one), one.stat().st_size) for one in sorted(kept.iterdir())
    }
    base = Base(
        name=CARD.name, title=CARD.name, family=shape.kind, package="", folder=CARD.name,
        files=files, shape=shape, licence=CARD.licence, author=CARD.author, source=CARD.source,
    )  # fmt: skip
    (kept / CARD_NAME).write_bytes(write_card(base))
    return base


def tiny_tokenizer() -> Tokenizer:
    """Byte-level BPE over every byte, with the merges of PIECES."""
    names = [BOS, EOS, *sorted(pre_tokenizers.ByteLevel.alphabet())]
    merges = []
    for piece in PIECES:
        cut = next(n for n in range(1, len(piece)) if {piece[:n], piece[n:]} <= set(names))
        merges.append((piece[:cut], piece[cut:]))
        names.append(piece)
    tokenizer = Tokenizer(BPE({name: place for place, name in enumerate(names)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(BOS, special=True), AddedToken(EOS, special=True)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", special_tokens=[(BOS, 0)]
    )
    return tokenizer


def sizes(config: Mapping[str, object]) -> dict[str, tuple[int, ...]]:
    """Name -> shape of every tensor that transformers' LlamaForCausalLM has under this config."""
    wide, inner, words = (
        int(str(config[name])) for name in ("hidden_size", "intermediate_size", "vocab_size")
    )
    heads, held, width = (
        int(str(config[name]))
        for name in ("num_attention_heads", "num_key_value_heads", "head_dim")
    )
    found: dict[str, tuple[int, ...]] = {
        "model.embed_tokens.weight": (words, wide),
        "model.norm.weight": (wide,),
    }
    if not config["tie_word_embeddings"]:
        found["lm_head.weight"] = (words, wide)
    for layer in range(int(str(config["num_hidden_layers"]))):
        part = f"model.layers.{layer}."
        found |= {
            part + "input_layernorm.weight": (wide,),
            part + "post_attention_layernorm.weight": (wide,),
            part + "self_attn.q_proj.weight": (heads * width, wide),
            part + "self_attn.k_proj.weight": (held * width, wide),
            part + "self_attn.v_proj.weight": (held * width, wide),
            part + "self_attn.o_proj.weight": (wide, heads * width),
            part + "mlp.gate_proj.weight": (inner, wide),
            part + "mlp.up_proj.weight": (inner, wide),
            part + "mlp.down_proj.weight": (wide, inner),
        }
    return found


def write_adapter(folder: Path, base: Base, *, rank: int = 2, scale: float = 0.3) -> Path:
    """LoRA on every linear layer of a base without a head; what peft and the intake both read."""
    folder.mkdir(parents=True)
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": None,
        "r": rank,
        "lora_alpha": 2 * rank,
        "lora_dropout": 0.0,
        "bias": "none",
        "inference_mode": True,
        "target_modules": sorted({name.rpartition(".")[2] for name in base.targets}),
        "use_rslora": False,
    }
    (folder / "adapter_config.json").write_text(json.dumps(config))
    arrays = {}
    for name, (rows, columns) in base.targets.items():
        stem = f"base_model.model.{name}"
        arrays[f"{stem}.lora_A.weight"] = pseudo(name + "A", (rank, columns)) * scale
        arrays[f"{stem}.lora_B.weight"] = pseudo(name + "B", (rows, rank)) * scale
    save_file(arrays, folder / "adapter_model.safetensors")
    return folder


def rows_for(make, count: int, first: int = 0) -> list[dict]:
    """`count` rows that `make` gives for a phrase and a number, each phrase another one."""
    words = [
        "lamp",
        "river",
        "engine",
        "garden",
        "window",
        "paper",
        "stone",
        "bridge",
        "road",
        "ant",
    ]
    return [
        make(f"{words[one % 10]} {words[one // 10 % 10]} {one * 7919}", one)
        for one in range(first, first + count)
    ]


def _values(seed: str, name: str, size: tuple[int, ...]) -> np.ndarray:
    """Norms near 1, the others as wide as their inputs ask for, so that no layer is idle."""
    values = pseudo(f"{seed} {name}", size)
    if len(size) == 1:
        return 1 + values * np.float32(0.1)
    return values * np.float32(2.0 / size[1] ** 0.5)
