"""`manage.py withdraw_blob`: take a file from everybody, by a message that says why."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from assay.errors import AssayError
from ledger import actions, blobs


class Command(BaseCommand):
    """The message stays in the log for ever, the file's row stays, its bytes are deleted."""

    help = "Delete a file's bytes for good, by a message in the log that says why."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which file, and what the log says of it."""
        parser.add_argument("sha256", help="the file's name: 64 hex digits")
        parser.add_argument("--reason", required=True, help="what the log will say, in a sentence")

    def handle(self, *args: Any, **options: Any) -> None:
        """Safe to run again. raises CommandError with the code of what is wrong"""
        name = options["sha256"]
        try:
            message = actions.withdraw_blob(name, reason=options["reason"], now=timezone.now())
        except AssayError as error:
            raise CommandError(f"{error.code}: {error} {error.next_step}") from error
        blobs.delete(name)
        self.stdout.write(f"{name} is withdrawn by message {message}.")
