"""`manage.py env`: every environment variable that the house reads."""

from typing import Any

from django.core.management.base import BaseCommand

from config import env


class Command(BaseCommand):
    """Lists name, default and meaning; never a value, for some are secret."""

    help = "List every environment variable with its default and its meaning."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print one line per variable."""
        for name, default, meaning in env.meanings():
            self.stdout.write(f"{name:<26} {default or '-':<24} {meaning}")
