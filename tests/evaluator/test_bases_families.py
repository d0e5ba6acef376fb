"""Bases of many families: registered, then scored to what transformers computes of them."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from evaluator.bases.adding import add_base
from evaluator.bases.catalogue import Card
from evaluator.task.slices import Row
from tests.evaluator import families
from tests.evaluator.models import model_of, pooled_of

pytestmark = pytest.mark.slow

LENGTHS = (40, 3, 17, 2, 40)


def texts(longest=40):
    """Token lists that go through the vocabulary, marks included."""
    return [
        [(7 + 31 * place + 13 * at * (place + 1)) % families.WORDS for at in range(length)]
        for place, length in enumerate([*LENGTHS, longest])
    ]


@torch.inference_mode()
def nats(model, ids):
    found = []
    for line in ids:
        rows = torch.tensor([line])
        logits = model(input_ids=rows, use_cache=False).logits[0, :-1].double()
        found.append(-float(logits.log_softmax(-1).gather(1, rows[0, 1:, None]).sum()))
    return found


@torch.inference_mode()
def agrees_with_nats(base, model, ids):
    scored = model_of(base).scored([Row(tuple(one), 1) for one in ids])
    ours = [sum(one.nll_q32) / 2**32 for one in scored]
    assert ours == pytest.approx(nats(model, ids), rel=1e-5)


@torch.inference_mode()
def agrees_with_states(base, model, ids):
    ours = torch.tensor(pooled_of(base, ids))
    states = [model(input_ids=torch.tensor([line])).last_hidden_state[0].mean(0) for line in ids]
    assert torch.allclose(ours, torch.stack(states), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", families.DECODERS)
def test_a_decoder_of_this_family_scores_what_transformers_gives(store, name):
    model = families.decoder(*families.DECODERS[name])
    base = add_base(families.saved(store / "base", model), Card("one", "MIT", "maker"))
    agrees_with_nats(base, model, texts(min(100, base.shape.positions)))


@pytest.mark.parametrize("name", families.ENCODERS)
@pytest.mark.parametrize("is_masked", [False, True], ids=["bare", "masked"])
def test_an_encoder_of_this_family_gives_the_states_of_transformers(store, name, is_masked):
    model = families.encoder(*families.ENCODERS[name], is_masked=is_masked)
    base = add_base(families.saved(store / "base", model), Card("one", "MIT", "maker"))
    bare = getattr(model, model.base_model_prefix) if is_masked else model
    padded = [5, 1, 7, 1, 1, 9, 2]  # RoBERTa and MPNet give their padding token no place, anywhere
    agrees_with_states(base, bare, [*texts(min(100, base.shape.positions)), padded])


READ_ENCODERS = {
    "gamma and beta": lambda held: {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): one
        for name, one in held.items()
    },
    "positions": lambda held: held | {"embeddings.position_ids": torch.arange(128)[None]},
    "other heads": lambda held: (
        {f"bert.{name}": one for name, one in held.items()}
        | {"cls.seq_relationship.bias": torch.zeros(2), "classifier.weight": torch.zeros(2, 32)}
    ),
    "no pooler": lambda held: {name: one for name, one in held.items() if "pooler" not in name},
}


@pytest.mark.parametrize("name", READ_ENCODERS)
def test_an_encoder_laid_out_so_gives_the_states_of_transformers(store, name):
    model = families.encoder("bert", families.WIDE)
    folder = families.saved(store / "base", model)
    tensors = READ_ENCODERS[name](load_file(folder / "model.safetensors"))
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    base = add_base(folder, Card("one", "MIT", "maker"))
    assert not base.is_generic
    agrees_with_states(base, model, texts())
