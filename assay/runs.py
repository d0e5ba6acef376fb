"""What workers sign: that they are workers, and what a run of theirs came to."""

from assay.canonical import canonical, sha256_hex
from assay.messages.parts import Result


def worker_words(name: str, key: str, device: str, sandbox_level: str) -> bytes:
    """What a worker signs when it is registered."""
    return f"assay-worker/1\0{name}\0{key}\0{device}\0{sandbox_level}".encode()


def run_words(competition: str, submission: str, made_of: tuple[str, str], result: Result) -> bytes:
    """What a worker signs of a run on the final slice.

    submission  empty: the untouched base     made_of  hashes of manifest and adapter
    Level and policy of the sandbox are left out: in these two workers may differ.
    """
    told = {
        "score_e9": str(result.score_e9),
        "examples": result.examples,
        "records_sha256": sha256_hex(result.records.encode()),
        "results_root": result.results_root,
        "results_sha256": result.results_sha256,
    }
    return claim_words(competition, submission, made_of, told)


def claim_words(
    competition: str, submission: str, made_of: tuple[str, str], told: dict[str, object]
) -> bytes:
    """The same, of what a claim tells of the result."""
    manifest_sha256, adapter_sha256 = made_of
    about = {
        "competition": competition,
        "submission": submission,
        "manifest_sha256": manifest_sha256,
        "adapter_sha256": adapter_sha256,
    }
    return b"assay-run/1\0" + canonical(about | told)
