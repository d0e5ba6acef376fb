"""What lies in a folder that is to become a base, and which of its files count.

Standard library only: whatever can be judged from names, sizes and JSON is judged before torch is
loaded. The choice of files is that of transformers: model.safetensors, else the index's shards.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from evaluator.errors import BaseRefused

CONFIG_NAME = "config.json"
TOKENIZER_NAME = "tokenizer.json"
WEIGHTS_NAME = "model.safetensors"
INDEX_NAME = "model.safetensors.index.json"
GENERATION_NAME = "generation_config.json"
TOKENIZER_CONFIG_NAME = "tokenizer_config.json"
MARKS_NAME = "special_tokens_map.json"
MOST_JSON_BYTES = 64 << 20
POINTER = b"version https://git-lfs"
_SHARD = re.compile(r"model-(\d{5})-of-(\d{5})\.safetensors")
_PICKLES = ("pytorch_model*.bin", "model*.bin", "*.pth", "*.pt", "*.ckpt")
_OTHERS = {
    "*.gguf": "GGUF",
    "tf_model*.h5": "TensorFlow",
    "flax_model*.msgpack": "Flax",
    "*.onnx": "ONNX",
}
_VOCABULARIES = (
    "vocab.txt", "vocab.json", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model",
    "source.spm", "spm.model", "tekken.json",
)  # fmt: skip


def read_config(folder: Path) -> dict[str, object]:
    """config.json as transformers wrote it, with or without a byte order mark.

    raises BaseRefused
    """
    if not folder.is_dir():
        raise refused(folder, "there is no such folder")
    if not (folder / CONFIG_NAME).is_file():
        raise _without_config(folder)
    config = read_json(folder / CONFIG_NAME)
    if "peft_type" in config:
        raise refused(folder, "its config is that of an adapter, not of a base")
    return config


def read_json(path: Path) -> dict[str, object]:
    """A JSON object in a file. raises BaseRefused, with what the file is instead"""
    refuse_stand_in(path)
    try:
        if path.stat().st_size > MOST_JSON_BYTES:
            raise refused(path.parent, f"{path.name} is over {MOST_JSON_BYTES >> 20} MiB")
        found = json.loads(path.read_bytes().decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        problem = f"{path.name} is no JSON: {error!s:.120}"
        raise refused(path.parent, problem, f"Download {path.name} again.") from error
    if not isinstance(found, dict):
        raise refused(path.parent, f"{path.name} is no JSON object")
    return found


def refuse_stand_in(path: Path) -> None:
    """A file that only stands for another: a Git LFS pointer, a web page. raises BaseRefused"""
    try:
        with path.open("rb") as file:
            start = file.read(512).lstrip(b"\xef\xbb\xbf \r\n\t")
    except OSError as error:
        problem = f"{path.name} cannot be read: {error.strerror or error}"
        raise refused(path.parent, problem) from error
    if start.startswith(POINTER):
        raise refused(
            path.parent,
            f"{path.name} is a Git LFS pointer, not the file itself",
            f"Fetch the files: git -C {path.parent.name} lfs pull",
        )
    if start[:15].lower().startswith((b"<!doctype", b"<html")):
        raise refused(
            path.parent,
            f"{path.name} is an HTML page, not the file itself",
            "Download it again: a page of the site, such as a sign-in, was saved in its place.",
        )
    if not start:
        raise refused(path.parent, f"{path.name} is empty", "Download it again.")


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files that hold the base, as transformers chooses them.

    raises BaseRefused: none, a missing shard, or weights of another format
    """
    single = folder / WEIGHTS_NAME
    if single.is_file():
        return [single]
    if (folder / INDEX_NAME).is_file():
        return _indexed(folder)
    shards = sorted(one for one in folder.glob("*.safetensors") if _SHARD.fullmatch(one.name))
    if shards:
        return _counted(folder, shards)
    raise _without_weights(folder)


def check_tokenizer(folder: Path) -> None:
    """There is a tokenizer.json. raises BaseRefused, with the command that makes one"""
    path = folder / TOKENIZER_NAME
    if path.is_file():
        refuse_stand_in(path)
        return
    found = [name for name in _VOCABULARIES if (folder / name).is_file()]
    if not found:
        raise refused(
            folder,
            "there is no tokenizer.json",
            "Download the tokenizer too: tokenizer.json beside config.json.",
        )
    is_pieces = any(name.endswith((".model", ".spm")) for name in found)
    kind = "a sentencepiece model" if is_pieces else "a vocabulary"
    needs = "pip install sentencepiece protobuf && " if is_pieces else ""
    raise refused(
        folder,
        f"there is no tokenizer.json, only {kind} ({found[0]})",
        f'Convert it: {needs}python -c "from transformers import AutoTokenizer as T; '
        f"T.from_pretrained('{folder.name}').save_pretrained('{folder.name}')\"",
    )


def refused(folder: Path, problem: str, next_step: str = "") -> BaseRefused:
    """The refusal of this folder, by its true cause."""
    told = {"next_step": next_step} if next_step else {}
    return BaseRefused(
        f"{folder.name} cannot be a base: {problem}.",
        folder=folder.name,
        problem=problem,
        **told,
    )


def _indexed(folder: Path) -> list[Path]:
    """The shards that the index names; all must be there."""
    named = read_json(folder / INDEX_NAME).get("weight_map")
    if not isinstance(named, Mapping) or not named:
        raise refused(folder, f"{INDEX_NAME} has no weight_map")
    shards = sorted({str(one) for one in named.values()})
    strange = next((one for one in shards if Path(one).name != one), None)
    if strange is not None:
        raise refused(folder, f"{INDEX_NAME} names {strange!r:.80}, which is no file beside it")
    missing = [one for one in shards if not (folder / one).is_file()]
    if missing:
        raise _missing(folder, missing, len(shards))
    return [folder / one for one in shards]


def _counted(folder: Path, shards: list[Path]) -> list[Path]:
    """Shards without an index, which say by their names how many they are."""
    count = int(shards[0].name[15:20])
    wanted = [f"model-{place:05}-of-{count:05}.safetensors" for place in range(1, count + 1)]
    missing = [one for one in wanted if not (folder / one).is_file()]
    if missing:
        raise _missing(folder, missing, count)
    return [folder / one for one in wanted]


def _missing(folder: Path, names: list[str], count: int) -> BaseRefused:
    return refused(
        folder,
        f"{len(names)} of {count} shards are missing: {', '.join(names[:3])}",
        f"Download {names[0]} into the folder.",
    )


def _without_config(folder: Path) -> BaseRefused:
    below = sorted(one.parent for one in folder.glob(f"*/{CONFIG_NAME}"))
    below += sorted(one.parent for one in folder.glob(f"snapshots/*/{CONFIG_NAME}"))
    if below:
        inside = below[0].relative_to(folder)
        return refused(
            folder, f"its config.json lies below, in {inside}", f"Give {folder.name}/{inside}."
        )
    if (folder / "adapter_config.json").is_file():
        return refused(folder, "it is an adapter, not a base", "Give the base it was trained on.")
    if any(folder.glob("*.gguf")):
        return _without_weights(folder)
    if (folder / "params.json").is_file():
        return refused(
            folder,
            "it is in the author's own format (params.json), without a config.json",
            "Download the same model in the format of transformers.",
        )
    return refused(folder, "there is no config.json")


def _without_weights(folder: Path) -> BaseRefused:
    """What lies there in the place of safetensors weights, and what to do about it."""
    if (folder / "adapter_model.safetensors").is_file():
        return refused(
            folder,
            "adapter_model.safetensors is an adapter; the base's own weights are not here",
            "Give the base's folder.",
        )
    pickles = [one for pattern in _PICKLES for one in sorted(folder.glob(pattern))]
    if pickles:
        refuse_stand_in(pickles[0])
        return refused(
            folder,
            f"its weights are a pickle ({pickles[0].name}), which can run code when it is opened",
            f"Convert it to safetensors, if you trust its author: {convert_command(folder)}",
        )
    for pattern, name in _OTHERS.items():
        if found := next(iter(sorted(folder.glob(pattern))), None):
            return refused(
                folder,
                f"{found.name} has {name} weights; only safetensors are read",
                "Download the same model with safetensors weights.",
            )
    others = sorted(one.name for one in folder.glob("*.safetensors"))
    if others:
        if others[0].startswith("consolidated"):
            return refused(
                folder,
                f"{others[0]} is in the author's own format, not in that of transformers",
                "Download the same model's model*.safetensors.",
            )
        return refused(
            folder,
            f"{others[0]} is not a name under which transformers looks for weights",
            f"Download the files of transformers' format, or rename it to {WEIGHTS_NAME}.",
        )
    return refused(folder, "there are no weights: it needs model.safetensors")


def convert_command(folder: Path) -> str:
    """The command that writes a folder's weights as safetensors, by the class its config names."""
    named = read_config(folder).get("architectures")
    first = str(named[0]) if isinstance(named, list) and named else ""
    kind = first if first.isidentifier() else "AutoModel"
    return (
        f'python -c "from transformers import {kind} as M; '
        f"M.from_pretrained('{folder.name}', dtype='auto').save_pretrained('{folder.name}')\""
    )
