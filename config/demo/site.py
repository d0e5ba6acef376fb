"""The demo's site: a fresh folder, migrated and founded, kept running by the supervisor."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from config.demo.telling import StoryBroken, Telling
from workers.sandbox.levels import probe
from workers.site import HOUSE, site_plan
from workers.supervisor import Plan, Supervisor

BASE = "minilm-l6-v2"


def plan_site(folder: Path, port: int, **environment: str) -> Plan:
    """A site with a fresh database in `folder` and a quick clock; `environment` is laid over it.

    raises PortTaken
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    given = dict(os.environ)  # noqa: TID251 - the children inherit it
    for name in ("DATABASE_URL", "CELERY_BROKER_URL", "STORAGE_URL"):
        given.pop(name, None)
    given |= {"ASSAY_TICK_S": "1", "ASSAY_DISPUTE_LEAST_S": "0", **environment}
    return site_plan(folder, "127.0.0.1", port, given)


def begin(plan: Plan, telling: Telling) -> Supervisor:
    """Migrate, found the log, start everything. raises ChildFailed, AlreadyRunning"""
    with telling.waiting("site", "making the tables"):
        manage(plan, "migrate", "--verbosity", "0")
        manage(plan, "found")
    supervisor = Supervisor(plan, lambda line: telling.say("site", line))
    supervisor.start()
    return supervisor


def manage(plan: Plan, *words: str, may_fail: bool = False) -> subprocess.CompletedProcess[str]:
    """Run one `manage.py` command on the site's data. raises StoryBroken when it fails"""
    done = subprocess.run(
        [sys.executable, str(HOUSE / "manage.py"), *words],
        env=plan.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode and not may_fail:
        said = (done.stdout + done.stderr)[-1500:]
        raise StoryBroken(f"manage.py {words[0]} exits {done.returncode}: {said}")
    return done


def announce(plan: Plan, telling: Telling) -> None:
    """Say which sandbox this host gives, and what is absent that could be there."""
    host = probe()
    if host.level is None:
        raise StoryBroken(f"nothing can be scored here: {host.explain()}")
    telling.facts["sandbox_level"] = host.level.value
    telling.say("site", f"sandbox level: {host.level.value}")
    for one in host.missing:
        telling.say("site", f"absent: {one.what}; {one.fix}")
    for note in plan.notes:
        telling.say("site", f"absent: {note}")
