"""`manage.py sandbox_doctor`: how strongly this host can lock a job up, and what is missing."""

from django.core.management.base import BaseCommand, CommandError

from workers.sandbox import bubblewrap, landlock, seccomp
from workers.sandbox.fresh import Needs
from workers.sandbox.levels import Level, probe
from workers.sandbox.stamp import policy_name
from workers.sandbox.trial import Trial, try_fresh, try_zygote

WITHOUT_FRESH = (
    "         Without it a sponsor's scoring code runs in a zygote of its own, and so does a base\n"
    "         of an architecture that is not ours, if it can; and a sponsor's files are read by a\n"
    "         process that has limits but no jail."
)


class Command(BaseCommand):
    """Try every lock, then the whole chain with hostile jobs, and say what was found."""

    help = "Print the strongest sandbox level of this host, what is missing, and how to get it."

    def handle(self, *args: object, **options: object) -> None:
        """Exit status 1 when nothing can be scored here, or something got out."""
        host = probe()
        for missing in host.missing:
            self.stdout.write(f"missing  {missing.what}\n  fix    {missing.fix}")
        if host.level is None:
            raise CommandError("No sandbox level works here: this host cannot score.")
        weaker = " < ".join(level.value for level in Level)
        self.stdout.write(f"level    {host.level.value}  (of {weaker})")
        self.stdout.write(f"landlock {_landlock()}")
        escapes = self._tried("zygote", [host.level.filter_name], try_zygote(host.level))
        if reason := bubblewrap.why_not():
            self.stdout.write(f"fresh    missing: {reason}")
            self.stdout.write(WITHOUT_FRESH)
        else:
            filters = [seccomp.ROUND_FRESH, Needs().filter_name]
            escapes += self._tried("fresh", filters, try_fresh())
        if escapes:
            raise CommandError(f"Not stopped: {', '.join(escapes)}. This host must not score.")

    def _tried(self, backend: str, filters: list[str], trial: Trial) -> list[str]:
        """Print one backend's trial; the cases that got out."""
        policy = policy_name(backend, trial.level, filters, trial.sha256)
        stopped = len(trial.held) - len(trial.escapes)
        self.stdout.write(
            f"{backend:8} {stopped} of {len(trial.held)} attacks stopped, level "
            f"{trial.level.value}, {trial.took_s:.1f} s\n"
            f"  probe  {trial.sha256}\n  policy {policy}"
        )
        return trial.escapes


def _landlock() -> str:
    try:
        return f"ABI {landlock.version()}"
    except OSError as error:
        return f"NOT ENABLED in this kernel ({error}): the level landlock cannot be made here"
