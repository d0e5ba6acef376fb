"""The base model is read once for all tests of the scale."""

import pytest

from evaluator.bases import MINILM, folder_of
from evaluator.score.scoring import load_base
from evaluator.task.prepare import Options, prepare
from tests.evaluator.tiny import Tiny, register, write_adapter, write_llama

SALT = bytes(range(32))
NOUNS = (
    "lamp",
    "river",
    "engine",
    "garden",
    "window",
    "paper",
    "stone",
    "bridge",
    "candle",
    "road",
)
SENTENCES = {
    "cat": "The cat purrs beside the {} and licks its paws, number {}.",
    "dog": "A dog barks at the {} until somebody throws the ball, number {}.",
    "owl": "At night the owl watches the {} and hoots in the dark, number {}.",
}


def examples(first, count):
    """`count` sentences of each class, different for every number."""
    return [
        {
            "text": text.format(f"{NOUNS[n % 10]} {NOUNS[n // 10 % 10]} {n * 7919}", n),
            "label": label,
        }
        for n in range(first, first + count)
        for label, text in SENTENCES.items()
    ]


@pytest.fixture(scope="session")
def weights():
    return load_base(folder_of(MINILM))


@pytest.fixture(scope="session")
def slices():
    return {"train": examples(0, 16), "public": examples(100, 8), "board": examples(300, 8),
            "final": examples(200, 8)}  # fmt: skip


@pytest.fixture(scope="session")
def prepared(slices):
    return prepare(MINILM, **slices, options=Options(salt=SALT, max_tokens=24))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A tiny decoder registered in a store of its own, with an adapter for it."""
    folder = tmp_path_factory.mktemp("tiny")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASSAY_BASES", str(folder / "store"))
        base = register(write_llama(folder / "tiny-llama"))
        yield Tiny(folder / "tiny-llama", base, write_adapter(folder / "adapter", base))


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A folder with an empty store of bases in it."""
    monkeypatch.setenv("ASSAY_BASES", str(tmp_path / "store"))
    return tmp_path
