"""Register a base: read a folder, run it once, pin each file by its hash, keep a copy in the store.

Registered means runnable: what could not be scored as transformers computes it is refused here, by
its true cause (docs/bases.md). Registering twice gives the same pins. Another folder under a name
that is taken is refused. A refused base leaves nothing behind.
"""

import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import huggingface_hub
from tokenizers import Tokenizer

from assay.canonical import sha256_file
from evaluator.bases import ends, folder, sizes
from evaluator.bases.apart import Ended, apart
from evaluator.bases.catalogue import (
    CARD_NAME,
    NAME,
    Base,
    Card,
    base_named,
    bases,
    store,
    write_card,
)
from evaluator.bases.headers import read_headers, refuse_adapter, refuse_quantised
from evaluator.bases.shapes import GENERIC, FilePin, GenericShape, Shape
from evaluator.errors import BaseRefused, BaseUnreachable
from evaluator.generic.reference import Folder
from evaluator.generic.trial import Tried, tried

HUB_PATTERNS = [
    folder.CONFIG_NAME, folder.TOKENIZER_NAME, folder.INDEX_NAME, folder.GENERATION_NAME,
    folder.TOKENIZER_CONFIG_NAME, folder.MARKS_NAME, "*.safetensors",
]  # fmt: skip
LIMIT_S, BYTES_PER_S = 600, 4 << 20
COPIES = 4  # of the weights in float32: read, built, kept and read again
_DTYPES = ("float32", "float16", "bfloat16", "float64", None)
_CHOICES = ("_attn_implementation", "attn_implementation", "_attn_implementation_autoset")


def add_base(path: Path, card: Card, report: Callable[[str], None] = lambda _: None) -> Base:
    """Pin and keep the base in a folder of transformers (config, tokenizer, safetensors).

    report  is told, in sentences, what was decided or left out
    raises  BaseRefused: by what is missing, damaged, too large or not to be scored, or because the
            name is taken by another base
    """
    if not NAME.fullmatch(card.name):
        raise folder.refused(path, f"{card.name!r:.80} is no name: use a-z, 0-9, dot, hyphen")
    config = folder.read_config(path)
    files = folder.weight_files(path)
    folder.check_tokenizer(path)
    held = read_headers(files)
    refuse_quantised(path, config, held)
    refuse_adapter(path, held)
    weights = sizes.weight_bytes(held.values())
    store().mkdir(parents=True, exist_ok=True)
    sizes.refuse_too_large(path, weights, files, store())
    with tempfile.TemporaryDirectory(dir=store(), prefix=".new-") as made:
        kept = Path(made) / card.name
        kept.mkdir()
        _keep_texts(path, config, kept)
        found = _tried(Folder(path, files, held, config, kept), weights)
        for note in (*found.notes, *_spare(kept, found.shape)):
            report(note)
        base = _pinned(kept, card, found.shape)
        (kept / CARD_NAME).write_bytes(write_card(base))
        for one in (kept, *kept.iterdir()):  # a jail has a user of its own, and a base no secrets
            one.chmod(0o755 if one.is_dir() else 0o644)
        return _placed(kept, base)


def from_hub(name: str) -> Path:
    """Fetch config, tokenizer and weights of a hub's repository; the folder that holds them.

    raises BaseUnreachable
    """
    try:
        return Path(huggingface_hub.snapshot_download(name, allow_patterns=HUB_PATTERNS))
    except (OSError, ValueError, huggingface_hub.errors.HfHubHTTPError) as error:
        raise BaseUnreachable(
            f"{name} cannot be fetched: {error!s:.200}", base=name[:80]
        ) from error


def _keep_texts(path: Path, config: Mapping[str, object], kept: Path) -> None:
    """config.json and tokenizer.json, and which tokens open and end a text."""
    source = path / folder.CONFIG_NAME
    raw = source.read_bytes()
    inert = [name for name in config if name in _CHOICES or _is_odd_dtype(name, config[name])]
    if inert or raw.startswith(b"\xef\xbb\xbf"):
        plain = {name: one for name, one in config.items() if name not in inert}
        raw = (json.dumps(plain, indent=2, sort_keys=True) + "\n").encode()
    (kept / source.name).write_bytes(raw)
    target = kept / folder.TOKENIZER_NAME
    target.write_bytes((path / folder.TOKENIZER_NAME).read_bytes().removeprefix(b"\xef\xbb\xbf"))
    try:
        tokenizer = Tokenizer.from_file(str(target))
    except Exception as error:  # the library raises Exception itself
        problem = f"tokenizer.json cannot be read: {error!s:.160}"
        raise folder.refused(path, problem, "Save it again with the newest tokenizers.") from error
    text = config.get("text_config")
    told = {**config, **(text if isinstance(text, Mapping) else {})}
    marks = ends.ends_in(path, told, tokenizer.token_to_id)
    (kept / ends.FILE_NAME).write_bytes(ends.write_ends(marks))


def _spare(kept: Path, shape: Shape) -> list[str]:
    """A note on tokens that the embedding has no row for, such as a mark that was added later."""
    tokenizer = Tokenizer.from_file(str(kept / folder.TOKENIZER_NAME))
    words = tokenizer.get_vocab(with_added_tokens=True)
    over = sorted(name for name, place in words.items() if place >= shape.vocabulary)
    if not over:
        return []
    named = ", ".join(over[:3])
    return [f"the embedding has no row for {len(over)} tokens ({named:.80}): no text may hold one"]


def _is_odd_dtype(name: str, value: object) -> bool:
    """How others load the weights is nothing to us; "torch.bfloat16" ends transformers."""
    return name in ("dtype", "torch_dtype") and value not in _DTYPES


def _tried(there: Folder, weights: int) -> Tried:
    """The base, read and run within bounds. raises BaseRefused"""
    size = sum(one.stat().st_size for one in there.files)
    memory = COPIES * weights + 2 * size + (4 << 30)
    try:
        found: Tried = apart(
            lambda: tried(there), memory_bytes=memory, limit_s=LIMIT_S + size // BYTES_PER_S
        )
    except Ended as error:
        raise folder.refused(
            there.path,
            f"it could not be loaded and run here: {error}",
            "Choose a smaller model, or add it on a larger machine.",
        ) from error
    return found


def _pinned(kept: Path, card: Card, shape: Shape) -> Base:
    files = {
        path.name: FilePin(sha256_file(path), path.stat().st_size)
        for path in sorted(kept.iterdir())
    }
    return Base(
        name=card.name,
        title=card.name,
        family=GENERIC if isinstance(shape, GenericShape) else shape.kind,
        package="",
        folder=card.name,
        files=files,
        shape=shape,
        licence=card.licence,
        author=card.author,
        source=card.source,
    )


def _placed(kept: Path, base: Base) -> Base:
    """Move the finished copy to its place; a base that is there already must be the same."""
    if not _is_taken(base.name):
        try:
            kept.rename(store() / base.name)
        except OSError:
            if not _is_taken(base.name):  # by another command, just now
                raise
        else:
            return base
    held = base_named(base.name)
    if (held.files, held.family, held.shape) != (base.files, base.family, base.shape):
        raise BaseRefused(
            f"The name {base.name} is taken by another base.",
            next_step="Choose another --name.",
            folder=base.name,
            problem="the name is taken",
        )
    return held


def _is_taken(name: str) -> bool:
    return name in {one.name for one in bases()}
