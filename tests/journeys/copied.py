"""A copy of what a site serves, fetched by its public doors, for audits of a folder."""

import json

from django.test import Client

from assay import merkle
from audit.history import TABLES


def copy_site(folder):
    """Write log.json, log/..., state/... as the auditor reads them; the answer is the folder."""
    client = Client()
    about = client.get("/api/log").json()
    save(folder / "log.json", json.dumps(about).encode())
    for path in ("checkpoint", *merkle.tile_paths(about["size"])):
        save(folder / "log" / path, client.get(f"/log/{path}").content)
    for table in TABLES:
        answer = client.get(f"/api/state/{table.TABLE}")
        assert answer.status_code == 200, table.TABLE
        save(folder / "state" / f"{table.TABLE}.json", answer.content)
    return folder


def save(path, raw):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw)


def change_row(folder, table, change):
    """Let `change(rows)` alter the rows of one table's page."""
    path = folder / "state" / f"{table}.json"
    page = json.loads(path.read_text())
    change(page["rows"])
    path.write_text(json.dumps(page))


def flip(path, place):
    """One bit of one byte of a file."""
    raw = bytearray(path.read_bytes())
    raw[place] ^= 1
    path.write_bytes(bytes(raw))
