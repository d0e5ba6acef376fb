"""Libraries that not every install has: asked for before they are needed, or imported late.

A client encodes no text, and only an install for training has torch: README.md has the three.
"""

import importlib
import importlib.util
from typing import Any

from assay.errors import AssayError

TRAINING = (
    "torch",
    "transformers",
    "peft",
)  # what our code imports of train.txt
OF_GENERIC_BASES = ("torch", "transformers")  # what computes them
_WORKERS = "make setup"  # what reads and measures texts: worker.txt
_ADDED_BY = dict.fromkeys(("tokenizers", "sacrebleu", "lm_eval"), _WORKERS)
_OTHERWISE = 'make setup SET=train, or pip install ".[train]"'


class LibraryMissing(AssayError):
    """A library that this install of the scale is without is needed. Facts: library."""

    code, status = "scale.library_missing", 503
    next_step = "Install the set that has it: README.md names the three."


def has(*libraries: str) -> bool:
    """True when all of them are installed."""
    return all(importlib.util.find_spec(one) is not None for one in libraries)


def need(*libraries: str) -> None:
    """Nothing when all of them are installed. raises LibraryMissing, which says how to get one"""
    for library in libraries:
        if not has(library):
            raise LibraryMissing(
                f"This needs {library}, which is not installed here.",
                next_step=f"Install it: {_ADDED_BY.get(library, _OTHERWISE)}",
                library=library,
            )


class Late:
    """What a function or a class of another module gives for these arguments, once it is asked.

    Measures of texts and the harness bring libraries that take seconds; a tokenizer is needed only
    where texts are read. raises LibraryMissing where `library` is not installed
    """

    def __init__(self, library: str, module: str, name: str, **given: object) -> None:
        self._library, self._module, self._name, self._given = library, module, name, given

    def __getattr__(self, asked: str) -> Any:
        if "_made" not in self.__dict__:
            need(self._library)
            make = getattr(importlib.import_module(self._module), self._name)
            self._made = make(**self._given)
        return getattr(self._made, asked)
