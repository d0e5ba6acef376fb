"""`manage.py witnesses`: what the witnesses of our log answered last, and what they prove."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from assay import notes
from ledger import actions, queries
from ledger.errors import AnotherHistory
from workers import record


class Command(BaseCommand):
    """Lists them; ends with an error while one has seen another history than ours."""

    help = "List the log's witnesses, ask them now, or settle a dispute after finding its cause."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whether to ask first, and which dispute is over."""
        parser.add_argument(
            "--ask",
            action="store_true",
            help="Ask every witness first: do it after a restore, before the site starts.",
        )
        parser.add_argument(
            "--settle",
            metavar="NAME",
            help="The dispute with this witness is over; what waited gets its place.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print one line per witness, and its evidence.

        raises CommandError during a dispute, and when one of those that were asked does not cosign
        """
        if options["settle"] and not actions.settle_dispute(options["settle"]):
            raise CommandError(f"There is no dispute with {options['settle']!r}.")
        asked = _ask() if options["ask"] else set()
        found = queries.witnesses()
        for one in found:
            self.stdout.write(f"{one.id}  cosigned {one.size}  {one.problem or 'all is well'}")
            if one.evidence:
                self.stdout.write(one.evidence)
        if holders := queries.evidence_holders():
            error = AnotherHistory(holders)
            raise CommandError(f"{error.code}: {error} {error.next_step}")
        if disputes := [one.id for one in found if one.is_dispute]:
            raise CommandError(f"Another history was seen by {', '.join(disputes)}.")
        if silent := [one.id for one in found if one.id in asked and one.problem]:
            raise CommandError(f"The newest checkpoint is not cosigned by {', '.join(silent)}.")


def _ask() -> set[str]:
    """Ask every witness; their names. raises CommandError when there is nobody or nothing to ask"""
    if not settings.WITNESSES:
        raise CommandError("ASSAY_WITNESSES names no witness: there is nobody to ask.")
    if queries.latest_checkpoint() is None:
        raise CommandError("This log has no checkpoint: there is nothing to ask about.")
    record.ask_witnesses(again_s=0)
    return {notes.read_verifier_key(vkey)[0] for vkey, _ in settings.WITNESSES}
