"""A long log in little time: people, contests, licences and royalties, all by the rules.

Every message is folded by the same rules as on the site before it counts, and every amount comes
from the rules that the actions ask. What is left out is what takes the time: tables, HTTP, scoring.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assay import items, messages
from assay.canonical import canonical
from assay.commitment import commitment_of
from assay.keys import public_hex
from assay.messages import FileRef, Line, Opened, Opening, Result, Share, Spec
from assay.wire import Nano, changed, made, to_json
from audit.history import FOLDS
from competitions.rules import dues, escrow, verdict
from competitions.rules.records import pack
from competitions.rules.registry import NEWEST
from competitions.rules.rows import Competition, Evaluator, Phase, Submission, Worker
from competitions.rules.seals import seal_of
from competitions.rules.spec import PUBLIC_FILES, SEALED_FILES, bond_nano
from ledger.rules import books, envelope, fold
from ledger.rules.accounts import FEE, ISSUANCE, OPERATOR, POOL, AccountKind
from ledger.rules.entry import Entry
from ledger.rules.rows import MemoryRows
from licensing.rules import catalogue, grant, sale
from licensing.rules.fold import bonds_of
from licensing.rules.offer import offer, subject_of
from licensing.rules.reading import read_own
from licensing.rules.rows import Work, content_in, entry_work, work_id
from licensing.rules.terms import OUR_LICENCE
from tests import crew

BEGIN_MS = 1_893_456_000_000  # 2030-01-01
TOKEN = 10**9
MINERS, SOLD, LICENCES, EXAMPLES = 8, 3, 6, 120
TERMS = (("License", OUR_LICENCE), ("Currency", "ASSAY"), ("Commercial-Use", "Allowed"))
BASE_TERMS = (*TERMS, ("Derivation", "Allowed-With-RevenueShare-5%"))
DATA_TERMS = (*BASE_TERMS, ("Data-Model-Training", "Allowed"))
ENTRY_TERMS = (*TERMS[:2], ("Commercial-Use", "Allowed-With-Fee-One-Time-100"))
RUN = {"results_root": "70" * 32, "results_sha256": "71" * 32,
       "sandbox_level": "full", "policy_sha256": "90" * 32}  # fmt: skip


@dataclass(frozen=True)
class Keys:
    """The house's keys."""

    operator: Ed25519PrivateKey
    evaluator: Ed25519PrivateKey
    log: Ed25519PrivateKey


@dataclass
class World:
    """Says messages and folds them. sink takes each signed entry, in the order of the log."""

    keys: Keys
    origin: str
    sink: Callable[[Entry], object]
    rows: MemoryRows = field(default_factory=MemoryRows)
    people: dict[str, Ed25519PrivateKey | None] = field(default_factory=dict)
    now_ms: int = BEGIN_MS
    said: int = 0
    openings: dict[str, Opening] = field(default_factory=dict)
    _sealed: list[Opened] = field(default_factory=list)

    def found(self) -> None:
        """The house's keys and accounts, and one base model."""
        for role in ("operator", "evaluator"):
            public = public_hex(getattr(self.keys, role))
            self.fact(messages.KeyAdded(public, OPERATOR, role, self.tick()))
        for name, kind in ((ISSUANCE, "issuance"), (FEE, "fee"), (POOL, "pool")):
            self.fact(messages.AccountOpened(name, kind, self.tick()))
        self.person("author")
        self.work("author", work_id("base", name_of("base")), "base", BASE_TERMS)

    def fact(self, body, *, answers: Entry | None = None) -> Entry:
        kind = messages.KIND_OF[type(body)]
        role = messages.KINDS[kind].signer
        return self._say(kind, body, getattr(self.keys, role), order=answers)

    def order(self, account: str, body) -> Entry:
        """In the person's own words, or in the operator's for a web user."""
        key = self.people[account]
        kind = messages.KIND_OF[type(body)]
        is_base = isinstance(body, messages.WorkRegister) and body.kind == "base"
        if key is None or is_base:  # a base is registered in the operator's words alone
            return self._say(kind, body, self.keys.operator, speaker=account)
        return self._say(kind, body, key)

    def tick(self, step_ms: int = 1) -> int:
        self.now_ms += step_ms
        return self.now_ms

    # --- what people do ---------------------------------------------------------------------------

    def person(self, name: str, tokens: int = 0) -> str:
        """An account: every second one has a key of its own."""
        has_key = len(self.people) % 2 == 0
        seed = sha256(f"person/{name}".encode()).digest()
        self.people[name] = Ed25519PrivateKey.from_private_bytes(seed) if has_key else None
        order = self.order(name, messages.AccountOpen(name))
        opened = messages.AccountOpened(name, AccountKind.USER.value, self.tick())
        self.fact(opened, answers=order)
        if has_key:
            added = messages.KeyAdded(order.signer, name, "person", self.tick())
            self.fact(added, answers=order)
        if tokens:
            cause = books.transfer_id(name, "mint")
            amount = Nano(tokens * TOKEN)
            line = Line(cause, "single", ISSUANCE, name, amount, "mint")
            self.fact(messages.BooksMinted(name, (line,), self.tick()))
        return name

    def workers(self) -> None:
        """Two of them, once: each final score has the signatures of both."""
        if self.rows.get(Worker, crew.NAMES[0]) is None:
            for number in range(2):
                self.fact(crew.registration(number, self.tick()))

    def work(self, owner: str, work: str, kind: str, tags) -> str:
        shares, licence = (Share(owner, 1),), "Apache-2.0" if kind == "base" else ""
        body = messages.WorkRegister(work, kind, f"The {kind}", tags, shares, licence)
        told = (work, kind, content_in(work), owner, f"The {kind}", tags, shares, licence, ())
        order = self.order(owner, body)
        self.fact(messages.WorkRegistered(*told, self.tick()), answers=order)
        return work

    def buy(self, buyer: str, work: str) -> None:
        found = self.rows.get(Work, work)
        reading = catalogue.reading_of(found, self.rows)
        at_ms = self.tick()
        quoted = offer(subject_of(found, reading), ("commercial",), now_ms=at_ms)
        body = messages.LicenceBuy(work, quoted.uses, found.terms_version, Nano(quoted.price_nano))
        order = self.order(buyer, body)
        deal = sale.deal(order, buyer, self.rows, at_ms=at_ms)
        claims = sale.claims_of(deal, order, buyer, issuer=self.origin, at_ms=at_ms)
        granted = messages.LicenceGranted(
            grant=order.id, work=work, uses=deal.offer.uses, terms_version=found.terms_version,
            holder=buyer, price_nano=Nano(deal.offer.price_nano), share_e8=0, from_ms=at_ms,
            until_ms=deal.offer.until_ms, access_until_ms=deal.offer.access_until_ms,
            jws=grant.sign(claims, self.keys.operator),
            transfers=deal.lines, at_ms=at_ms,
        )  # fmt: skip
        self.fact(granted, answers=order)

    def draw(self, payee: str, work: str) -> None:
        order = self.order(payee, messages.RoyaltyDraw(work))
        share, line = sale.draw(order, payee, work, self.rows)
        drawn = messages.RoyaltyDrawn(share.work, share.payee, (line,), self.tick())
        self.fact(drawn, answers=order)

    # --- one contest, from its data to its last royalty -------------------------------------------

    def contest(self, number: int) -> None:
        """About 130 messages."""
        self.workers()
        sponsor = self.person(f"sponsor{number}", 2000)
        miners = [self.person(f"miner{number}-{place}") for place in range(MINERS)]
        buyers = [self.person(f"buyer{number}-{place}", 1000) for place in range(2)]
        data = self.work(sponsor, work_id("data", name_of("data", number)), "data", DATA_TERMS)
        name = self._publish(sponsor, number, data)
        entries = [self._enter(name, miner, place) for place, miner in enumerate(miners)]
        self._judge(name, number, entries)
        for entry in entries[:SOLD]:
            self._license(name, entry)
            work = entry_work(entry.id)
            for turn in range(LICENCES):
                self.buy(buyers[turn % 2], work)
            self.draw(self.rows.get(Submission, entry.id).owner, work)

    def _publish(self, sponsor: str, number: int, data: str) -> str:
        manifest, name = name_of("manifest", number), f"contest-{number}"
        base = measured(EXAMPLES // 4)
        self.fact(
            messages.EvaluatorRegistered(
                manifest_sha256=manifest, base="minilm", evaluator="classification",
                metric="accuracy", is_generic=False, is_custom=False, code_sha256="",
                public_examples=EXAMPLES, public_units=EXAMPLES,
                board_examples=EXAMPLES, board_units=EXAMPLES, board_commitment="c1" * 32,
                final_examples=EXAMPLES, final_units=EXAMPLES,
                final_commitment="c0" * 32, baseline=base, board_baseline_e9=base.score_e9,
                board_seal=seal_of(name_of("base salt", number), base),
                at_ms=self.tick(),
            )
        )  # fmt: skip
        spec = self._spec(manifest, data)
        asked = self.order(sponsor, messages.CompetitionPublish(name, spec))
        bond = Nano(bond_nano(spec))
        fund = self.order(sponsor, messages.CompetitionFund(name, spec.prize_nano, bond))
        at_ms = self.tick()
        self.fact(messages.CompetitionPublished(name, sponsor, spec, at_ms), answers=asked)
        lines = escrow.funding(self.rows.get(Competition, name))
        self.fact(messages.CompetitionFunded(name, lines, self.tick()), answers=fund)
        self.fact(messages.CompetitionOpened(name, self.tick(10)))
        return name

    def _spec(self, manifest: str, data: str) -> Spec:
        files = tuple(FileRef(file, name_of(file, manifest), 10) for file in PUBLIC_FILES)
        return Spec(
            title="Which library?", summary="Docstrings.", base="minilm",
            base_work=work_id("base", name_of("base")), data_work=data,
            manifest_sha256=manifest, metric="accuracy",
            files=files, prize_nano=Nano(1000 * TOKEN + 1), curve=(8, 4, 2, 1), fee_e8=2_500_000,
            pool_e8=5_000_000, bond_e8=10_000_000, deposit_e8=100_000, opens_at_ms=self.now_ms + 10,
            closes_at_ms=self.now_ms + 20_000, reveal_s=60, verify_s=60, dispute_s=0, quota=2,
            window_s=3600, required_tags=(), min_sandbox_level="full", rules=NEWEST, finals=2,
        )  # fmt: skip

    def _enter(self, name: str, miner: str, place: int) -> Entry:
        files = name_of("config", name, miner), name_of("tensors", name, miner)
        opening = Opening(name_of("salt", name, miner), *files)
        commitment = commitment_of(miner, name, opening)
        commit = messages.SubmissionCommit(name, commitment, f"By {miner}", ENTRY_TERMS, ())
        order = self.order(miner, commit)
        self.openings[order.id] = opening
        told = messages.SubmissionCommitted(order.id, name, miner, 0, 0, self.tick())
        self.fact(told, answers=order)
        manifest = self.rows.get(Competition, name).spec.manifest_sha256
        score = measured(EXAMPLES // 2 + 6 * (MINERS - place))
        shown = messages.Shown(score.score_e9, str(EXAMPLES // 2 + 6 * (MINERS - place)))
        seal = seal_of(name_of("salt", order.id), score)
        told = (order.id, manifest, seal)
        self.fact(messages.SubmissionScored(*told, at_ms=self.tick(), shown=shown))
        self._sealed.append(Opened(seal, name_of("salt", order.id), result=score))
        return order

    def _judge(self, name: str, number: int, entries: list[Entry]) -> None:
        rows, manifest = self.rows, name_of("manifest", number)
        opened = [FileRef(part, name_of(part, number), 9) for part in SEALED_FILES]
        self.fact(messages.CompetitionClosed(name, self.tick(20_000)))
        self.fact(messages.ResultsOpened(name, 0, tuple(self._sealed), self.tick()))
        self._sealed.clear()
        adapters = {one.id: name_of("adapter", one.id) for one in entries}
        self.fact(messages.CompetitionVerifying(name, len(entries), self.tick()))
        base = measured(EXAMPLES // 4)
        self.fact(crew.with_both(messages.BaselineScored(name, manifest, base, self.tick())))
        for place, (one, adapter) in enumerate(adapters.items()):
            score = measured(EXAMPLES // 2 + 7 * (MINERS - place))
            told = (one, adapter, manifest, score)
            final = messages.SubmissionFinalScored(*told, at_ms=self.tick())
            self.fact(crew.with_both(final, name))
        self.fact(messages.SliceOpened(name, "5a" * 32, tuple(opened), self.tick()))
        for one, adapter in adapters.items():
            told = (self.openings[one], FileRef("a", adapter, 9))
            self.fact(messages.SubmissionRevealed(one, *told, self.tick()))
        at_ms = self.tick()
        self.fact(messages.CompetitionProvisional(name, at_ms, at_ms))
        self.fact(self._settled(name))
        while lines := dues.next_lines(rows.get(Competition, name), rows):
            batch = rows.get(Competition, name).paid_batches
            self.fact(messages.CompetitionPaid(name, batch, lines, self.tick()))

    def _settled(self, name: str) -> messages.CompetitionSettled:
        rows, contest = self.rows, self.rows.get(Competition, name)
        assert contest.phase == Phase.PROVISIONAL
        evaluator = rows.get(Evaluator, contest.spec.manifest_sha256)
        result, lines = verdict.payout(contest, rows.find(Submission, competition=name), evaluator)
        names = ("fee_nano", "pool_nano", "to_sponsor_nano", "burnt_nano")
        return messages.CompetitionSettled(
            competition=name,
            draw=contest.draw,
            winners=len(result.prizes),
            payout_sha256=verdict.payout_sha256(result, lines),
            at_ms=self.tick(),
            **{one: Nano(getattr(result, one)) for one in names},
        )

    def _license(self, name: str, entry: Entry) -> None:
        rows, contest = self.rows, self.rows.get(Competition, name)
        won = rows.get(Submission, entry.id)
        work, at_ms = entry_work(won.id), self.tick()
        named = sorted((contest.spec.base_work, contest.spec.data_work))
        bonds = bonds_of(read_own(won.tags), named, won.owner, rows, at_ms=at_ms)
        parents = tuple(messages.Parent(one, bond.rate_e8) for one, bond in bonds.items())
        shares = (Share(won.owner, 1),)
        told = (work, "adapter", won.adapter_sha256, won.owner, won.title, won.tags, shares, "")
        self.fact(messages.WorkRegistered(*told, parents, at_ms), answers=entry)

    # --- signing ----------------------------------------------------------------------------------

    def _say(self, kind: str, body, key, *, order: Entry | None = None, speaker="") -> Entry:
        self.said += 1
        cause = order.id if order else ""
        origin = self.origin if messages.KINDS[kind].signer == "person" else ""
        anchor = sha256(f"load/{self.said}".encode()).digest()
        tags = envelope._avro(envelope.tags_of(kind, origin=origin, cause=cause, speaker=speaker))
        entry = sign(kind, body, key, (anchor, tags))
        entry = made(Entry, entry.__dict__ | {"origin": origin, "cause": cause})
        entry = changed(entry, speaker=speaker, order=order)
        entry = fold.apply(entry, self.rows, FOLDS, origin=self.origin)
        self.sink(entry)
        return entry


def sign(kind: str, body, key: Ed25519PrivateKey, told: tuple[bytes, bytes]) -> Entry:
    """A signed entry; told: its anchor and its tag bytes."""
    (anchor, tags), data = told, canonical(to_json(body))
    owner = key.public_key().public_bytes_raw()
    signature = key.sign(envelope._signed_message(owner, anchor, tags, data))
    count = len(envelope.avro.read_tags(tags)).to_bytes(8, "little")
    sizes = count + len(tags).to_bytes(8, "little")
    raw = b"\2\0" + signature + owner + b"\0\1" + anchor + sizes + tags + data
    name = items.b64url(sha256(signature).digest())
    return Entry(name, kind, body, owner.hex(), "", "", "", anchor.hex(), raw)


def measured(right: int) -> Result:
    """A score and its records: the first `right` answers are right."""
    records = pack((1,) * right + (0,) * (EXAMPLES - right), is_binary=True)
    score_e9 = Nano((2 * right * 10**9 + EXAMPLES) // (2 * EXAMPLES))
    return Result(score_e9, EXAMPLES, records, **RUN)


def name_of(*words: object) -> str:
    """A hash that stands for bytes which this log only names."""
    return sha256("/".join(map(str, words)).encode()).hexdigest()


def tell(world: World, size: int) -> None:
    """Found the house and play contests until at least `size` messages are said."""
    world.found()
    number = 0
    while world.said < size:
        world.contest(number)
        number += 1
