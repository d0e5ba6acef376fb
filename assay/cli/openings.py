"""What opens your entries: kept on this machine, handed in to the site, told to all by `open`."""

from collections.abc import Mapping
from pathlib import Path

from assay.canonical import digest, sha256_file
from assay.cli.caller import Caller
from assay.client import Client, ClientError
from assay.commitment import commitment_of, drawn_salt
from assay.errors import AssayError
from assay.messages import Opening, Tag

FIELDS = ("salt", "config_sha256", "tensors_sha256")


class OpeningNotKept(AssayError):
    """Nothing on this machine opens the entry. Facts: submission, folder."""

    code, status = "cli.opening_not_kept", 404
    next_step = "Run it where you entered, with the same ASSAY_HOME: the salt was kept there."


def drawn(
    caller: Caller,
    competition: str,
    files: tuple[Path, Path],
    terms: tuple[str, tuple[Tag, ...], tuple[str, ...]],
) -> tuple[str, Opening]:
    """Commitment and opening of an entry; entered again alike, they are those of the first time.

    files  config and tensors      terms  title, licence and parents
    """
    owner = caller.account()
    wanted = {
        "url": caller.url,
        "owner": owner,
        "competition": competition,
        "config_sha256": sha256_file(files[0]),
        "tensors_sha256": sha256_file(files[1]),
        "terms": digest([terms[0], [list(tag) for tag in terms[1]], list(terms[2])]),
    }
    kept = next((one for one in caller.home.openings() if one.items() >= wanted.items()), None)
    told = kept or {**wanted, "salt": drawn_salt()}
    opening = _opening(told)
    commitment = commitment_of(owner, competition, opening)
    if kept is None:
        caller.home.keep_opening(commitment, told)
    return commitment, opening


def note_entry(caller: Caller, commitment: str, submission: str) -> None:
    """Remember which entry a commitment became."""
    told = dict(caller.home.opening(commitment))
    caller.home.keep_opening(commitment, {**told, "submission": submission})


def of_entry(caller: Caller, submission: str) -> tuple[str, Opening]:
    """Competition and opening of an entry. raises OpeningNotKept"""
    for told in caller.home.openings():
        if told.get("submission") == submission:
            return told["competition"], _opening(told)
    raise OpeningNotKept(
        f"Nothing here opens {submission:.43}.",
        submission=submission,
        folder=str(caller.home.folder / "openings"),
    )


def hand_in(client: Client, competition: str, opening: Opening, commitment: str) -> None:
    """Give it to the site. raises ClientError, also when the site counts another owner"""
    found = client.hand_in(competition, opening)
    if found != commitment:
        raise ClientError(
            "The site makes another commitment of these files: the token is another account's.",
            next_step="Run `assay auth login` once more.",
            code="client.commitment_odd",
        )


def _opening(told: Mapping[str, str]) -> Opening:
    return Opening(*(told[name] for name in FIELDS))
