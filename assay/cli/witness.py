"""`assay witness`: be the witness that keeps a log from having two histories."""

import signal
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Annotated

import typer

from assay import keys
from assay.cli import show
from assay.cli.caller import caller_of
from assay.witness import Memory, Witness, logs_of, server

LISTEN = "127.0.0.1:8100"
FILE = "witness.db"


def witness(
    context: typer.Context,
    *,
    name: Annotated[str, typer.Option(help="Your name as a witness, such as w.example.")],
    log: Annotated[list[str], typer.Option(help="Verifier key of a log; repeat for more logs.")],
    listen: Annotated[str, typer.Option(help="Address and port to answer at.")] = LISTEN,
    key: Annotated[str, typer.Option(help="Name of the key on this machine.")] = "witness",
) -> None:
    """Cosign the checkpoints of logs, each only when it extends the last one you cosigned.

    Answers POST /add-checkpoint as C2SP tlog-witness says, until it is stopped, and shows the last
    checkpoint it cosigned to everybody. A log's verifier key is log_key in its /api/log. Put HTTPS
    in front of it.
    """
    caller = caller_of(context)
    signer = keys.read_or_make_key(caller.home.key_path(key))
    memory = Memory(Path(caller.home.folder) / FILE)
    mine = Witness(name, signer, logs_of(log), memory)
    with open_door(mine, listen) as door:
        told = {"witness": mine.vkey, "logs": sorted(mine.logs), "port": door.server_address[1]}
        show.put(told, as_json=True)
        serve_until_stopped(door)


def open_door(mine: Witness, listen: str) -> ThreadingHTTPServer:
    """The witness's server at `host:port`; port 0 takes any. raises typer.BadParameter"""
    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal():
        raise typer.BadParameter(f"{listen!r} is no address and port, such as {LISTEN}")
    return server(mine, host, int(port))


def serve_until_stopped(door: ThreadingHTTPServer) -> None:
    """Answer until SIGTERM or SIGINT; what was begun is ended."""
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, lambda *_: Thread(target=door.shutdown, daemon=True).start())
    door.serve_forever()
