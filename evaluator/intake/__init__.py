"""The intake of adapters: hostile bytes in, one canonical blob or a named refusal out."""

from evaluator.intake.admission import Admitted, admit, admit_folder

__all__ = ["Admitted", "admit", "admit_folder"]
