"""What the benchmark of the scale measures on: bases, adapters, documents, made on the spot."""

import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers, processors
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer
from transformers import (
    BertConfig,
    BertModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from evaluator.bases import MINILM, Base
from evaluator.bases.adding import add_base
from evaluator.bases.catalogue import Card
from evaluator.evaluators.form import Sample
from evaluator.task.docstrings import Sizes, docstring_slices
from evaluator.task.prepare import Options, Prepared, prepare
from evaluator.training.peft_run import train
from evaluator.training.recipe import Recipe

VOCABULARY, LONGEST = 8192, 256
SALT = bytes(32)
BOS, PAD, EOS = "<s>", "<pad>", "</s>"
SMALL: Mapping[str, int] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 512,
    "intermediate_size": 1376,
    "num_hidden_layers": 8,
    "num_attention_heads": 8,
    "num_key_value_heads": 8,
}  # 34 million parameters
LARGE: Mapping[str, int] = {
    "vocab_size": 49_152,
    "hidden_size": 576,
    "intermediate_size": 1536,
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "tie_word_embeddings": True,
}  # 135 million, as SmolLM has them
LINEARS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


@dataclass(frozen=True)
class Bench:
    """One base, one adapter on it, and a task of some examples."""

    base: Base
    folder: Path
    adapter: Path
    samples: Sequence[Sample]
    prepared: Prepared

    @property
    def is_encoder(self) -> bool:
        return self.base.family != "llama"


def decoder(folder: Path, name: str, widths: Mapping[str, int]) -> tuple[Base, Path, Path]:
    """A Llama-shaped base of random weights, its own folder, an adapter on all linears."""
    torch.manual_seed(0)
    folder.mkdir()
    tokenizer = _tokenizer()
    told = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=BOS, eos_token=EOS)
    told.save_pretrained(str(folder / "base"))
    tokenizer.save(str(folder / "base" / "tokenizer.json"))
    config = LlamaConfig(**widths, max_position_embeddings=512, bos_token_id=0, eos_token_id=2)
    model = LlamaForCausalLM(config)
    model.save_pretrained(folder / "base")
    lora = LoraConfig(r=8, lora_alpha=16, target_modules=LINEARS, task_type="CAUSAL_LM")
    tuned = get_peft_model(model, lora)
    for parameter, values in tuned.named_parameters():
        if "lora_B" in parameter:
            torch.nn.init.normal_(values, std=0.02)
    tuned.save_pretrained(folder / "adapter")
    base = add_base(folder / "base", Card(name, "Apache-2.0", "maker"))
    return base, folder / "base", folder / "adapter"


def large_encoder(folder: Path) -> Base:
    """A BERT of RoBERTa's widths, 125 million parameters, all random."""
    torch.manual_seed(0)
    folder.mkdir()
    tokenizer = _tokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A {EOS}", special_tokens=[(BOS, 0), (EOS, 2)]
    )
    told = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, cls_token=BOS, sep_token=EOS, pad_token=PAD
    )
    told.save_pretrained(str(folder))
    tokenizer.save(str(folder / "tokenizer.json"))
    config = BertConfig(vocab_size=50_265, max_position_embeddings=512, pad_token_id=1)
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    return add_base(folder, Card("bench-bert-125m", "Apache-2.0", "maker"))


def documents(tokens: int, *, files: str = "*.py") -> list[Sample]:
    """Pieces of the standard library's sources, of many lengths, about so many tokens.

    files  which sources, so that two sets share none
    """
    tokenizer, found, held = _tokenizer(), [], 0
    for piece in _pieces(files):
        found.append({"text": piece})
        held += len(tokenizer.encode(piece).ids)
        if held >= tokens:
            return found
    raise AssertionError("the standard library is too short")


def task(base: Base, folder: Path, adapter: Path, samples: Sequence[Sample]) -> Bench:
    """How well the decoder predicts these documents, as a pinned task."""
    train, final = documents(200, files="asyncio/*.py"), documents(600, files="json/*.py")
    options = Options(SALT, metric="bits_per_byte", max_tokens=LONGEST)
    return Bench(base, folder, adapter, samples, prepare(base, train, samples, final, options))


def encoder(folder: Path, base: Base = MINILM, *, steps: int = 12, public: int = 60) -> Bench:
    """The real MiniLM, or another base, on docstrings, with an adapter of a short training.

    public  texts of each of the eight classes
    """
    slices = docstring_slices(Sizes(train=60, public=public, final=6))
    options = Options(SALT, max_tokens=64)
    prepared = prepare(base, slices["train"], slices["public"], slices["final"], options)
    recipe = Recipe(steps=steps, threads=1, layers=6)
    adapter = folder / f"{base.name}-adapter"
    train(slices["train"], prepared.manifest, adapter, recipe, lambda _: None)
    return Bench(base, folder, adapter, slices["public"], prepared)


def _pieces(files: str) -> Iterator[str]:
    """Cuts of source files, where and how long a hash says: median 25 words, at most 75."""
    for path in sorted(Path(sysconfig.get_paths()["stdlib"]).glob(files)):
        words = path.read_text("utf-8", errors="ignore").split()
        at = 0
        while at < len(words):
            drawn = sha256(f"{path.name} {at}".encode()).digest()
            count = 4 + drawn[0] % 24 + (drawn[1] % 48 if drawn[2] % 3 == 0 else 0)
            yield " ".join(words[at : at + count])
            at += count + drawn[3] % 8


@cache
def _learnt() -> str:
    """Byte-level BPE of 8,192 tokens, learnt from the standard library; `<s>` opens every text."""
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[AddedToken(one, special=True) for one in (BOS, PAD, EOS)],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    files = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))
    texts = (path.read_text("utf-8", errors="ignore") for path in files)
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", special_tokens=[(BOS, 0)]
    )
    return tokenizer.to_str()


def _tokenizer() -> Tokenizer:
    """A copy of its own: who changes it changes nobody else's."""
    return Tokenizer.from_str(_learnt())
