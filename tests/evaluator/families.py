"""Tiny bases of many families, as transformers makes them, for test_bases_families.py."""

import torch
from tokenizers import Tokenizer, models
from transformers import CONFIG_MAPPING, AutoModel, AutoModelForCausalLM, AutoModelForMaskedLM

WORDS = 96
WIDE = {
    "vocab_size": WORDS, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
    "num_attention_heads": 4, "max_position_embeddings": 128, "pad_token_id": 2,
    "bos_token_id": 0, "eos_token_id": 1,
}  # fmt: skip
KEYS = {**WIDE, "num_key_value_heads": 2}
GPT = {"vocab_size": WORDS, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 128}
WINDOWS = {"use_sliding_window": True, "sliding_window": 7}
PICTURES = {
    "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
    "image_size": 28, "patch_size": 14,
}  # fmt: skip
MOE = {
    "num_experts": 4,
    "num_local_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 24,
}

DECODERS = {
    "gpt2": ("gpt2", GPT),
    "gpt_neox": ("gpt_neox", WIDE),
    "gptj": ("gptj", {**GPT, "rotary_dim": 4}),
    "gpt_neo": ("gpt_neo", {"vocab_size": WORDS, "hidden_size": 32, "num_layers": 2, "num_heads": 4,
                            "attention_types": [[["global", "local"], 1]], "window_size": 8,
                            "max_position_embeddings": 128}),
    "opt": ("opt", {"vocab_size": WORDS, "hidden_size": 32, "ffn_dim": 48, "num_hidden_layers": 2,
                    "num_attention_heads": 4, "max_position_embeddings": 128,
                    "word_embed_proj_dim": 32, "pad_token_id": 1}),
    "bloom": ("bloom", {"vocab_size": WORDS, "hidden_size": 32, "n_layer": 2, "n_head": 4}),
    "falcon": ("falcon", {"vocab_size": WORDS, "hidden_size": 32, "num_hidden_layers": 2,
                          "num_attention_heads": 4, "multi_query": True}),
    "mpt": ("mpt", {"vocab_size": WORDS, "d_model": 32, "n_layers": 2, "n_heads": 4,
                    "max_seq_len": 128}),
    "phi": ("phi", KEYS),
    "phi3": ("phi3", {**KEYS, "sliding_window": None}),
    "phi3-long": ("phi3", {**KEYS, "original_max_position_embeddings": 32, "sliding_window": None,
                           "rope_parameters": {"rope_type": "longrope", "rope_theta": 10000.0,
                                               "short_factor": [1.0] * 4,
                                               "long_factor": [2.0] * 4}}),
    "gemma": ("gemma", {**KEYS, "head_dim": 8}),
    "gemma2": ("gemma2", {**KEYS, "head_dim": 8, "sliding_window": 8, "query_pre_attn_scalar": 8}),
    "gemma3_text": ("gemma3_text", {**KEYS, "head_dim": 8, "sliding_window": 8,
                                    "query_pre_attn_scalar": 8}),
    "qwen2-mixed": ("qwen2", {**KEYS, **WINDOWS, "max_window_layers": 1}),
    "qwen2-all": ("qwen2", {**KEYS, **WINDOWS, "max_window_layers": 0}),
    "qwen2-none": ("qwen2", {**KEYS, **WINDOWS, "max_window_layers": 2}),
    "qwen2-unused": ("qwen2", {**KEYS, "sliding_window": 7, "max_window_layers": 0}),
    "qwen3": ("qwen3", {**KEYS, "head_dim": 16}),
    "qwen3_moe": ("qwen3_moe", {**KEYS, **MOE, "head_dim": 8, "decoder_sparse_step": 1}),
    "qwen2_moe": ("qwen2_moe", {**KEYS, **MOE, "shared_expert_intermediate_size": 24}),
    "mixtral": ("mixtral", {**KEYS, "num_local_experts": 4, "num_experts_per_tok": 2}),
    "olmoe": ("olmoe", {**KEYS, **MOE}),
    "smollm3": ("smollm3", {**KEYS, "no_rope_layer_interval": 2}),
    "mistral-null": ("mistral", {**KEYS, "sliding_window": None, "head_dim": 8}),
    "olmo2": ("olmo2", KEYS),
    "granite": ("granite", {**KEYS, "embedding_multiplier": 3.0, "logits_scaling": 2.0}),
    "cohere": ("cohere", KEYS),
    "stablelm": ("stablelm", KEYS),
    "starcoder2": ("starcoder2", KEYS),
    "helium": ("helium", {**KEYS, "head_dim": 8}),
    "nemotron": ("nemotron", {**KEYS, "head_dim": 8}),
    "deepseek_v3": ("deepseek_v3", {**KEYS, "n_routed_experts": 4, "num_experts_per_tok": 2,
                                    "n_group": 2, "topk_group": 1, "moe_intermediate_size": 16,
                                    "n_shared_experts": 1, "first_k_dense_replace": 1,
                                    "kv_lora_rank": 8, "q_lora_rank": 8, "qk_rope_head_dim": 4,
                                    "qk_nope_head_dim": 4, "v_head_dim": 8,
                                    "num_key_value_heads": 4}),
    "llama-yarn": ("llama", {**KEYS, "rope_parameters": {
        "rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0,
        "original_max_position_embeddings": 32}}),
    "llama-dynamic": ("llama", {**KEYS, "rope_parameters": {
        "rope_type": "dynamic", "rope_theta": 10000.0, "factor": 2.0}}),
    "llama-mlp-bias": ("llama", {**KEYS, "mlp_bias": True}),
    "mamba": ("mamba", {"vocab_size": WORDS, "hidden_size": 32, "state_size": 4,
                        "num_hidden_layers": 2}),
}  # fmt: skip
ENCODERS = {
    "bert": ("bert", WIDE),
    "bert-relative": ("bert", {**WIDE, "hidden_act": "gelu_new"}),
    "roberta": ("roberta", {**WIDE, "pad_token_id": 1, "max_position_embeddings": 66}),
    "xlm-roberta": ("xlm-roberta", {**WIDE, "pad_token_id": 1, "max_position_embeddings": 66}),
    "camembert": ("camembert", {**WIDE, "pad_token_id": 1, "max_position_embeddings": 66}),
    "distilbert": ("distilbert", {"vocab_size": WORDS, "dim": 32, "hidden_dim": 48, "n_layers": 2,
                                  "n_heads": 4, "max_position_embeddings": 128}),
    "albert": ("albert", {**WIDE, "embedding_size": 16}),
    "electra": ("electra", {**WIDE, "embedding_size": 16}),
    "mpnet": ("mpnet", {**WIDE, "pad_token_id": 1, "max_position_embeddings": 66}),
    "deberta": ("deberta", WIDE),
    "deberta-v2": ("deberta-v2", {**WIDE, "relative_attention": True, "position_buckets": 16,
                                  "pos_att_type": ["p2c", "c2p"], "norm_rel_ebd": "layer_norm",
                                  "share_att_key": True, "position_biased_input": False}),
    "modernbert": ("modernbert", {**WIDE, "num_hidden_layers": 3, "local_attention": 16,
                                  "global_attn_every_n_layers": 3, "cls_token_id": 0,
                                  "sep_token_id": 1}),
    "nomic_bert": ("nomic_bert", WIDE),
    "eurobert": ("eurobert", KEYS),
    "esm": ("esm", {**WIDE, "mask_token_id": 3, "position_embedding_type": "rotary"}),
}  # fmt: skip


def config_of(kind, fields):
    """A config of this model_type."""
    return CONFIG_MAPPING[kind](**fields)


def shaken(model, *, seed=3, size=0.12):
    """Random values large enough that a wrong window, scale or gain shows in every figure."""
    drawn = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for _, values in sorted(model.named_parameters()):
            change = torch.randn(values.shape, generator=drawn) * size
            values.copy_(change if values.dim() > 1 else values + change)
    model.tie_weights()
    return model.eval()


def decoder(kind, fields):
    """A causal language model."""
    return shaken(AutoModelForCausalLM.from_config(config_of(kind, fields)))


def encoder(kind, fields, *, is_masked=False):
    """A bare encoder, or one under the head of a masked language model, as hubs have them."""
    auto = AutoModelForMaskedLM if is_masked else AutoModel
    return shaken(auto.from_config(config_of(kind, fields)))


def saved(folder, model):
    """The model as transformers saves it, with a tokenizer beside it."""
    model.save_pretrained(folder)
    words = {"a": 0, **{f"w{place}": place for place in range(1, WORDS)}}
    Tokenizer(models.WordLevel(words, "a")).save(str(folder / "tokenizer.json"))
    return folder
