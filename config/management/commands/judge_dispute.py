"""`manage.py judge_dispute`: rule on a dispute about a work."""

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from assay.errors import AssayError
from licensing import actions
from licensing.rules.disputes import CLEARED, OPENED, UPHELD


class Command(BaseCommand):
    """The operator's ruling, on the log, with its reason."""

    help = "Rule on a dispute: opened freezes the work, cleared releases it, upheld ends it."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which dispute, what, and why."""
        parser.add_argument("dispute", help="the id of the dispute: that of its order")
        parser.add_argument("ruling", choices=[OPENED, CLEARED, UPHELD], help="what is ruled")
        parser.add_argument("--why", required=True, help="the reason, for everybody to read")

    def handle(self, *args: object, **options: str) -> None:
        """raises CommandError with the code of what is wrong"""
        told = {"ruling": options["ruling"], "why": options["why"]}
        try:
            found = actions.judge_dispute(options["dispute"], **told, now=timezone.now())
        except AssayError as error:
            raise CommandError(f"{error.code}: {error} {error.next_step}") from error
        self.stdout.write(f"{found.id} is {found.state}")
