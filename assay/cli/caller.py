"""Who runs a command, and where: flag before environment before file before default."""

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assay import keys
from assay.cli.home import DEFAULTS, Home, home_at
from assay.client import Client, ClientError
from assay.errors import AssayError, did_you_mean

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object, or one per line.")]
Competition = Annotated[
    str,
    typer.Option("--competition", "-c", envvar="ASSAY_COMPETITION", help="Id of the competition."),
]


class NotSignedIn(AssayError):
    """The command needs an account, and none is signed in here. Facts: url."""

    code, status = "auth.nobody", 401
    next_step = "Run `assay auth login`."


class CompetitionMissing(AssayError):
    """No competition is named. Facts: none."""

    code, status = "usage.competition_missing", 422
    next_step = "Name one: `-c ID`, or once for all `assay config set competition ID`."


@dataclass(frozen=True)
class Caller:
    """What the options before the command and this machine's files say.

    given_url, given_token  from flag or environment, else empty
    """

    home: Home
    given_url: str
    given_token: str
    is_quiet: bool

    @property
    def url(self) -> str:
        found = self.given_url or self.home.settings().get("url") or DEFAULTS["url"]
        return found.rstrip("/")

    @property
    def token(self) -> str:
        return self.given_token or self.home.token(self.url)

    def client(self) -> Client:
        """Speaks for whoever is signed in, or for nobody."""
        return Client(self.url, token=self.token, origin=self.home.origin(self.url))

    def member(self) -> Client:
        """Speaks for whoever is signed in. raises NotSignedIn"""
        if not self.token:
            raise NotSignedIn(f"Nobody is signed in at {self.url}.", url=self.url)
        return self.client()

    def account(self) -> str:
        """raises NotSignedIn"""
        found = self.home.settings().get("account", "")
        if not found:
            raise NotSignedIn(f"Nobody is signed in at {self.url}.", url=self.url)
        return found

    def key(self, name: str = "default") -> Ed25519PrivateKey:
        """raises KeyUnusable"""
        return keys.read_key(self.home.key_path(name))

    def competition(self, named: str) -> str:
        """The competition of a command: named, or the one of the settings.

        raises CompetitionMissing
        """
        found = named or self.home.settings().get("competition", "")
        if not found:
            raise CompetitionMissing("Which competition?")
        return found


def caller_of(context: typer.Context) -> Caller:
    """The caller that the options before the command made."""
    folder, url, token, is_quiet = context.find_root().obj
    return Caller(home_at(folder), url, token, is_quiet)


class YesNeeded(AssayError):
    """What cannot be undone is not done unasked. Facts: none."""

    code, status = "usage.yes_needed", 422
    next_step = "Run it again with --yes."


def need_yes(told: str, *, is_given: bool) -> None:
    """Ask before what cannot be undone. raises YesNeeded where nobody can be asked, or says no"""
    if is_given:
        return
    if not sys.stdin.isatty() or not typer.confirm(f"{told} Go on?", err=True):
        raise YesNeeded(told)


def now_ms() -> int:
    """The clock of this machine, read at the door: milliseconds since 1970, UTC."""
    return time.time_ns() // 1_000_000


def suggest(client: Client, error: ClientError, path: str, wanted: str) -> NoReturn:
    """Raise an error again, with the closest name of a list when the name was unknown."""
    if error.status == 404 and not error.next_step.startswith("Did you mean"):
        known = [str(one["id"]) for one in client.listed(path)]
        error.next_step = did_you_mean(wanted, known) or error.next_step
    raise error


def file_in(folder: Path, name: str) -> Path:
    """A file of this name directly in the folder, whatever a server calls it. raises ClientError"""
    if not name or name != Path(name).name or name.startswith("."):
        raise ClientError(
            f"The site names a file {name!r}, which could lie anywhere.",
            next_step="Tell the operator.",
            code="client.file_name_odd",
        )
    return folder / name
