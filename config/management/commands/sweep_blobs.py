"""`manage.py sweep_blobs`: delete files that nothing names."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from competitions import queries as contests
from competitions.actions.opening import sweep_openings
from ledger import actions


class Command(BaseCommand):
    """Does now what beat asks for every hour. Harmless when there is nothing to sweep."""

    help = "Delete private files that no message and no draft names, a day after their last use."

    def handle(self, *args: Any, **options: Any) -> None:
        """Sweep until nothing is left to sweep, and say how many files are gone."""
        now, count = timezone.now(), 0
        sweep_openings(now=now)
        kept = contests.files_in_use()
        actions.sweep_uploads(now=now)
        while actions.sweep_parts(now=now):
            pass
        while swept := actions.sweep_blobs(now=now, kept=kept):
            count += swept
        is_last = False
        while not is_last:
            swept, is_last = actions.sweep_strays(now=now, kept=kept)
            count += swept
        self.stdout.write(f"{count} files are gone.")
