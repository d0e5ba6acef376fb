"""A long log in the tables of a site, and the same as the files that it would serve."""

import json
from collections import Counter

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection, transaction
from django.test import Client
from django.utils import timezone

from assay import wire
from audit.history import TABLES
from config.scratch import write_rows
from ledger import log, queries
from ledger.sequencer import sequence
from tests.bench.world import Keys, World, tell

AT_ONCE = 5000
INSERT = (
    "INSERT INTO ledger_message (item, kind, signer, anchor, cause, raw)"
    " VALUES (%s, %s, %s, %s, %s, %s)"
)


def house_keys():
    return Keys(*(log.signing_key(role) for role in ("operator", "evaluator", "log")))


def load(size):
    """A log of at least this size in an empty database: messages, places, tiles, tables."""
    waiting, kinds = [], Counter()

    def sink(entry):
        kinds[entry.kind] += 1
        told = (entry.id, entry.kind, entry.signer, entry.anchor, entry.cause, entry.raw)
        waiting.append(told)
        if len(waiting) == AT_ONCE:
            insert(waiting)

    world = World(house_keys(), settings.LOG_ORIGIN, sink)
    tell(world, size)
    insert(waiting)
    with transaction.atomic():
        for table in TABLES:
            write_rows(table, world.rows.all(table), DEFAULT_DB_ALIAS)
    place_all()
    return world.said


@transaction.atomic
def insert(waiting):
    with connection.cursor() as cursor:
        cursor.executemany(INSERT, waiting)
    waiting.clear()


def place_all():
    while sequence(holder="load", now=timezone.now()):
        pass


def mirror(folder):
    """What the site serves, as files: the tiles themselves, the checkpoint, and every table."""
    (folder / "log").mkdir(parents=True)
    (folder / "state").mkdir()
    about = Client(SERVER_NAME="127.0.0.1").get("/api/log").json()
    (folder / "log.json").write_text(json.dumps(about))
    (folder / "log" / "checkpoint").write_text(queries.latest_checkpoint().note)
    tiles = settings.STORAGES["tiles"]["OPTIONS"]["location"]
    (folder / "log" / "tile").symlink_to(f"{tiles}/tile", target_is_directory=True)
    size = queries.log_size()
    for table in TABLES:
        path = folder / "state" / f"{table.TABLE}.json"
        with path.open("w") as file:
            file.write(f'{{"size": {size}, "rows": [')
            for number, row in enumerate(rows_of(table)):
                file.write((", " if number else "") + json.dumps(row))
            file.write("]}")
    return folder


def rows_of(table):
    """The rows as the site's API tells them."""
    after = ""
    while page := queries.table_page(table, after=after, limit=1000):
        yield from (wire.to_json(log.row_of(table, one)) for one in page)
        after = page[-1]["id"]
