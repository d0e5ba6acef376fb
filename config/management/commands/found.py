"""`manage.py found`: begin the log."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from ledger import actions, queries


class Command(BaseCommand):
    """Writes the first messages: the house's keys and accounts. Harmless when they are there."""

    help = "Begin the log with the house's keys and accounts; harmless when it has begun."

    def handle(self, *args: Any, **options: Any) -> None:
        """Found the log and say how long it is."""
        actions.found(now=timezone.now())
        count = queries.log_size() + queries.waiting_messages()
        self.stdout.write(f"The log has begun; it has {count} messages.")
