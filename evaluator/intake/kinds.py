"""What a file really is, when it is not what its name says, and what mends it."""

from collections.abc import Collection

from evaluator.errors import AdapterFileMissing, AdapterFileUnknown, AdapterJson, AdapterLayout
from evaluator.intake.files import CONFIG_NAME, TENSORS_NAME
from evaluator.intake.names import shown

LOOK = 512  # bytes at the beginning that tell
MOST_NAMED = 8  # names in a note

AGAIN = "Save the adapter with peft's save_pretrained: it writes safetensors."
FETCH = "Fetch the real file: hf download OWNER/NAME, or git lfs pull in the clone."
# How files of other kinds begin, what they are, and what mends it.
BEGINNINGS: tuple[tuple[bytes, str, str], ...] = (
    (b"version https://git-lfs.github.com/spec/v1", "a Git LFS pointer", FETCH),
    (b"# xet version", "a Xet pointer", FETCH),
    (b"<!doctype", "a web page (HTML)", FETCH),
    (b"<html", "a web page (HTML)", FETCH),
    (b"<?xml", "an XML answer of a server", FETCH),
    (b"entry not found", "an error message of a hub", FETCH),
    (b"invalid username or password", "an error message of a hub", FETCH),
    (b"access to model", "an error message of a hub", FETCH),
    (b"not found", "an error message of a hub", FETCH),
    (b'{"error', "an error message of a hub", FETCH),
    (b"\x80\x02", "a Python pickle", AGAIN),
    (b"\x80\x03", "a Python pickle", AGAIN),
    (b"\x80\x04", "a Python pickle", AGAIN),
    (b"\x80\x05", "a Python pickle", AGAIN),
    (b"pk", "a zip archive, as torch.save writes it", AGAIN),
    (b"gguf", "a GGUF file", AGAIN),
    (b"\x93numpy", "a NumPy array", AGAIN),
    (b"\x1f\x8b", "a gzip archive", "Unpack it, and give the folder."),
)
MARK = b"\xef\xbb\xbf"

BIN = (
    'python -c "import torch, safetensors.torch as s; s.save_file({k: v.contiguous() for k, v in '
    "torch.load('adapter_model.bin', weights_only=True).items()}, 'adapter_model.safetensors', "
    "metadata={'format': 'pt'})\""
)
SHARDS = (
    'python -c "import glob, safetensors.torch as s; s.save_file({k: v for f in '
    "glob.glob('adapter_model-0*.safetensors') for k, v in s.load_file(f).items()}, "
    "'adapter_model.safetensors', metadata={'format': 'pt'})\""
)


def kind_of(beginning: bytes) -> tuple[str, str]:
    """What a file is that begins so, and what mends it; empty texts when nothing is known."""
    text = beginning[:LOOK].removeprefix(MARK).lstrip().lower()
    return next(
        ((kind, mend) for mark, kind, mend in BEGINNINGS if text.startswith(mark)), ("", "")
    )


def refuse_other_kind(name: str, beginning: bytes) -> None:
    """Raise AdapterJson for a config, AdapterLayout for tensors, that are another kind of file."""
    kind, mend = kind_of(beginning)
    if not kind and name == CONFIG_NAME and beginning.startswith(MARK):
        kind, mend = "text with a byte order mark", "Save it as UTF-8 without a byte order mark."
    if not kind:
        return
    problem = f"it looks like {kind}"
    if name == CONFIG_NAME:
        message = f"{name} is not strict JSON: {problem}."
        raise AdapterJson(message, next_step=mend, file=name, problem=problem)
    message = f"{name} is no safetensors file: {problem}."
    raise AdapterLayout(message, next_step=mend, problem=problem)


def refuse_other_weights(names: Collection[str]) -> None:
    """Say what lies there in the place of adapter_model.safetensors.

    names   of what else is in the folder
    raises  AdapterFileUnknown for weights in another form, else AdapterFileMissing
    """
    missing = f"{TENSORS_NAME} is missing"
    shards = sorted(one for one in names if _is_shard(one))
    below = sorted((one for one in names if one.startswith("checkpoint-")), key=_number)
    if shards:
        raise _other(shards[0], f"{missing}: the weights are in {len(shards)} shards", SHARDS)
    if "adapter_model.bin" in names:
        raise _other("adapter_model.bin", f"{missing}: there is only adapter_model.bin", BIN)
    if "adapters.safetensors" in names or "adapters.npz" in names:
        mend = "Convert it to peft: docs/adapters.md, section 6, has the lines."
        raise _other("adapters.safetensors", f"{missing}: this is an adapter of mlx-lm", mend)
    if {"model.safetensors", "pytorch_model.bin", "model.safetensors.index.json"} & set(names):
        mend = "Save the adapter alone: PeftModel.save_pretrained before merge_and_unload."
        raise _other("model.safetensors", f"{missing}: this is a whole model", mend)
    if below:
        raise AdapterFileMissing(
            f"{missing}; the folder holds checkpoints.",
            next_step=f"Name one of them: {shown(below[-1])}.",
            file=TENSORS_NAME,
        )


def note(names: Collection[str], more: int = 0) -> tuple[str, ...]:
    """Names of what is ignored, cut to a few: the last says how many more there are."""
    first = tuple(shown(one) for one in sorted(names)[:MOST_NAMED])
    left = len(names) + more - len(first)
    return (*first, f"{left} more") if left else first


def _is_shard(name: str) -> bool:
    return name.startswith("adapter_model-0") and name.endswith((".safetensors", ".bin"))


def _number(name: str) -> int:
    tail = name.rpartition("-")[2]
    return int(tail) if tail.isascii() and tail.isdigit() and len(tail) < MOST_NAMED * 2 else 0


def _other(name: str, problem: str, mend: str) -> AdapterFileUnknown:
    return AdapterFileUnknown(f"{problem}.", next_step=mend, file=name)
