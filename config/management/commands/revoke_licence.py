"""`manage.py revoke_licence`: take back a licence whose terms its holder broke."""

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from assay.errors import AssayError
from licensing import actions


class Command(BaseCommand):
    """The operator's judgement, on the log: nothing is paid back."""

    help = (
        "Take back a licence that was broken. It is on the list of revoked licences from then on."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Which licence."""
        parser.add_argument("grant", help="the id of the licence")

    def handle(self, *args: object, **options: str) -> None:
        """Safe to run again. raises CommandError with the code of what is wrong"""
        try:
            grant = actions.revoke_licence(options["grant"], now=timezone.now())
        except AssayError as error:
            raise CommandError(f"{error.code}: {error} {error.next_step}") from error
        self.stdout.write(f"{grant.id} is {grant.state}")
