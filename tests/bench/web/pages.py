"""Which pages are measured: each as its most loaded reader asks for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from competitions.models import Submission
from evaluator.bases import MINILM, base_id
from ledger.models import Transfer
from ledger.rules.accounts import FEE
from licensing.models import Grant, Work
from tests.bench.web.contests import MINER, OPEN, SETTLED
from tests.bench.web.rights import BUYER, work_of

PIECE = MappingProxyType({"HX-Request": "true"})
JSON = "/api/competitions"
FINE = "metric=accuracy&use=commercial&score=0.7"


@dataclass(frozen=True)
class Page:
    """An address, who asks for it ("" is a visitor), and why it is not held to the bounds."""

    name: str
    address: str
    viewer: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    unbounded: str = ""


def pages() -> list[Page]:
    return [*contest_pages(), *rights_pages(), *record_pages()]


def contest_pages() -> list[Page]:
    mine = Submission.objects.filter(competition=OPEN, owner=MINER, state="scored")
    entry, board = mine.earliest("committed_ms").pk, f"/competitions/{OPEN}/leaderboard/"
    return [
        Page("home", "/"),
        Page("competitions", "/competitions/"),
        Page("competitions, last page", "/competitions/?after=900"),
        Page("open competition", f"/competitions/{OPEN}/"),
        Page("open competition, its miner", f"/competitions/{OPEN}/", MINER),
        Page("open competition, its sponsor", f"/competitions/{OPEN}/", "sponsor"),
        Page("settled competition", f"/competitions/{SETTLED}/"),
        Page("board", board),
        Page("board, page 30", f"{board}?after=2900"),
        Page("board, polled piece", board, headers=PIECE),
        Page("board, polled by its miner", board, MINER, PIECE),
        Page("settled board", f"/competitions/{SETTLED}/leaderboard/"),
        Page("all entries of a miner", f"/competitions/{OPEN}/entries/", MINER),
        Page("entry", f"/submissions/{entry}/"),
        Page("entry, its miner", f"/submissions/{entry}/", MINER),
        Page("sponsor's desk", "/sponsor/", "sponsor"),
        Page("sponsor's desk, the second page", "/sponsor/?after=100", "sponsor"),
        Page("API: competitions", JSON),
        Page("API: competition", f"{JSON}/{OPEN}"),
        Page("API: board", f"{JSON}/{OPEN}/leaderboard"),
        Page("API: entry", f"/api/submissions/{entry}"),
        Page("board as CSV", f"{JSON}/{OPEN}/leaderboard.csv", unbounded="a file of every line"),
    ]


def rights_pages() -> list[Page]:
    adapters = Work.objects.filter(kind="adapter")
    middle = adapters.order_by("registered_ms")[adapters.count() // 2]
    work, grant = f"/models/{work_of(0)}/", Grant.objects.filter(holder=BUYER).earliest("from_ms")
    return [
        Page("models", "/models/"),
        Page("models, a search", "/models/?q=adapter+77"),
        Page("models, a search that finds nothing", "/models/?q=zebra"),
        Page("models, by metric, use and score", f"/models/?{FINE}"),
        Page("models, the middle page", f"/models/?after={middle.registered_ms}-{middle.pk}"),
        Page("API: models", "/api/works"),
        Page("adapter that sells", work),
        Page("adapter that sells, its buyer", work, BUYER),
        Page("base of all adapters", f"/models/base:{base_id(MINILM)}/"),
        Page("made from that base", f"/models/base:{base_id(MINILM)}/children/"),
        Page("quote", f"{work}buy/?uses=commercial", BUYER),
        Page("licences", "/licences/", BUYER),
        Page("one licence", f"/licences/{grant.pk}/"),
        Page("royalties", "/royalties/", MINER),
        Page("royalties, page 30", "/royalties/?after=2900", MINER),
    ]


def record_pages() -> list[Page]:
    order = Grant.objects.earliest("from_ms")
    paid = Transfer.objects.filter(credit=FEE).order_by("at_ms")
    middle = paid[paid.count() // 2].pk
    return [
        Page("account", f"/accounts/{BUYER}/"),
        Page("account of the fees", "/accounts/fee/"),
        Page("account of the fees, the middle page", f"/accounts/fee/?after={middle}"),
        Page("log", "/log/"),
        Page("order", f"/messages/{order.pk}/"),
    ]
