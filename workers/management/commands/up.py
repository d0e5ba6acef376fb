"""`manage.py up`: the whole site under one supervisor, until Ctrl-C."""

import os
import signal

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from assay.errors import AssayError
from web import profile
from workers import modes
from workers.sandbox.levels import probe
from workers.site import site_plan
from workers.supervisor import Supervisor


class Command(BaseCommand):
    """Prepare the database, then keep broker, web, workers and beat running."""

    help = "Run the site: broker, web, three workers, beat. Ctrl-C stops all of them."

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to listen."""
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000, help="0 chooses a free one")

    def handle(self, *args: object, **options: str | int) -> None:
        """raises CommandError with the code of Unsafe, AlreadyRunning, PortTaken or ChildFailed"""
        try:
            self._run(str(options["host"]), int(options["port"]))
        except AssayError as error:
            said = error.facts.get("said", "")
            raise CommandError(
                f"{error.code}: {error} {error.next_step}\n{said}".strip()
            ) from error

    def _run(self, host: str, port: int) -> None:
        profile.check(host)
        os.umask(modes.OTHERS)
        for line in modes.mend(settings.DATA, settings.KEYS_FOLDER):
            self._say(line)
        plan = site_plan(settings.DATA, host, port)
        supervisor = Supervisor(plan, self._say)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: supervisor.ask_to_stop())
        call_command("migrate", verbosity=0, interactive=False)
        call_command("found")
        for note in plan.notes:
            self._say(note)
        found = probe()
        level = found.level.value if found.level else "none: nothing can be scored here"
        self._say(f"sandbox level: {level}")
        for missing in found.missing:
            self._say(f"  {missing.what}. {missing.fix}")
        supervisor.run(lambda: self._say(f"The site is up: {plan.address}  (Ctrl-C stops it)"))

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
