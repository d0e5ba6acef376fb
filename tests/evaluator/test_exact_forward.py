"""The exact forwards: near the fast ones and transformers, equal in any batch, and known."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, MistralConfig, Qwen2Config

from evaluator import merge
from evaluator.bases.adding import Card, add_base
from evaluator.bases import MINILM, folder_of
from evaluator.blob import write_blob
from evaluator.exact import known, llama
from evaluator.exact.arithmetic import fixed
from evaluator.exact.bert import ExactEncoder
from evaluator.exact.llama import ExactDecoder
from evaluator.exact.merge import merged
from evaluator.exact.weights import FixedWeights
from evaluator.forward.bert import Encoder
from evaluator.forward.llama import MOST_NLL_Q32, Decoder
from evaluator.layout import LONGEST, Layout
from evaluator.scoring import load_base
from tests.evaluator.test_forward import SMALL, saved

NAT = 2**32
VECTOR = Path(__file__).parents[1] / "vectors" / "exact.json"
DECODERS = {
    "llama": LlamaConfig(**SMALL, num_key_value_heads=2, attention_bias=True),
    "mistral": MistralConfig(**SMALL, num_key_value_heads=1, head_dim=16, sliding_window=7),
    "qwen2": Qwen2Config(**SMALL, num_key_value_heads=2, tie_word_embeddings=True),
}
PLANS = {
    "alone": lambda count: [[place] for place in range(count)],
    "all": lambda count: [list(range(count))],
    "backwards": lambda count: [list(range(count))[::-1]],
    "in threes, unsorted": lambda count: [list(range(first, count, 3)) for first in range(3)],
}


def texts(*lengths, words=96):
    """Token lists of these lengths, the same every time."""
    return [
        [
            int.from_bytes(hashlib.sha256(f"{place} {at}".encode()).digest()[:2]) % words
            for at in range(length)
        ]
        for place, length in enumerate(lengths)
    ]


TEXTS = texts(9, 3, 40, 17, 128, 9, 2, 9, 127)


def in_plan(plan, ids, answer):
    """What `answer` gives for each text when they are computed by this plan."""
    found = [None] * len(ids)
    for batch in plan(len(ids)):
        for place, one in zip(batch, answer([ids[place] for place in batch]), strict=True):
            found[place] = one
    return found


@pytest.fixture(scope="module")
def minilm():
    head = {"classifier.weight": (3, 384), "classifier.bias": (3,)}
    weights = load_base(folder_of(MINILM)).tensors
    values = {name: torch.linspace(-0.4, 0.5, 3 * 384)[: torch.Size(size).numel()].view(size)
              for name, size in head.items()}  # fmt: skip
    return dict(weights) | values


@pytest.fixture(scope="module")
def encoder(minilm):
    return ExactEncoder(minilm, MINILM.shape)


@pytest.fixture(scope="module")
def decoder():
    return known.decoder_on("cpu")


# --- close to the fast forwards -------------------------------------------------------------------


@torch.inference_mode()
def test_the_encoder_agrees_with_the_fast_one(minilm, encoder):
    fast, ids = Encoder(minilm, MINILM.shape), texts(9, 3, 40, words=30000)
    assert (encoder.logits(ids) - fast.logits(ids)).abs().max() < 2e-5
    assert (encoder.pooled(ids) - fast.pooled(ids)).abs().max() < 2e-5
    assert encoder.logits(ids).abs().max() > 0.1
    assert encoder.logits(ids).dtype == encoder.pooled(ids).dtype == torch.float64


@torch.inference_mode()
@pytest.mark.parametrize("name", DECODERS)
def test_a_decoder_agrees_with_transformers(tmp_path, monkeypatch, name):
    monkeypatch.setenv("ASSAY_BASES", str(tmp_path / "store"))
    torch.manual_seed(3)
    model = AutoModelForCausalLM.from_config(DECODERS[name]).eval()
    for values in model.parameters():
        values.mul_(3 if values.dim() == 2 else 1).add_(0.1 if values.dim() == 1 else 0)
    base = add_base(saved(tmp_path / "base", model), Card(name, "MIT", "somebody"))
    exact = ExactDecoder(load_base(folder_of(base)).tensors, base.shape)
    for line, found in zip(TEXTS, exact.scored(TEXTS, [1] * len(TEXTS)), strict=True):
        logits = model(input_ids=torch.tensor([line])).logits[0, :-1].double()
        wanted = -logits.log_softmax(-1).gather(1, torch.tensor(line[1:])[:, None])[:, 0]
        assert max(abs(torch.tensor(found.nll_q32) / NAT - wanted)) < 2e-5
        assert found.is_greedy == (logits.argmax(-1).tolist() == line[1:])
    tokens = model.generate(
        torch.tensor([TEXTS[3]]),
        max_new_tokens=8,
        do_sample=False,
        pad_token_id=0,
        eos_token_id=None,
    )
    told = tokens[0, len(TEXTS[3]) :].tolist()
    assert exact.continued(TEXTS[3], most=8, ends=()) == told
    assert exact.continued(TEXTS[3], most=8, ends=[told[3]]) == told[: told.index(told[3])]


@torch.inference_mode()
def test_the_logits_of_a_decoder_agree_with_the_fast_ones(decoder):
    fast = Decoder(decoder.weights.tensors, decoder.shape)
    assert (decoder.logits(TEXTS) - fast.logits(TEXTS)).abs().max() < 2e-5
    whole = fast.scored(TEXTS, [1] * len(TEXTS))
    for some, all_ in zip(decoder.scored(TEXTS, [2] * len(TEXTS)), whole, strict=True):
        near = zip(some.nll_q32, all_.nll_q32[1:], strict=True)
        assert all(abs(one - other) / NAT < 2e-5 for one, other in near)


# --- the same bits in any batch -------------------------------------------------------------------


@pytest.mark.parametrize("plan", PLANS)
def test_a_texts_numbers_do_not_depend_on_its_batch(decoder, encoder, plan):
    ids = texts(9, 3, 40, 17, 9, words=30000)
    assert in_plan(PLANS[plan], ids, lambda some: encoder.logits(some).tolist()) == (
        encoder.logits(ids).tolist()
    )
    answers = in_plan(PLANS[plan], TEXTS, lambda some: decoder.scored(some, [1] * len(some)))
    assert answers == decoder.scored(TEXTS, [1] * len(TEXTS))
    assert in_plan(PLANS[plan], TEXTS, lambda some: decoder.logits(some).tolist()) == (
        decoder.logits(TEXTS).tolist()
    )


@torch.inference_mode()
def test_the_fast_forward_does_depend_on_it(minilm):
    fast, ids = Encoder(minilm, MINILM.shape), texts(9, 3, 40, 17, 9, words=30000)
    alone = in_plan(PLANS["alone"], ids, lambda some: fast.logits(some).tolist())
    assert alone != fast.logits(ids).tolist()


def test_the_start_of_scoring_does_not_change_a_token(decoder):
    whole = decoder.scored(TEXTS, [1] * len(TEXTS))
    ends = [len(line) - 1 for line in TEXTS]
    for last, one in zip(decoder.scored(TEXTS, ends), whole, strict=True):
        assert last.nll_q32 == one.nll_q32[-1:]


def test_padding_holds_no_tokens():
    layout = Layout([[1, 2, 3], [4], [5], [6, 7, 8]], torch.device("cpu"))
    grid = layout.padded(layout.tokens)
    assert grid.tolist() == [[1, 2, 3], [4, 0, 0], [5, 0, 0], [6, 7, 8]]
    assert layout.gathered(grid[:, :, None])[:, 0].tolist() == layout.tokens.tolist()
    for piece in layout.pieces:
        places = grid[piece.documents, piece.positions].flatten()
        assert places.tolist() == layout.tokens[piece.rows].tolist()


def test_long_texts_are_cut_into_pieces_that_cover_each_token_once():
    layout = Layout(texts(300, 300, 5, 5, 100, 130), torch.device("cpu"))
    grid = layout.padded(layout.tokens)
    covered = []
    for piece in layout.pieces:
        rows = layout.tokens[piece.rows].tolist()
        assert grid[piece.documents, piece.positions].flatten().tolist() == rows
        assert len(rows) <= 130
        covered += range(piece.rows.start, piece.rows.stop)
    assert covered == list(range(840))


# --- limits ---------------------------------------------------------------------------------------


def test_texts_that_do_not_fit_are_refused(decoder, encoder):
    with pytest.raises(ValueError, match="1 to 8192"):
        encoder.logits([[1], []])
    with pytest.raises(ValueError, match="1 to 8192"):
        Layout([[1] * (LONGEST + 1)], torch.device("cpu"))
    with pytest.raises(ValueError, match="160 positions"):
        decoder.logits([[1] * 161])
    with pytest.raises(ValueError, match="first token"):
        decoder.scored([[1, 2]], [0])


def test_a_text_that_overflows_costs_the_most_and_harms_no_other(decoder):
    weights = dict(decoder.weights.tensors)
    words = weights["model.embed_tokens.weight"].clone()
    words[95] = torch.inf
    broken = ExactDecoder(weights | {"model.embed_tokens.weight": words}, decoder.shape)
    good = [[token % 95 for token in line] for line in TEXTS[:3]]
    found = broken.scored([*good, [1, 95, 2, 3]], [1, 1, 1, 1])
    assert found[:3] == decoder.scored(good, [1, 1, 1])
    assert found[3].nll_q32[1:] == (MOST_NLL_Q32,) * 2
    assert not found[3].is_greedy
    assert broken.continued([95], most=2, ends=()) == [0, 0]


def test_of_equal_tokens_the_lowest_is_the_likeliest(decoder):
    shape, weights = decoder.shape, dict(decoder.weights.tensors)
    best = decoder.continued(TEXTS[0], most=1, ends=())[0]
    head = weights["lm_head.weight"].clone()
    head[[3, 120]] = head[best] * 4
    twins = ExactDecoder(weights | {"lm_head.weight": head}, shape)
    assert twins.continued(TEXTS[0], most=1, ends=()) == [3]
    lower, upper = ([*TEXTS[0], token] for token in (3, 120))
    first, second = twins.scored([lower, upper], [len(lower) - 1] * 2)
    assert (first.is_greedy, second.is_greedy) == (True, False)
    assert first.nll_q32 == second.nll_q32


# --- merge and weights ----------------------------------------------------------------------------


def laid(rank, order=None):
    """A base of one matrix, and an adapter's blob whose ranks stand in this order."""
    order = list(range(rank)) if order is None else order
    saved_, down, up = (
        torch.randn(*size, generator=torch.Generator().manual_seed(seed))
        for seed, size in enumerate([(70, 900), (rank, 900), (70, rank)])
    )
    parts = {"m.A": down[order], "m.B": up[:, order].contiguous(), "head.weight": torch.ones(2, 3)}
    packed = {name: (tuple(one.shape), one.numpy().tobytes()) for name, one in parts.items()}
    return {"m.weight": saved_, "other.weight": saved_}, write_blob(rank, 0.7, packed)


def test_an_exact_merge_is_the_fast_one_but_for_the_last_bits():
    base, blob = laid(16)
    before = base["m.weight"].clone()
    ours, theirs = (one(base, blob, {"head.weight": (2, 3)}) for one in (merged, merge.merged))
    assert ours.keys() == theirs.keys()
    assert torch.equal(base["m.weight"], before)
    assert ours["other.weight"] is base["other.weight"]
    assert torch.equal(ours["head.weight"], theirs["head.weight"])
    assert ours["m.weight"].dtype == torch.float32
    gap = (ours["m.weight"] - theirs["m.weight"]).abs().max()
    assert 0 < gap < 2e-5
    assert (ours["m.weight"] - before).abs().max() > 1


def test_an_exact_merge_does_not_depend_on_the_order_of_ranks():
    (base, blob), (_, turned) = laid(16), laid(16, [*range(15, -1, -1)])
    assert torch.equal(*(merged(base, one, {})["m.weight"] for one in (blob, turned)))
    fast = [merge.merged(base, one, {})["m.weight"] for one in (blob, turned)]
    assert not torch.equal(*fast)


def test_what_an_adapter_leaves_alone_is_rounded_once(minilm):
    base = FixedWeights(minilm)
    name, changed = (f"bert.encoder.layer.{layer}.output.dense.weight" for layer in (0, 1))
    other = FixedWeights(minilm | {changed: minilm[changed] + 1}, base)
    assert other.matrix(name) is base.matrix(name)
    assert other.matrix(changed) is other.matrix(changed)
    assert torch.equal(other.matrix(changed), fixed(minilm[changed] + 1))
    assert torch.equal(base.matrix(name, changed)[384:], fixed(minilm[changed]))
    assert not torch.equal(other.matrix(name, changed), base.matrix(name, changed))


# --- the known answer -----------------------------------------------------------------------------


def test_this_machine_gives_the_known_answer():
    assert known.answers() == json.loads(VECTOR.read_text())
    assert known.answers_known()


def test_a_machine_that_computes_otherwise_does_not_know_the_answer(monkeypatch):
    monkeypatch.setattr(llama, "silu", torch.nn.functional.silu)
    assert not known.answers_known()


def test_each_part_of_a_shape_is_in_the_known_answer(decoder):
    answers = known.answers()
    assert len(set(map(str, answers["nll_q32"]))) == len(answers["nll_q32"])
    for change in ({"window": 0}, {"rms_norm_eps": "0.1"}):
        other = ExactDecoder(decoder.weights.tensors, replace(decoder.shape, **change))
        long = [line for line in known.documents() if len(line) > 40]
        assert other.logits(long).tolist() != decoder.logits(long).tolist()
