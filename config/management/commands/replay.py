"""`manage.py replay`: prove that every table follows from the log."""

import json
import sys
from argparse import ArgumentParser
from contextlib import closing
from time import sleep
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from assay.cli import show
from assay.client import Told
from config.replay import NOT_REPLAYED, ModelUnlisted, Report, replay

EQUAL, NOT_COMPARED, DIFFERENT = 0, 1, 6
LOOKS, PAUSE_S = 5, 1.0
MOST_SHOWN = 20


class Command(BaseCommand):
    """Ends with 0 when all is equal, 6 when something differs, 1 when messages still wait."""

    help = "Rebuild all tables from the log in a scratch database and compare them row by row."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="Answer with one JSON object.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the report; leave with its exit code."""
        try:
            with closing(show.Progress("messages", is_quiet=options["json"])) as bar:
                report = patient_replay(bar)
        except ModelUnlisted as error:
            raise CommandError(f"{error} {error.next_step}", returncode=NOT_COMPARED) from error
        lines = [json.dumps(as_json(report))] if options["json"] else as_text(report)
        for line in lines:
            self.stdout.write(line)
        if code := exit_code(report):
            sys.exit(code)


def patient_replay(told: Told) -> Report:
    """A replay that gives the sequencer a few seconds for the messages that wait."""
    report = replay(told)
    for _ in range(LOOKS - 1):
        if not report.waiting:
            break
        sleep(PAUSE_S)
        report = replay(told)
    return report


def exit_code(report: Report) -> int:
    if report.is_equal:
        return EQUAL
    return DIFFERENT if report.damage or report.differences else NOT_COMPARED


def as_json(report: Report) -> dict[str, object]:
    damage = report.damage.as_dict() if report.damage else {}
    return {
        "equal": report.is_equal,
        "messages": report.messages,
        "checkpoints": report.checkpoints,
        "rows": report.rows,
        "messages_per_s": report.messages_per_s,
        "waiting": report.waiting,
        "damage": damage,
        "not_replayed": NOT_REPLAYED,
        "differences": [vars(one) for one in report.differences],
    }


def as_text(report: Report) -> list[str]:
    """One line per finding, and what to do next."""
    if report.waiting:
        return [f"{report.waiting} messages still wait for their place. Run it again in a moment."]
    done = f"{report.messages} messages, {report.messages_per_s} per second"
    if report.damage:
        return [f"{done}.", f"DAMAGED  {report.damage}", report.damage.next_step]
    if report.differences:
        lines = [f"DIFFERENT  {one}" for one in report.differences[:MOST_SHOWN]]
        count = f"{len(report.differences)} values differ in {report.rows} rows; {done}."
        return [*lines, count, "Keep the database, and find who wrote it other than by the log."]
    return [f"EQUAL  {report.rows} rows follow from {done}; {report.checkpoints} checkpoints hold."]
