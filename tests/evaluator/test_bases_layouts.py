"""Folders as hubs and trainers leave them: scored as transformers reads them, or named."""

import json
import re
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from evaluator.bases.adding import add_base
from evaluator.bases.catalogue import Card
from evaluator.errors import BaseRefused
from tests.evaluator import families
from tests.evaluator.test_bases_families import agrees_with_nats, texts

CARD = Card("tried", "MIT", "maker")
LLAMA, QWEN = ("llama", families.KEYS), ("qwen3", families.KEYS)
LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 988097824\n"


def edit(folder, **changed):
    """Change fields of config.json; None takes one away."""
    path = folder / "config.json"
    config = json.loads(path.read_text()) | changed
    path.write_text(json.dumps({name: one for name, one in config.items() if one is not None}))


def reshape(folder, change, metadata=(("format", "pt"),)):
    """Rewrite the weights by a function of the tensors."""
    tensors = change(load_file(folder / "model.safetensors"))
    plain = {name: one.clone().contiguous() for name, one in tensors.items()}
    save_file(plain, folder / "model.safetensors", metadata=dict(metadata))


def more(**tensors):
    return lambda folder, _: reshape(folder, lambda held: held | tensors)


def renamed(change):
    return lambda folder, _: reshape(
        folder, lambda held: {change(name): one for name, one in held.items()}
    )


def in_shards(folder, model):
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="20KB")
    return sorted(folder.glob("model-0*.safetensors"))


def mark(folder, _):
    path = folder / "config.json"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())


def shorten(folder, model):
    """Layers in two short types beside norms in float32, as careful authors save them."""

    def change(held):
        kinds = {"mlp": torch.bfloat16, "attn": torch.float16}
        return {
            name: one.to(next((kind for part, kind in kinds.items() if part in name), one.dtype))
            for name, one in held.items()
        }

    reshape(folder, change)
    for name, one in load_file(folder / "model.safetensors").items():
        model.state_dict()[name].copy_(one.float())


def with_another_head(folder, model):
    head = torch.randn(families.WORDS, 32, generator=torch.Generator().manual_seed(9))
    reshape(folder, lambda held: held | {"lm_head.weight": head})
    model.lm_head.weight = torch.nn.Parameter(head)


def index_with(change):
    def made(folder, model):
        in_shards(folder, model)
        path = folder / "model.safetensors.index.json"
        index = json.loads(path.read_text())
        change(index["weight_map"])
        path.write_text(json.dumps(index))

    return made


def linear(**scaling):
    return {**families.KEYS, "rope_parameters": {"rope_theta": 1000.0, **scaling}}


def as_before(folder, **scaling):
    """The config as transformers before version 5 wrote it."""
    edit(folder, rope_parameters=None, rope_theta=1000.0, rope_scaling=scaling, layer_types=None)


TIED = {**families.KEYS, "tie_word_embeddings": True}
READ = {
    "a byte order mark": (LLAMA, mark),
    "no architectures": (QWEN, lambda folder, _: edit(folder, architectures=None)),
    "flash attention": (
        QWEN,
        lambda folder, _: edit(folder, _attn_implementation="flash_attention_2"),
    ),
    "dtype bfloat16 over float32": (QWEN, lambda folder, _: edit(folder, dtype="bfloat16")),
    "dtype as torch prints it": (
        QWEN,
        lambda folder, _: edit(folder, dtype=None, torch_dtype="torch.bfloat16"),
    ),
    "code beside a known type": (
        LLAMA,
        lambda folder, _: edit(folder, auto_map={"AutoConfig": "code.Config"}),
    ),
    "metadata without a format": (
        LLAMA,
        lambda folder, _: reshape(folder, dict, metadata=(("total_size", "3"),)),
    ),
    "no metadata": (QWEN, lambda folder, _: reshape(folder, dict, metadata=())),
    "double precision": (
        LLAMA,
        lambda folder, _: reshape(folder, lambda t: {k: v.double() for k, v in t.items()}),
    ),
    "many number types": (LLAMA, shorten),
    "many number types, generic": (QWEN, shorten),
    "tables of angles": (
        LLAMA,
        more(**{"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(4)}),
    ),
    "a head of classes beside": (LLAMA, more(**{"score.weight": torch.ones(3, 32)})),
    "names without their prefix": (LLAMA, renamed(lambda name: name.removeprefix("model."))),
    "GPT-2 of the hub": (
        ("gpt2", families.GPT),
        lambda folder, _: reshape(
            folder,
            lambda held: (
                {name.removeprefix("transformer."): one for name, one in held.items()}
                | {
                    "h.0.attn.bias": torch.ones(1, 1, 8, 8),
                    "h.0.attn.masked_bias": torch.tensor(-1e4),
                }
            ),
        ),
    ),
    "shards": (LLAMA, in_shards),
    "shards without an index": (
        LLAMA,
        lambda folder, model: [
            in_shards(folder, model),
            (folder / "model.safetensors.index.json").unlink(),
        ],
    ),
    "an index that names more": (
        LLAMA,
        index_with(lambda named: named.update({"model.extra.weight": named["model.norm.weight"]})),
    ),
    "an index that names fewer": (LLAMA, index_with(lambda named: named.pop("model.norm.weight"))),
    "the author's own format beside": (
        LLAMA,
        lambda folder, _: shutil.copy(
            folder / "model.safetensors", folder / "consolidated.safetensors"
        ),
    ),
    "tied, and not said": (
        ("llama", TIED),
        lambda folder, _: edit(folder, tie_word_embeddings=None),
    ),
    "tied, and not said, generic": (
        ("qwen3", TIED),
        lambda folder, _: edit(folder, tie_word_embeddings=None),
    ),
    "tied, with the head alone": (
        ("llama", TIED),
        renamed(lambda one: "lm_head.weight" if "embed_tokens" in one else one),
    ),
    "tied, and another head": (("llama", TIED), with_another_head),
    "tied, and another head, generic": (("qwen3", TIED), with_another_head),
    "an old rope": (
        ("llama", linear(rope_type="linear", factor=2.0)),
        lambda folder, _: as_before(folder, type="linear", factor=2.0),
    ),
    "an old yarn": (
        ("llama", linear(rope_type="yarn", factor=4.0, original_max_position_embeddings=32)),
        lambda folder, _: as_before(
            folder, type="yarn", factor=4.0, original_max_position_embeddings=32
        ),
    ),
    "half of each head turns": (
        ("llama", linear(rope_type="default", partial_rotary_factor=0.5)),
        lambda *_: None,
    ),
    "a family's own defaults": (
        ("mistral", {**families.KEYS, "num_attention_heads": 8, "num_key_value_heads": 8}),
        lambda folder, _: edit(folder, num_key_value_heads=None),
    ),
    "no quantisation": (
        LLAMA,
        lambda folder, _: (folder / "config.json").write_text(
            json.dumps(
                json.loads((folder / "config.json").read_text()) | {"quantization_config": None}
            )
        ),
    ),
}


@pytest.mark.parametrize("name", READ)
def test_a_decoder_laid_out_so_scores_what_transformers_gives(store, name):
    family, change = READ[name]
    model = families.decoder(*family)
    folder = families.saved(store / "base", model)
    with torch.no_grad():
        change(folder, model)
    agrees_with_nats(add_base(folder, CARD), model, texts())


def quantised(folder, _):
    def change(held):
        found = {}
        for name, one in held.items():
            is_wide = name.endswith("proj.weight")
            found[name] = one.to(torch.float8_e4m3fn) if is_wide else one
            found |= {name + "_scale": torch.ones(1)} if is_wide else {}
        return found

    reshape(folder, change)


def without(name):
    return lambda folder, _: (folder / name).unlink()


def instead(name, text):
    return lambda folder, _: (folder / name).write_text(text)


def moved(name, to):
    return lambda folder, _: (folder / name).rename(folder / to)


def lose_the_last_shard(folder, model):
    in_shards(folder, model)[-1].unlink()


def pickled(folder, model):
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def below(folder, _):
    (folder / "inner").mkdir()
    for one in [path for path in folder.iterdir() if path.is_file()]:
        one.rename(folder / "inner" / one.name)


def cut(folder, _):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


REFUSED = {
    "fp8 by its scales": (quantised, "quantised .*scale", "float32"),
    "int8": (
        lambda folder, _: reshape(
            folder,
            lambda held: {
                name: one.to(torch.int8) if "proj" in name else one for name, one in held.items()
            },
        ),
        "quantised .*I8",
        "float32",
    ),
    "gptq": (
        lambda folder, _: edit(folder, quantization_config={"quant_method": "gptq", "bits": 4}),
        "quantised .gptq, 4-bit",
        "float32",
    ),
    "bitsandbytes": (
        lambda folder, _: edit(folder, quantization_config={"load_in_4bit": True}),
        "quantised .bitsandbytes, 4-bit",
        "float32",
    ),
    "mlx": (lambda folder, _: edit(folder, quantization={"bits": 4}), "quantised", "float32"),
    "NaN": (
        more(**{"model.norm.weight": torch.full((32,), torch.nan)}),
        "norm.weight holds NaN",
        "",
    ),
    "infinity": (more(**{"model.norm.weight": torch.full((32,), torch.inf)}), "not finite", ""),
    "a pickle": (pickled, "pickle .pytorch_model.bin", "LlamaForCausalLM.*save_pretrained"),
    "sentencepiece alone": (
        lambda folder, _: (folder / "tokenizer.json").rename(folder / "tokenizer.model"),
        "sentencepiece",
        "pip install sentencepiece .*AutoTokenizer",
    ),
    "a vocabulary alone": (moved("tokenizer.json", "vocab.txt"), "vocabulary", "AutoTokenizer"),
    "no tokenizer": (without("tokenizer.json"), "no tokenizer.json", "Download the tokenizer"),
    "a broken tokenizer": (instead("tokenizer.json", "{}"), "tokenizer.json cannot be read", ""),
    "an LFS pointer for weights": (
        instead("model.safetensors", LFS),
        "Git LFS pointer",
        "lfs pull",
    ),
    "an LFS pointer for the tokenizer": (instead("tokenizer.json", LFS), "Git LFS", "lfs pull"),
    "a web page": (instead("model.safetensors", "<!DOCTYPE html><html>"), "HTML page", "sign-in"),
    "an empty file": (instead("model.safetensors", ""), "is empty", ""),
    "a file cut short": (cut, "cut short", "Download the file again"),
    "a header of nonsense": (
        instead("model.safetensors", "nonsense" * 9),
        "no safetensors file",
        "",
    ),
    "broken JSON": (instead("config.json", '{"a":'), "config.json is no JSON", "config.json again"),
    "a missing shard": (lose_the_last_shard, "shards? .*missing: model-0", "Download model-0"),
    "a folder above": (below, "lies below, in inner", "Give base/inner"),
    "GGUF": (moved("model.safetensors", "model.gguf"), "GGUF", "safetensors"),
    "an adapter": (
        moved("model.safetensors", "adapter_model.safetensors"),
        "is an adapter",
        "base",
    ),
    "an adapter inside": (
        more(**{"model.layers.0.self_attn.q_proj.lora_A.weight": torch.ones(4, 32)}),
        "adapter that was not merged",
        "merge_and_unload",
    ),
    "a variant": (moved("model.safetensors", "model.fp16.safetensors"), "not a name", "rename"),
    "the author's own format": (
        moved("model.safetensors", "consolidated.safetensors"),
        "author's own format",
        "Download",
    ),
    "no model_type": (lambda folder, _: edit(folder, model_type=None), "names no model_type", ""),
    "an unknown model_type": (
        lambda folder, _: edit(folder, model_type="mine"),
        "'mine'",
        "family",
    ),
    "code of its own": (
        lambda folder, _: edit(folder, model_type="mine", auto_map={"A": "b.C"}),
        "auto_map",
        "family",
    ),
    "an unknown rope": (lambda folder, _: as_before(folder, type="mine", factor=2.0), "'mine'", ""),
    "a wrapper's names": (
        renamed(lambda name: f"module.{name}"),
        "begin with 'module.'",
        "wrapped",
    ),
    "another vocabulary": (
        lambda folder, _: edit(folder, vocab_size=100),
        "96 x 32 in the file",
        "",
    ),
    "more layers": (
        lambda folder, _: edit(folder, num_hidden_layers=3),
        "layers.2.*missing|missing",
        "",
    ),
    "a layer too many": (
        more(**{"model.layers.2.mlp.up_proj.weight": torch.ones(48, 32)}),
        "no place for 1 tensor .*layers.2",
        "one and the same",
    ),
    "a stray bias": (
        more(**{"model.layers.0.self_attn.q_proj.bias": torch.ones(32)}),
        "no place for 1 tensor .*q_proj.bias",
        "one and the same",
    ),
    "no head, and not tied": (
        lambda folder, _: [
            reshape(folder, lambda held: {k: v for k, v in held.items() if "lm_head" not in k}),
            edit(folder, tie_word_embeddings=False),
        ],
        "lm_head.weight.*missing",
        "tie",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_folder_that_cannot_be_a_base_is_named_for_what_it_is(store, name):
    change, cause, remedy = REFUSED[name]
    model = families.decoder(*LLAMA)
    folder = families.saved(store / "base", model)
    change(folder, model)
    with pytest.raises(BaseRefused, match=cause) as refused:
        add_base(folder, CARD)
    assert refused.value.code == "base.refused"
    assert refused.value.next_step
    assert re.search(remedy, refused.value.next_step)
    kept = store / "store"
    assert not kept.exists() or not list(kept.iterdir())
