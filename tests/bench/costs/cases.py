"""The cases: each is prepared, then done while it is counted."""

import hashlib
import inspect
import json
import os
import resource
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

import django

django.setup()

from django.conf import settings  # noqa: E402 - Django is awake
from django.contrib.auth import get_user_model  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.utils import timezone  # noqa: E402

from assay import items, keys, messages  # noqa: E402
from assay.client import sign_order  # noqa: E402
from evaluator.evaluators.taskfile import read_task  # noqa: E402
from evaluator.task.data import read_samples  # noqa: E402
from ledger import actions  # noqa: E402
from web import auth  # noqa: E402

BODIES, LOGINS = 100, 16
BYTES = "application/octet-stream"
PASSWORD = "correct horse battery staple"


def one(name: str, data: Path) -> None:
    if name == "prepare":
        prepare()
        return
    do = CASES[name]()
    before, began, peak = kept_bytes(data), cpu_s(), memory_bytes()
    answers = do()
    told = {
        "case": name,
        "cpu_s": round(cpu_s() - began, 3),
        "memory_mib": round((memory_bytes() - peak) / 2**20, 1),
        "kept_bytes": kept_bytes(data) - before,
        "answers": answers,
    }
    sys.stdout.write(json.dumps(told) + "\n")


def prepare() -> None:
    call_command("migrate", verbosity=0)
    actions.found(now=timezone.now())
    get_user_model().objects.create_user("ada", password=PASSWORD)
    actions.open_account_for("ada", now=timezone.now())


def client(**more):
    return Client(raise_request_exception=False, SERVER_NAME="127.0.0.1", **more)


def signed_in():
    made = client()
    made.force_login(get_user_model().objects.get(username="ada"),
                     backend="django.contrib.auth.backends.ModelBackend")  # fmt: skip
    return made


def large_bodies():
    """Anonymous bodies with 46 KiB of tags each, that are nobody's order."""
    site = client()
    bodies = [
        items.make(
            keys.new_key(),
            [(f"{number}-{n}", "x" * 2900) for n in range(16)],
            b"{}",
            anchor=bytes(32),
        ).encode()
        for number in range(BODIES)
    ]
    site.post("/api/messages", bodies[0], content_type=BYTES)
    return lambda: count(site.post("/api/messages", one, content_type=BYTES) for one in bodies)


def accounts():
    """Accounts opened by signed orders, each with a new key, from one address."""
    site = client()
    orders = [sign(messages.AccountOpen(f"user-{n}"), keys.new_key()) for n in range(BODIES)]
    return lambda: count(site.post("/api/messages", one, content_type=BYTES) for one in orders)


def sign(body, key):
    named = {"origin": settings.LOG_ORIGIN}
    named = named if "origin" in inspect.signature(sign_order).parameters else {}
    return sign_order(body, key, idempotency="one", **named).encode()


def sign_ins():
    """Wrong passwords for one account, at once."""
    gate = threading.Barrier(LOGINS)

    def work():
        found = []

        def attempt():
            gate.wait()
            body = {"account": "ada", "password": "y" * 200}
            found.append(client().post("/api/auth/token", body, content_type="application/json"))

        threads = [threading.Thread(target=attempt) for _ in range(LOGINS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return count(found)

    return work


def draft_of(site):
    return str(site.post("/sponsor/").url).split("/drafts/")[1].split("/")[0]


def summary():
    """A summary of 10 MB in a draft."""
    site = signed_in()
    path = f"/sponsor/drafts/{draft_of(site)}/task/"
    return lambda: count([site.post(path, {"title": "a", "summary": "x" * 10_000_000})])


def drafts():
    """Drafts begun, one after the other."""
    site = signed_in()
    return lambda: count(site.post("/sponsor/") for _ in range(BODIES))


def upload():
    """A file of 32 MiB, sent whole, that no order names."""
    token = auth.issue("ada", timezone.now())
    raw = os.urandom(32 << 20)
    path = f"/api/blobs/{hashlib.sha256(raw).hexdigest()}"
    headers = {"authorization": f"Bearer {token}"}
    return lambda: count([client().put(path, raw, content_type=BYTES, headers=headers)])


def read(name, text):
    """What a reader does with a file of a metric that takes all columns; without its jail."""
    folder = Path(tempfile.mkdtemp(prefix="assay-cost-"))
    path = folder / name
    path.write_text(text)

    def work():
        try:
            rows = read_samples(path, file_format=path.suffix[1:], columns=None)
        except Exception as error:  # noqa: BLE001 - its name is the answer
            return {type(error).__name__: 1}
        finally:
            shutil.rmtree(folder)
        return {"rows": len(rows)}

    return work


def whole_table():
    """A CSV of 32 MB, 900 columns wide, for a metric that takes all columns."""
    head, row = ",".join(f"c{n}" for n in range(900)), ",".join(["a"] * 900)
    return read("a.csv", "\n".join([head, *[row] * 18_000]))


def new_keys():
    """332 KB of JSON lines with a new key in every row, for a metric that takes all columns."""
    return read("a.jsonl", "\n".join(json.dumps({f"k{n:05d}": "v"}) for n in range(20_750)))


def numbers():
    """7.8 MB of JSON lines: one row, a list of numbers, for a metric that takes all columns."""
    return read("a.jsonl", f'{{"n": [{"1," * 3_899_999}1]}}')


def brackets():
    """A task file of 32 KB of opening brackets."""

    def work():
        try:
            read_task("[" * 32_000)
        except Exception as error:  # noqa: BLE001 - its name is the answer
            return {type(error).__name__: 1}
        return {"taken": 1}

    return work


def count(answers):
    found: dict[str, int] = {}
    for one in answers:
        found[str(one.status_code)] = found.get(str(one.status_code), 0) + 1
    return found


def cpu_s() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def memory_bytes() -> int:
    """The most that this process or its largest child has held."""
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return 1024 * sum(resource.getrusage(one).ru_maxrss for one in who)


def kept_bytes(data: Path) -> int:
    """All files; what lies beside the database for a while is put into it first."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return sum(one.stat().st_size for one in data.rglob("*") if one.is_file())


CASES = {
    one.__name__: one
    for one in (large_bodies, accounts, sign_ins, summary, drafts, upload, whole_table, new_keys,
                numbers, brackets)
}  # fmt: skip

if __name__ == "__main__":
    one(sys.argv[1], Path(sys.argv[2]))
