"""Gives every committed message its place, and keeps the tree as files that never change."""

from ledger.sequencer.steps import sequence

__all__ = ["sequence"]
