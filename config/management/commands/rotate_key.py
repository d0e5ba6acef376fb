"""`manage.py rotate_key ROLE`: another key signs for the house, from a message of the log on."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from assay import keys
from assay.errors import AssayError
from ledger import actions, queries
from ledger.rules.accounts import ISSUANCE, Role
from ledger.rules.keyring import HOUSE


class Command(BaseCommand):
    """Makes the new key, records it signed by the old one, puts it in place. May be run again."""

    help = "Put a new key in the place of one of the house's: planned, or because it was stolen."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which key, and whether the old one is there."""
        parser.add_argument("role", choices=[role.value for role in HOUSE])
        parser.add_argument(
            "--lost",
            action="store_true",
            help="The old key is gone. Only an evaluator's can be replaced without it.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Record, then exchange the files: cut off in between, the same command ends it.

        raises CommandError, and then the old key still signs
        """
        role, is_lost = Role(options["role"]), bool(options["lost"])
        if is_lost and role != Role.EVALUATOR:
            words = "Nobody believes a new key that the old one did not sign."
            raise CommandError(f"{words} docs/runbook.md, section 3, says what can be done.")
        if not queries.has_account(ISSUANCE):
            raise CommandError("The log has not begun: start the site once, or `manage.py found`.")
        path = Path(settings.KEYS_FOLDER) / f"{role}.key"
        try:
            old = None if is_lost else keys.read_key(path)
            new = keys.next_key(path)
            message = actions.rotate_house_key(role, old, new, now=timezone.now())
            aside = keys.take_next(path)
        except AssayError as error:
            raise CommandError(f"{error.code}: {error} {error.next_step}") from error
        self.stdout.write(f"{role}: {keys.public_hex(new)} signs from message {message} on.")
        self.stdout.write(f"The new key is in {path}, the old one in {aside}. Back the new one up;")
        self.stdout.write("processes of this host sign with it at once, other hosts need the file.")
