"""The base models: their shapes, the pinned ones, and the registered ones."""

from evaluator.bases.catalogue import (
    MINILM,
    Base,
    base_id,
    base_named,
    bases,
    folder_of,
    verify_folder,
)
from evaluator.bases.shapes import BertShape, FilePin, GenericShape, LlamaShape, Shape

__all__ = [
    "MINILM",
    "Base",
    "BertShape",
    "FilePin",
    "GenericShape",
    "LlamaShape",
    "Shape",
    "base_id",
    "base_named",
    "bases",
    "folder_of",
    "verify_folder",
]
