"""What is of another base, or no part of the task: refused with what it is."""

from collections.abc import Collection, Sequence

from evaluator.errors import AdapterKeyUnknown, AdapterWrongBase
from evaluator.intake.config import Config
from evaluator.intake.header import Header
from evaluator.intake.names import endings, shown
from evaluator.intake.spelling import PREFIX, Front, lora_modules
from evaluator.task.manifest import AdapterClause

MOST_IN_FRONT = 4  # parts of a name that may stand before a target's, as "base_model.model."
# Linear layers of well-known architectures: who names only such ones has another base in mind.
LINEAR_ELSEWHERE = frozenset({
    "attn_qkv", "c_attn", "c_fc", "c_proj", "dense", "dense_4h_to_h", "dense_h_to_4h", "down_proj",
    "fc1", "fc2", "gate_proj", "gate_up_proj", "k", "k_lin", "k_proj", "key", "key_proj", "lin1",
    "lin2", "o", "o_proj", "out_lin", "out_proj", "q", "q_lin", "q_proj", "qkv_proj", "query",
    "query_key_value", "query_proj", "up_proj", "v", "v_lin", "v_proj", "value", "value_proj",
    "wi", "wi_0", "wi_1", "wo", "Wi", "Wo", "Wqkv",
})  # fmt: skip
UNRESIZED = "Save again with save_pretrained(folder, save_embedding_layers=False)."
COPIED = "a copy of a part that the base holds"
UNCOPIED = "Leave it out of modules_to_save: LoRA on it is taken, a copy is not."
# A stranger's name -> what it is, and what mends it.
STRANGERS = (
    ("lora_embedding_", "LoRA on embeddings", "Name linear layers alone in target_modules."),
    ("lora_magnitude", "DoRA's lengths", "Train with use_dora=False."),
    (".experts.", "LoRA on the fused experts of a mixture", "Train on attention alone."),
    ("embed_tokens.", "the embeddings, trained or resized", UNRESIZED),
    ("word_embeddings.", "the embeddings, trained or resized", UNRESIZED),
    ("lm_head.", "the head over the vocabulary, which is saved with the embeddings", UNRESIZED),
    (".pooler.dense.weight", COPIED, UNCOPIED),
    (".pooler.dense.bias", COPIED, UNCOPIED),
    (".head.dense.weight", COPIED, UNCOPIED),
    (".head.norm.weight", COPIED, UNCOPIED),
    (".lora_B.bias", "a bias of LoRA", "Train with lora_bias=False."),
)


def refuse_other_modules(names: Sequence[str], base: str) -> None:
    """Raise AdapterWrongBase when all names are linear layers of other architectures."""
    if all(name.rpartition(".")[2] in LINEAR_ELSEWHERE for name in names):
        raise AdapterWrongBase(
            f"None of the adapter's target modules is one of {base}.",
            base=base,
            found=[shown(name) for name in names[:8]],
        )


def refuse_other_base(
    header: Header, front: Front, config: Config, clause: AdapterClause, base: str
) -> None:
    """Raise AdapterWrongBase when no pair names a target, or none that does is of its width."""
    lora = sorted(one for one in header.entries if ".lora_" in one)
    widths = list(_widths(header, front, config, clause))
    if widths:
        found, wanted = widths[0]
        is_other = all(one != other for one, other in widths)
        told = f": its layers are {found} wide, where {wanted} is wanted"
    else:
        known = {ending for target in clause.targets for ending in endings(target)}
        is_other = bool(lora) and not any(_names_a_target(one, known) for one in lora)
        told = _and_no_head(clause, header.entries)
    if is_other:
        raise AdapterWrongBase(
            f"The adapter was trained on another base than {base}{told}.",
            base=base,
            found=[shown(one) for one in lora[:4]],
        )


def refuse_strangers(header: Header, known: Collection[str]) -> None:
    """Raise AdapterKeyUnknown for the first tensor that is none of these, with what it is."""
    name = min((one for one in header.entries if one not in known), default=None)
    if name is None:
        return
    kind, mend = next(((kind, mend) for mark, kind, mend in STRANGERS if mark in name), ("", ""))
    told = f": that is {kind}" if kind else ""
    message = f"The task has no tensor {shown(name)}{told}."
    raise AdapterKeyUnknown(message, next_step=mend, tensor=shown(name))


def _widths(
    header: Header, front: Front, config: Config, clause: AdapterClause
) -> list[tuple[int, int]]:
    """Of each A and B of a target: its width and the target's, the same where it has no width."""
    found = []
    for module in lora_modules(header):
        target, rank = front.in_task(module), config.rank_of(module)
        if target not in clause.targets:
            continue
        rows, columns = clause.targets[target]
        for side, wanted, place in (("A", columns, 1), ("B", rows, 0)):
            entry = header.entries.get(f"{PREFIX}{module}.lora_{side}.weight")
            if entry is None:
                continue
            is_sound = len(entry.shape) == 2 and rank in entry.shape and 0 not in entry.shape
            found.append((entry.shape[place] if is_sound else wanted, wanted))
    return found


def _names_a_target(name: str, endings_of_targets: Collection[str]) -> bool:
    """True for a target's name with less, or a little more, in front: the base may be right."""
    module = name.partition(".lora_")[0]
    parts = module.split(".", MOST_IN_FRONT)
    return any(".".join(parts[place:]) in endings_of_targets for place in range(len(parts)))


def _and_no_head(clause: AdapterClause, entries: Collection[str]) -> str:
    absent = sorted(one for one in clause.head if PREFIX + one not in entries)
    return f", and it has no class head ({absent[0]})" if absent and entries else ""
