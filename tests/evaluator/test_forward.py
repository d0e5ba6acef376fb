"""The engine on decoders, and the generic forward, against transformers under peft."""

import json
from dataclasses import replace
from hashlib import sha256

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    ElectraConfig,
    GPTNeoXConfig,
    LlamaConfig,
    MistralConfig,
    Qwen2Config,
)

from evaluator.bases import DecoderShape, GenericShape
from evaluator.bases.adding import add_base
from evaluator.bases.catalogue import Card
from evaluator.errors import BaseRefused
from evaluator.intake import admit_folder
from evaluator.task.manifest import BaseClause
from evaluator.task.slices import Row
from tests.evaluator import makers
from tests.evaluator.models import model_of, pooled_of

SMALL = {
    "vocab_size": 96,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 128,
}
LLAMA3 = {
    "rope_type": "llama3", "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32, "rope_theta": 500.0,
}  # fmt: skip
DECODERS = {
    "llama": LlamaConfig(**SMALL),
    "llama-shared-keys": LlamaConfig(**SMALL, num_key_value_heads=2, attention_bias=True),
    "llama-3": LlamaConfig(**SMALL, rope_parameters=LLAMA3, tie_word_embeddings=True),
    "llama-stretched": LlamaConfig(
        **SMALL, rope_parameters={"rope_type": "linear", "factor": 2.0, "rope_theta": 1000.0}
    ),
    "mistral": MistralConfig(**SMALL, num_key_value_heads=1, head_dim=16, sliding_window=7),
    "qwen2": Qwen2Config(**SMALL, num_key_value_heads=2, tie_word_embeddings=True),
    "neox": GPTNeoXConfig(**SMALL, rotary_pct=0.5),
}
LONG = 40


def texts():
    """Token lists of many lengths, the same every time."""
    lengths = (LONG, 3, 17, 2, LONG, 9)
    return [
        [sha256(f"{place} {at}".encode()).digest()[0] % 96 for at in range(length)]
        for place, length in enumerate(lengths)
    ]


def saved(folder, model, dtype=torch.float32):
    """The model as transformers saves it, with a tokenizer beside it."""
    model.to(dtype).save_pretrained(folder)
    model.float()
    Tokenizer(models.WordLevel({"a": 0}, "a")).save(str(folder / "tokenizer.json"))
    return folder


def trained(folder, model, targets, *, rank=4):
    """An adapter as after a training: every value is something else."""
    torch.manual_seed(7)
    config = LoraConfig(r=rank, lora_alpha=8, target_modules=targets, task_type="CAUSAL_LM")
    found = get_peft_model(model, config)
    for name, values in found.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(values, std=0.2)
    found.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    return found.eval()


def task_of(base):
    """A task without classes on this base."""
    plain = makers.manifest()
    clause = BaseClause(base.name, base.family, base.files, base.shape, "MIT", "somebody")
    adapter = replace(plain.adapter, targets=base.targets, head={}, bytes_max=10**7)
    return replace(plain, base=clause, labels=(), adapter=adapter)


@torch.inference_mode()
def oracle_nll(model, ids):
    """Sum of the nll of every token but the first, one text at a time, without padding."""
    found = []
    for line in ids:
        rows = torch.tensor([line])
        logits = model(input_ids=rows).logits[0, :-1].double()
        chosen = logits.log_softmax(-1).gather(1, rows[0, 1:, None])[:, 0]
        found.append(-float(chosen.sum()))
    return found


@torch.inference_mode()
def our_nll(base, adapter, ids):
    scored = model_of(base, adapter).scored([Row(tuple(one), 1) for one in ids])
    return [sum(one.nll_q32) / 2**32 for one in scored]


@pytest.mark.parametrize("name", DECODERS)
def test_a_decoder_agrees_with_transformers_and_peft(store, name):
    torch.manual_seed(3)
    model = AutoModelForCausalLM.from_config(DECODERS[name]).eval()
    base = add_base(saved(store / "base", model), Card(name, "MIT", "somebody"))
    assert isinstance(base.shape, GenericShape if name == "neox" else DecoderShape)
    task = task_of(base)
    plain = our_nll(base, None, texts())
    assert plain == pytest.approx(oracle_nll(model, texts()), rel=1e-5)
    targets = sorted({one.rpartition(".")[2] for one in base.targets})
    tuned = trained(store / "adapter", model, targets)
    adapter = admit_folder(store / "adapter", task).canonical
    ours = our_nll(base, adapter, texts())
    assert ours == pytest.approx(oracle_nll(tuned, texts()), rel=1e-5)
    assert max(abs(one - other) for one, other in zip(ours, plain, strict=True)) > 0.1


def test_weights_in_bfloat16_are_the_values_they_are(store):
    torch.manual_seed(3)
    model = AutoModelForCausalLM.from_config(DECODERS["llama"]).eval()
    saved(store / "base", model, torch.bfloat16)
    for name, values in load_file(store / "base" / "model.safetensors").items():
        assert values.dtype == torch.bfloat16
        model.state_dict()[name].copy_(values.float())
    base = add_base(store / "base", Card("short", "MIT", "somebody"))
    found = our_nll(base, None, texts())
    assert found == pytest.approx(oracle_nll(model, texts()), rel=1e-5)


def test_a_greedy_continuation_is_that_of_transformers(store):
    torch.manual_seed(3)
    model = AutoModelForCausalLM.from_config(DECODERS["mistral"]).eval()
    base = add_base(saved(store / "base", model), Card("mistral", "MIT", "somebody"))
    net = model_of(base)
    with torch.inference_mode():
        for line in texts():
            rows = torch.tensor([line])
            told = model.generate(
                rows, max_new_tokens=12, do_sample=False, pad_token_id=0, eos_token_id=None
            )
            theirs = told[0, len(line) :].tolist()
            assert net.continued(line, most=12, ends=()) == theirs
            cut = theirs.index(theirs[5])
            assert net.continued(line, most=12, ends={theirs[5]}) == theirs[:cut]


@torch.inference_mode()
def test_a_generic_encoder_agrees_with_transformers(store):
    torch.manual_seed(3)
    config = ElectraConfig(**SMALL, embedding_size=16)
    model = AutoModel.from_config(config).eval()
    base = add_base(saved(store / "base", model), Card("electra", "MIT", "somebody"))
    assert base.is_generic
    assert "electra.encoder.layer.1.attention.self.query" in base.targets
    ours = torch.tensor(pooled_of(base, texts()))
    theirs = torch.stack(
        [model(torch.tensor([line])).last_hidden_state[0].mean(0) for line in texts()]
    )
    assert torch.allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_a_folder_that_is_no_base_is_refused_with_what_is_wrong(store):
    folder = saved(store / "base", AutoModelForCausalLM.from_config(DECODERS["llama"]))
    tensors = load_file(folder / "model.safetensors")
    broken = tensors | {"model.layers.1.mlp.up_proj.weight": torch.zeros(3, 3)}
    save_file(broken, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BaseRefused, match=r"up_proj\.weight is 3 x 3 in the file, and is not 48 x"):
        add_base(folder, Card("broken", "MIT", "somebody"))
    config = (folder / "config.json").read_text()
    (folder / "config.json").write_text(json.dumps(json.loads(config) | {"hidden_size": "wide"}))
    with pytest.raises(BaseRefused, match="hidden_size"):
        add_base(folder, Card("broken", "MIT", "somebody"))
    (folder / "tokenizer.json").unlink()
    with pytest.raises(BaseRefused, match=r"no tokenizer\.json"):
        add_base(folder, Card("broken", "MIT", "somebody"))
    assert not list((store / "store").iterdir())


def test_a_name_stands_for_one_base(store):
    torch.manual_seed(3)
    folder = saved(store / "base", AutoModelForCausalLM.from_config(DECODERS["llama"]))
    first = add_base(folder, Card("mine", "MIT", "somebody"))
    assert add_base(folder, Card("mine", "MIT", "somebody")) == first
    other = saved(store / "other", AutoModelForCausalLM.from_config(DECODERS["llama"]))
    with pytest.raises(Exception, match="taken") as refused:
        add_base(other, Card("mine", "MIT", "somebody"))
    assert refused.value.next_step == "Choose another --name."
