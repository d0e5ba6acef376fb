"""Is a competition well formed? Every problem at once, so that all are corrected in one go."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from assay.bounds import HOSTILE
from assay.messages import Spec
from assay.money import MOST_NANO
from competitions.rules.task import SANDBOX_LEVELS

SLUG = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
OUR_ADDRESSES = frozenset({"new"})  # /competitions/new/ leads to the sponsor's desk
MOST_PLACES = 64
E8 = 10**8
DAY_S = 86_400
LEAST_OPEN_MS = 10_000
MOST_WAIT_S = 2 * 366 * DAY_S  # from today to the close
FEE_E8, POOL_E8, BOND_E8 = 2_500_000, 5_000_000, 10_000_000  # of the prize, for new competitions
FINALS, MOST_FINALS = 2, 10  # entries of an owner that may decide
DEPOSIT_E8 = 100_000  # of the prize, for the full run of an eliminated entry
REVEAL_S, VERIFY_S = DAY_S, 3 * DAY_S
SEALED_FILES = ("board.inputs", "board.labels", "final.inputs", "final.labels")
PUBLIC_FILES = ("manifest.json", "train.jsonl", "public.jsonl", "public.inputs", "public.labels")


class Problem(NamedTuple):
    """A field and what is wrong with it, in words for the sponsor."""

    path: str
    cause: str
    is_date: bool = False


def problems(competition: str, spec: Spec, *, now_ms: int) -> list[Problem]:
    """Everything that is wrong; an empty list is a spec that can be published."""
    found = [*_words(competition, spec), *_money(spec), *_dates(spec, now_ms), *_runs(spec)]
    names = [one.name for one in spec.files]
    missing = [name for name in PUBLIC_FILES if name not in names]
    return found + [Problem("files", f"{name} is missing.") for name in missing]


def new_problems(competition: str, spec: Spec, *, now_ms: int) -> list[Problem]:
    """What is asked of a competition that is about to be published, besides `problems`.

    Not of those on the log already, so the fold does not ask it.
    """
    words = [*address_problems(competition), *title_problems(spec.title)]
    amounts = [*too_much(spec.prize_nano, spec.bond_e8)]
    return [*words, *amounts, *too_late(spec.closes_at_ms, now_ms)]


def bond_nano(spec: Spec) -> int:
    """The sponsor's bond, on top of the prize; it comes back when the sponsor keeps his word."""
    return spec.prize_nano * spec.bond_e8 // E8


def deposit_nano(spec: Spec) -> int:
    """What the full run of an eliminated entry costs unless it places; never nothing."""
    return max(1, spec.prize_nano * spec.deposit_e8 // E8)


def reveal_until_ms(spec: Spec) -> int:
    return spec.closes_at_ms + 1000 * spec.reveal_s


def verify_until_ms(spec: Spec) -> int:
    return reveal_until_ms(spec) + 1000 * spec.verify_s


def settle_until_ms(spec: Spec, dispute_until_ms: int) -> int:
    """Until when a judged competition must be settled."""
    return dispute_until_ms + 1000 * spec.verify_s


def address_problems(competition: str) -> Iterator[Problem]:
    if competition in OUR_ADDRESSES:
        yield Problem("competition", f"/competitions/{competition}/ is another page of the site.")


def title_problems(title: str) -> Iterator[Problem]:
    """One for the first character that is in no text of the log."""
    if odd := HOSTILE.search(title):
        yield Problem(
            "title", f"The title holds U+{ord(odd[0]):04X}, which cannot be printed. Take it out."
        )


def prize_problems(prize_nano: int) -> Iterator[Problem]:
    if prize_nano <= 0:
        yield Problem("prize_nano", "The prize must be more than nothing.")


def curve_problems(curve: Sequence[int]) -> Iterator[Problem]:
    falls = list(curve) == sorted(curve, reverse=True)
    if not 1 <= len(curve) <= MOST_PLACES or not falls or min(curve, default=0) < 1:
        yield Problem(
            "curve", "The curve is 1 to 64 whole weights that never rise, such as 8,4,2,1."
        )


def too_much(prize_nano: int, bond_e8: int) -> Iterator[Problem]:
    """The stake is one amount of the books, so prize and bond together have to fit."""
    if prize_nano + prize_nano * bond_e8 // E8 > MOST_NANO:
        yield Problem("prize_nano", "Prize and bond are more than there can be. Choose less.")


def date_problems(opens_at_ms: int, closes_at_ms: int, *, now_ms: int) -> Iterator[Problem]:
    if closes_at_ms <= now_ms:
        yield Problem("closes_at_ms", "The close is in the past.", is_date=True)
    if closes_at_ms - opens_at_ms < LEAST_OPEN_MS:
        yield Problem("closes_at_ms", "It must stay open for ten seconds at least.", is_date=True)
    if opens_at_ms < now_ms - 1000 * DAY_S:
        yield Problem("opens_at_ms", "The opening is more than a day ago.", is_date=True)


def too_late(closes_at_ms: int, now_ms: int) -> Iterator[Problem]:
    if closes_at_ms > now_ms + 1000 * MOST_WAIT_S:
        cause = "The close is more than two years away. Choose an earlier one."
        yield Problem("closes_at_ms", cause, is_date=True)


def last_call_ms(spec: Spec) -> int:
    """From when on the close is fixed: nobody is surprised in the last tenth of the time."""
    return spec.closes_at_ms - (spec.closes_at_ms - spec.opens_at_ms) // 10


def extension_problems(spec: Spec, closes_at_ms: int, *, now_ms: int) -> Iterator[Problem]:
    """The close can be put off by the length of the competition at most. spec: as published"""
    most_ms = spec.closes_at_ms + (spec.closes_at_ms - spec.opens_at_ms)
    if not spec.closes_at_ms < closes_at_ms <= most_ms:
        cause = "The new close is later than the first, by the competition's own length at most."
        yield Problem("closes_at_ms", cause, is_date=True)
    yield from too_late(closes_at_ms, now_ms)


def dispute_problems(dispute_s: int) -> Iterator[Problem]:
    if not 0 <= dispute_s <= 30 * DAY_S:
        yield Problem("dispute_s", "Choose at most thirty days.", is_date=True)


def window_problems(window_s: int) -> Iterator[Problem]:
    if not 1 <= window_s <= 30 * DAY_S:
        yield Problem("window_s", "Choose a window of one second to thirty days.")


def _words(competition: str, spec: Spec) -> Iterator[Problem]:
    if not SLUG.fullmatch(competition) or len(competition) > 48:
        yield Problem("competition", "The short name takes lower-case letters, digits and hyphens.")
    if not 1 <= len(spec.title) <= 80:
        yield Problem("title", "A title of 1 to 80 characters is needed.")
    if len(spec.summary) > 2000:
        yield Problem("summary", "The summary is longer than 2000 characters.")


def _money(spec: Spec) -> Iterator[Problem]:
    yield from prize_problems(spec.prize_nano)
    yield from curve_problems(spec.curve)
    if spec.fee_e8 < 0 or spec.pool_e8 < 0 or spec.fee_e8 + spec.pool_e8 > E8 // 2:
        yield Problem("fee_e8", "Fee and pool together are between nothing and half of the prize.")
    for path, value in (("bond_e8", spec.bond_e8), ("deposit_e8", spec.deposit_e8)):
        if not 0 <= value <= E8:
            yield Problem(path, "Choose between nothing and the whole prize.")


def _dates(spec: Spec, now_ms: int) -> Iterator[Problem]:
    yield from date_problems(spec.opens_at_ms, spec.closes_at_ms, now_ms=now_ms)
    windows = (("reveal_s", spec.reveal_s), ("verify_s", spec.verify_s))
    for path, value in windows:
        if not 1 <= value <= 30 * DAY_S:
            yield Problem(path, "Choose between one second and thirty days.", is_date=True)
    yield from dispute_problems(spec.dispute_s)


def finals_problems(finals: int) -> Iterator[Problem]:
    if not 1 <= finals <= MOST_FINALS:
        yield Problem("finals", f"Let 1 to {MOST_FINALS} entries of a miner decide.")


def _runs(spec: Spec) -> Iterator[Problem]:
    yield from finals_problems(spec.finals)
    if not 1 <= spec.quota <= 1000:
        yield Problem("quota", "Choose between 1 and 1000 runs a window.")
    yield from window_problems(spec.window_s)
    if spec.min_sandbox_level not in SANDBOX_LEVELS:
        yield Problem("min_sandbox_level", f"Choose one of {', '.join(SANDBOX_LEVELS)}.")
