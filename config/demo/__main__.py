"""`python -m config.demo`: the whole story against a running site. `make demo` calls it.

An outside client like any other: it starts the site, then uses forms, commands and the API.
"""

import argparse
import shutil
import signal
import sys
import threading
import time
from pathlib import Path

from assay.errors import AssayError
from config.demo import ending, report
from config.demo.site import announce, begin, plan_site
from config.demo.story import FULL, QUICK, Story
from config.demo.telling import StoryBroken, Telling
from config.demo.visitor import PASSWORD
from workers.site import HOUSE
from workers.supervisor import Plan, Supervisor


def main() -> int:
    """The exit status: 0 only if every step of the story held."""
    asked = _arguments()
    telling, folder = Telling(), asked.folder
    shutil.rmtree(folder, ignore_errors=True)
    try:
        plan = plan_site(folder / "data", asked.port)
        announce(plan, telling)
        with telling.stage("start"):
            supervisor = begin(plan, telling)
    except (AssayError, StoryBroken) as error:
        telling.raw(f"The site did not start: {error}")
        return 1
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    try:
        pace = QUICK if asked.quick else FULL
        story = Story(plan, folder, telling, plan.address.rstrip("/"), pace)
        status = _play(story, supervisor, stopping)
        report.write(telling, folder / "report.json")
        telling.raw(f"The facts are in {folder / 'report.json'}.")
        if status == 0 and not asked.once:
            _stay(plan, supervisor, telling, stopping)
    finally:
        supervisor.stop()
    return status


def _play(story: Story, supervisor: Supervisor, stopping: threading.Event) -> int:
    """Play in a thread of its own: the supervisor's children must belong to the main thread."""
    broken: list[BaseException] = []

    def scenes() -> None:
        try:
            story.play()
            ending.play(story)
        except (StoryBroken, OSError, ValueError, KeyError, StopIteration) as error:
            broken.append(error)

    thread = threading.Thread(target=scenes, daemon=True)
    thread.start()
    while thread.is_alive() and not stopping.is_set():
        supervisor.tend()
        time.sleep(0.2)
    if broken or stopping.is_set():
        story.telling.facts["broken"] = repr(broken[0]) if broken else "interrupted"
        story.telling.raw(f"\nThe story broke: {story.telling.facts['broken']}")
        return 1
    report.show(story.telling)
    return 0


def _stay(plan: Plan, supervisor: Supervisor, telling: Telling, stopping: threading.Event) -> None:
    """Keep the site up until Ctrl-C."""
    telling.raw(f"\nThe site stays up: {plan.address}")
    telling.raw(f"Sign in as orchard (sponsor) or northwind (buyer), password {PASSWORD}.")
    telling.raw("Ctrl-C ends it.")
    while not stopping.is_set():
        supervisor.tend()
        time.sleep(0.2)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="end when the story has ended")
    parser.add_argument("--quick", action="store_true", help="less training, less data")
    parser.add_argument("--port", type=int, default=0, help="0 chooses a free one")
    parser.add_argument("--folder", type=Path, default=HOUSE / "var" / "demo")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
