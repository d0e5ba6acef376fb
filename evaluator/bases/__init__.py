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
from evaluator.bases.shapes import DecoderShape, EncoderShape, FilePin, GenericShape, Shape

__all__ = [
    "MINILM",
    "Base",
    "DecoderShape",
    "EncoderShape",
    "FilePin",
    "GenericShape",
    "Shape",
    "base_id",
    "base_named",
    "bases",
    "folder_of",
    "verify_folder",
]
