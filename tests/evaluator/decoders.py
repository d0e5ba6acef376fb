"""The shortest tasks on a decoder: targets as a Llama names them, without a head and with one."""

from dataclasses import replace

from tests.evaluator import makers

HIDDEN, KEYS, WIDE, LAYERS, CLASSES, RANK = 16, 8, 24, 2, 3, 4
PARTS = {
    "self_attn.q_proj": (HIDDEN, HIDDEN),
    "self_attn.k_proj": (KEYS, HIDDEN),
    "self_attn.v_proj": (KEYS, HIDDEN),
    "self_attn.o_proj": (HIDDEN, HIDDEN),
    "mlp.gate_proj": (WIDE, HIDDEN),
    "mlp.up_proj": (WIDE, HIDDEN),
    "mlp.down_proj": (HIDDEN, WIDE),
}
TARGETS = {
    f"model.layers.{layer}.{part}": size for layer in range(LAYERS) for part, size in PARTS.items()
}
HEAD = {"score.weight": (CLASSES, HIDDEN)}
PREFIX = "base_model.model."


def task(head=None):
    """A task on the decoder; head: name -> shape, or none for a language model's loss."""
    whole = makers.manifest()
    return replace(
        whole,
        base=replace(whole.base, name="tiny-llama"),
        adapter=replace(whole.adapter, targets=TARGETS, head=head or {}),
    )


def config(**changed):
    """adapter_config.json of rank 4 on all linear layers, for a language model."""
    return (
        makers.config(
            r=RANK,
            modules_to_save=None,
            task_type="CAUSAL_LM",
            target_modules=sorted(part.rpartition(".")[2] for part in PARTS),
        )
        | changed
    )


def tensors(*, rank=RANK, head=None):
    """Name in the file -> float32 values, for every target and the head."""
    shapes = {PREFIX + name: shape for name, shape in (head or {}).items()}
    for module, (rows, columns) in TARGETS.items():
        shapes[f"{PREFIX}{module}.lora_A.weight"] = (rank, columns)
        shapes[f"{PREFIX}{module}.lora_B.weight"] = (rows, rank)
    return {name: makers.pseudo(name, shape) for name, shape in shapes.items()}
