"""`manage.py workers`: whose keys sign final scores; `--retire KEY` ends one."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from assay.errors import AssayError
from competitions import queries
from competitions.actions import crew


class Command(BaseCommand):
    """Lists the workers that the log knows, and retires one."""

    help = "List the scoring workers of the log; --retire KEY lets nothing that it signs count."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which one is to go, and why."""
        parser.add_argument("--retire", metavar="KEY", help="The worker's key, 64 digits.")
        parser.add_argument("--reason", default="The operator took it out of service.")

    def handle(self, *args: Any, **options: Any) -> None:
        """raises CommandError when there is no such worker"""
        if key := options["retire"]:
            try:
                crew.retire(key, reason=options["reason"], now=timezone.now())
            except AssayError as error:
                raise CommandError(f"{error.code}: {error} {error.next_step}") from error
        for one in queries.workers():
            state = f"retired: {one.reason}" if one.retired_ms is not None else "signs"
            self.stdout.write(f"{one.pk}  {one.name}  {one.device}  {one.sandbox_level}  {state}")
