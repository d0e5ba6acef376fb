"""`manage.py witness`: this house as a witness of other logs."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from assay.cli.witness import FILE, LISTEN, open_door, serve_until_stopped
from assay.errors import AssayError
from assay.keys import read_or_make_key
from assay.witness import Memory, Witness, logs_of


class Command(BaseCommand):
    """Serves until it is stopped. The key and what was cosigned last lie beside the house's own."""

    help = "Cosign the checkpoints of other logs, each only when it extends the last one cosigned."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Who we are, whose logs, and where to answer."""
        host = settings.LOG_ORIGIN.partition("/")[0]
        parser.add_argument("--name", default=f"{host}/witness", help="Our name as a witness.")
        parser.add_argument(
            "--log", action="append", required=True, help="Verifier key of a log; repeat for more."
        )
        parser.add_argument("--listen", default=LISTEN, help="Address and port to answer at.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the verifier key, then answer. raises CommandError with the code of the fault"""
        key = read_or_make_key(Path(settings.KEYS_FOLDER) / "witness.key")
        memory = Memory(Path(settings.DATA) / FILE)
        try:
            mine = Witness(options["name"], key, logs_of(options["log"]), memory)
        except AssayError as error:
            raise CommandError(f"{error.code}: {error} {error.next_step}") from error
        with open_door(mine, options["listen"]) as door:
            told = {"witness": mine.vkey, "logs": sorted(mine.logs)}
            self.stdout.write(json.dumps({**told, "port": door.server_address[1]}))
            self.stdout.flush()
            serve_until_stopped(door)
