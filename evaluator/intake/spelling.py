"""How a file spells the names of a task's modules: the same module has a few honest names.

AutoModel, a class with a head, sentence-transformers and a wrapper of one's own put other words in
front of the same module. So names are compared by their endings, and the file's words in front are
exchanged for the task's: one exchange for the whole file, found from the names alone.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from evaluator.errors import AdapterKeyMissing
from evaluator.intake.header import Header
from evaluator.intake.names import endings, shown

PREFIX = "base_model.model."
SIDES = {".lora_A.weight": "A", ".lora_B.weight": "B"}
MOST_IN_FRONT = 3  # words that may stand before a module's, as "0.auto_model"
# Words that say that another part of a larger model is meant.
OTHER_PARTS = frozenset({
    "audio_encoder", "audio_tower", "decoder", "image_encoder", "vision_model", "vision_tower",
    "visual",
})  # fmt: skip
RENAME = (
    "python -c \"import safetensors.torch as s; f = 'adapter_model.safetensors'; s.save_file({{{} "
    "for k, v in s.load_file(f).items()}}, f, metadata={{'format': 'pt'}})\""
)


SPELLINGS = (
    (
        "hold _orig_mod., as torch.compile names them",
        "_orig_mod.",
        "k.replace('_orig_mod.', ''): v",
    ),
    ("hold the adapter's name, default", ".default.", "k.replace('.default.', '.'): v"),
    ("begin with module., as DataParallel names them", "module.base_model.", "k[7:]: v"),
)


@dataclass(frozen=True)
class Front:
    """What stands before a module's name: the file's words, and the task's; often the same."""

    there: str = ""
    here: str = ""

    def in_task(self, name: str) -> str:
        """A name of the file as the task spells it."""
        if self.there and not name.startswith(f"{self.there}."):
            return ""
        return _joined(self.here, name[len(self.there) + 1 :] if self.there else name)

    def in_file(self, name: str) -> str:
        """A name of the task as the file spells it."""
        if self.here and not name.startswith(f"{self.here}."):
            return name
        return _joined(self.there, name[len(self.here) + 1 :] if self.here else name)


def lora_modules(header: Header) -> dict[str, set[str]]:
    """Module as the file spells it -> the sides, A and B, that it has."""
    found: dict[str, set[str]] = {}
    for name in header.entries:
        for ending, side in SIDES.items():
            if name.startswith(PREFIX) and name.endswith(ending):
                found.setdefault(name[len(PREFIX) : -len(ending)], set()).add(side)
    return found


def front_of(modules: Collection[str], targets: Collection[str]) -> Front:
    """The exchange under which most of the file's modules are targets; of equals the shortest."""
    known = set(targets)
    if all(one in known for one in modules):
        return Front()
    tails: dict[str, list[str]] = {}
    for target in targets:
        for cut, tail in _tails(target):
            if not _has_number(cut):
                tails.setdefault(tail, []).append(cut)
    fronts = [Front(), *_fronts(sorted(modules), tails)]
    counts = [sum(one.in_task(name) in known for name in modules) for one in fronts]
    return fronts[counts.index(max(counts))]


def refuse_spelling(header: Header, wanted: str) -> None:
    """Say which spelling a file has that peft itself would pass over in silence.

    wanted  a name that the file should have
    raises  AdapterKeyMissing, with the command that renames the tensors
    """
    first = next((one for one in header.entries if ".lora_" in one), "")
    for told, mark, change in SPELLINGS:
        if mark in first:
            raise _misspelt(told, first, change, wanted)
    if first and not first.startswith(PREFIX):
        raise _misspelt(f"lack {PREFIX} in front", first, f"{PREFIX!r} + k: v", wanted)


def _misspelt(told: str, first: str, change: str, wanted: str) -> AdapterKeyMissing:
    return AdapterKeyMissing(
        f"The tensors' names {told}: {shown(first)}.",
        next_step=f"Rename them: {RENAME.format(change)}",
        tensor=wanted,
    )


def _fronts(modules: list[str], tails: Mapping[str, list[str]]) -> Iterator[Front]:
    """The exchanges that the first module which has one allows."""
    for module in modules:
        found = [
            Front(there, here)
            for there, tail in _tails(module)
            for here in tails.get(tail, ())
            if _may_stand(there) and not _parts(there) & (OTHER_PARTS - _parts(here))
        ]
        if found:
            yield from found
            return


def _tails(name: str) -> Iterator[tuple[str, str]]:
    """What is cut off in front, none first, and what is left of the name."""
    for place, tail in enumerate(endings(name)):
        if place > MOST_IN_FRONT:
            return
        yield name[: len(name) - len(tail)].removesuffix("."), tail


def _may_stand(front: str) -> bool:
    """A number in front is the place in a sentence-transformers model; no other number is."""
    return not _has_number(front.removeprefix("0."))


def _has_number(front: str) -> bool:
    return any(one.isdigit() for one in _parts(front))


def _parts(front: str) -> set[str]:
    return set(front.split(".")) if front else set()


def _joined(front: str, name: str) -> str:
    return f"{front}.{name}" if front else name
