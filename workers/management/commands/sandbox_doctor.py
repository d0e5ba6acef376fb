"""`manage.py sandbox_doctor`: how strongly this host can lock a job up, and what is missing."""

from django.core.management.base import BaseCommand, CommandError

from workers.sandbox.levels import Level, probe
from workers.sandbox.seccomp import read_filter


class Command(BaseCommand):
    """Try every lock, and say what was found."""

    help = "Print the strongest sandbox level of this host, what is missing, and how to get it."

    def handle(self, *args: object, **options: object) -> None:
        """Exit status 1 when nothing can be scored here."""
        host = probe()
        for missing in host.missing:
            self.stdout.write(f"missing  {missing.what}\n  fix    {missing.fix}")
        if host.level is None:
            raise CommandError("No sandbox level works here: this host cannot score.")
        policy = read_filter(host.level.filter_name)
        weaker = " < ".join(level.value for level in Level)
        self.stdout.write(f"level    {host.level.value}  (of {weaker})\npolicy   {policy.sha256}")
