"""`manage.py witnesses`: what the witnesses of our log answered last."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ledger import actions, queries


class Command(BaseCommand):
    """Lists them; ends with an error while one has seen another history than ours."""

    help = "List the witnesses of the log, or settle a dispute with one after finding its cause."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One option: which dispute is over."""
        parser.add_argument(
            "--settle", metavar="NAME", help="The dispute with this witness is over."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print one line per witness. raises CommandError while there is a dispute"""
        if options["settle"] and not actions.settle_dispute(options["settle"]):
            raise CommandError(f"There is no dispute with {options['settle']!r}.")
        found = queries.witnesses()
        for one in found:
            self.stdout.write(f"{one.id}  cosigned {one.size}  {one.problem or 'all is well'}")
        if disputes := [one.id for one in found if one.is_dispute]:
            raise CommandError(f"Another history was seen by {', '.join(disputes)}.")
