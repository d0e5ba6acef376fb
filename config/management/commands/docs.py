"""`manage.py docs`: write the reference pages of docs/ from the code."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from config.reference.pages import FOLDER, pages, stale


class Command(BaseCommand):
    """Ends with 0; with --check it writes nothing, and ends with 1 when a page is out of date."""

    help = "Write the reference pages of docs/ from the code, or check that they are up to date."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One option: only compare."""
        parser.add_argument("--check", action="store_true", help="Write nothing; 1 when stale.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print a line per page that is written, or out of date."""
        found = pages()
        changed = stale(found, FOLDER)
        for name in changed:
            if options["check"]:
                self.stdout.write(f"docs/{name} is out of date: run `make docs`.")
            else:
                (FOLDER / name).write_text(found[name], encoding="utf-8")
                self.stdout.write(f"docs/{name} is written.")
        if not changed:
            self.stdout.write("The reference pages are up to date.")
        elif options["check"]:
            sys.exit(1)
