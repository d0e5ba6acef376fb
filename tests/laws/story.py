"""A whole story told through actions and facts, without bytes to score: every table gets rows."""

from datetime import UTC, datetime, timedelta

from django.db import transaction

from assay import messages
from assay.commitment import commitment_of
from assay.messages import FileRef, Result, Share, Spec
from assay.money import parse_tokens
from assay.wire import Nano, to_json
from competitions.actions import contest, deadline, winners
from competitions.models import Sealed
from competitions.rules.fold import fold
from competitions.rules.records import pack
from competitions.rules.registry import NEWEST
from competitions.rules.seals import seal_of
from competitions.rules.spec import PUBLIC_FILES, SEALED_FILES, bond_nano
from ledger import log, queries
from ledger.actions import found, mint, ms, open_account_for
from ledger.sequencer import sequence
from licensing import actions as rights
from licensing import queries as rights_queries
from licensing.rules.fold import licensing
from licensing.rules.rows import entry_work
from licensing.rules.terms import OUR_LICENCE
from tests import crew
from tests.laws import usage
from tests.ledger.store import put_bytes

NOW = datetime(2030, 1, 1, tzinfo=UTC)
BASE, DATA, MANIFEST = "base:" + "ba" * 32, "data:" + "da" * 32, "3a" * 32
NAME, MINERS, EXAMPLES = "docs", ("ada", "bob", "cyd"), 40
OPENED = tuple(FileRef(name, "f1" * 32, 10) for name in SEALED_FILES)
TERMS = (("License", OUR_LICENCE), ("Currency", "ASSAY"), ("Commercial-Use", "Allowed"))
BASE_TERMS = (*TERMS, ("Derivation", "Allowed-With-RevenueShare-5%"))
DATA_TERMS = (*BASE_TERMS, ("Data-Model-Training", "Allowed"))
ENTRY_TERMS = (*TERMS[:2], ("Commercial-Use", "Allowed-With-Fee-One-Time-100"))
SALT = "5c" * 32
RUN = {"results_root": "70" * 32,
       "sandbox_level": "full", "policy_sha256": "90" * 32}  # fmt: skip


def at(seconds):
    return NOW + timedelta(seconds=seconds)


def place_all():
    """Give every message its place in the log."""
    while sequence(holder="site", now=NOW):
        pass


def tell():
    """From the founding of the house to the first royalty; then the log is sequenced."""
    people()
    works()
    competition()
    entries = [enter(miner, number) for number, miner in enumerate(MINERS)]
    refuse(entries.pop())
    nominate(MINERS[0], entries[0])
    judge(entries)
    sell(entries[0])
    record_outputs(entries[0])
    usage.tell(*map(entry_work, entries))
    place_all()


def people():
    found(now=NOW)
    for name in ("author", "sponsor", "buyer", *MINERS):
        open_account_for(name, now=NOW)
    for name in ("sponsor", "buyer"):
        mint(account=name, amount_nano=parse_tokens("1000"), idempotency="funds", now=NOW)


def works():
    for owner, work, kind, tags in (
        ("author", BASE, "base", BASE_TERMS),
        ("sponsor", DATA, "data", DATA_TERMS),
    ):
        licence = "Apache-2.0" if kind == "base" else ""
        body = messages.WorkRegister(work, kind, f"The {kind}", tags, (Share(owner, 1),), licence)
        rights.register_work(log.order_for(owner, body, idempotency=work), now=NOW)


def spec():
    return Spec(
        title="Docs",
        summary="Which library is it?",
        base="minilm",
        base_work=BASE,
        data_work=DATA,
        manifest_sha256=MANIFEST,
        metric="accuracy",
        files=tuple(FileRef(name, "f0" * 32, 10) for name in PUBLIC_FILES),
        prize_nano=Nano(parse_tokens("100.000000001")),
        curve=(2, 1),
        fee_e8=2_000_000,
        pool_e8=1_000_000,
        bond_e8=10_000_000,
        deposit_e8=100_000,
        opens_at_ms=ms(at(10)),
        closes_at_ms=ms(at(100)),
        reveal_s=60,
        verify_s=60,
        dispute_s=0,
        quota=2,
        window_s=3600,
        required_tags=(),
        min_sandbox_level="full",
        rules=NEWEST,
        finals=2,
    )


def competition():
    registered = messages.EvaluatorRegistered(
        manifest_sha256=MANIFEST, base="minilm", evaluator="classification", metric="accuracy",
        is_generic=False, is_custom=False, code_sha256="",
        public_examples=EXAMPLES, public_units=EXAMPLES,
        board_examples=EXAMPLES, board_units=EXAMPLES, board_commitment="c1" * 32,
        final_examples=EXAMPLES, final_units=EXAMPLES,
        final_commitment="c0" * 32, baseline=result(0), board_baseline_e9=result(0).score_e9,
        board_seal=seal_of(SALT, result(0)), at_ms=ms(NOW),
    )  # fmt: skip
    record(log.fact(registered, idempotency=MANIFEST))
    base = {"salt": SALT, "result": to_json(result(0))}
    Sealed.objects.create(id=MANIFEST, salt="5a" * 32, files=[], final_root="d0" * 32, base=base)
    fund = messages.CompetitionFund(NAME, spec().prize_nano, Nano(bond_nano(spec())))
    orders = [
        log.order_for("sponsor", body, idempotency=NAME + type(body).__name__)
        for body in (messages.CompetitionPublish(NAME, spec()), fund)
    ]
    contest.publish(*orders, now=NOW)
    assert deadline.advance(NAME, now=at(11)) == ["open"]


def enter(miner, number):
    commitment = commitment_of(miner, NAME, opening(number + 1))
    commit = messages.SubmissionCommit(NAME, commitment, f"By {miner}", ENTRY_TERMS, ())
    order = log.order_for(miner, commit, idempotency="commit")
    at_ms = ms(at(20 + number))
    told = messages.SubmissionCommitted(order.id, NAME, miner, 0, 0, at_ms)
    record(order, log.fact(told, answers=order))
    return order.id


def opening(number):
    return messages.Opening(SALT, f"{number:064x}", "b" * 64)


def nominate(miner, entry):
    body = messages.SubmissionNominate(NAME, (entry,))
    order = log.order_for(miner, body, idempotency="nominate")
    told = messages.SubmissionNominated(NAME, miner, (entry,), ms(at(29)))
    record(order, log.fact(told, answers=order))


def refuse(entry):
    held = messages.Refusal("adapter.bad", "It is bad.", "Mend it.")
    told = messages.SubmissionRefused(entry, seal_of(SALT, held), ms(at(30)))
    record(log.fact(told, idempotency=entry))


def result(number):
    """Whole scores and their records: each miner clearly better than the base, all different."""
    good = (12, 36, 30)[number]
    ones = (1,) * good + (0,) * (EXAMPLES - good)
    packed = pack(ones, is_binary=True)
    score_e9, answers = Nano(good * 10**9 // EXAMPLES), put_bytes(b"answers")
    return Result(score_e9, EXAMPLES, packed, results_sha256=answers, **RUN)


def judge(entries):
    for number, entry in enumerate(entries, start=1):
        seal(entry, number)
    close()
    unseal(len(entries))
    baseline = messages.BaselineScored(NAME, MANIFEST, result(0), ms(at(120)))
    for number in range(2):
        record(log.fact(crew.registration(number, ms(at(119))), idempotency=f"worker {number}"))
    record(log.fact(crew.with_both(baseline), idempotency=NAME))
    for number, entry in enumerate(entries, start=1):
        score_finally(entry, number)
    open_all(entries)
    assert deadline.advance(NAME, now=at(130)) == ["settled"]
    assert len(winners.license_winners(NAME, now=at(131))) == len(entries)


def close():
    for body in (
        messages.CompetitionClosed(NAME, ms(at(101))),
        messages.CompetitionVerifying(NAME, len(MINERS) - 1, ms(at(103))),
    ):
        record(log.fact(body, idempotency=NAME))


def open_all(entries):
    """What the clock does when all is judged, without the blobs that it would open."""
    bodies = [
        messages.SliceOpened(NAME, "5a" * 32, OPENED, ms(at(122))),
        *(
            messages.SubmissionRevealed(
                entry, opening(number), FileRef("adapter", adapter(number), 9), ms(at(122))
            )
            for number, entry in enumerate(entries, start=1)
        ),
        messages.CompetitionProvisional(NAME, ms(at(123)), ms(at(123))),
    ]
    for body in bodies:
        record(log.fact(body, idempotency=getattr(body, "submission", NAME)))


def seal(entry, number):
    found = result(number)
    shown = messages.Shown(found.score_e9, str(found.score_e9 * EXAMPLES // 10**9))
    told = (entry, MANIFEST, seal_of(SALT, found), ms(at(30)), shown)
    record(log.fact(messages.SubmissionScored(*told), idempotency=entry))


def unseal(count):
    """What the clock does after the close; the seals of this story share a salt."""
    found = [result(number) for number in range(1, count + 1)]
    lines = tuple(messages.Opened(seal_of(SALT, one), SALT, result=one) for one in found)
    body = messages.ResultsOpened(NAME, 0, lines, ms(at(104)))
    record(log.fact(body, idempotency=NAME))


def score_finally(entry, number):
    told = (entry, adapter(number), MANIFEST, result(number), ms(at(121)))
    fact = crew.with_both(messages.SubmissionFinalScored(*told), NAME)
    record(log.fact(fact, idempotency=entry))


def adapter(number):
    return f"{number:x}a" * 32


def sell(winner):
    work = entry_work(winner)
    quote = rights_queries.quote(work, ("commercial",), account="buyer", now=at(140))
    rights.buy_licence(log.order_for("buyer", quote.order(), idempotency="one"), now=at(140))
    draw = log.order_for("ada", messages.RoyaltyDraw(work), idempotency="draw")
    rights.draw_royalty(draw, now=at(150))


def record_outputs(winner):
    """What its owner made with the winning work."""
    told = (entry_work(winner), "70" * 32, 1, "7e" * 32)
    order = log.order_for("ada", messages.ProvenanceRecord(*told), idempotency="outputs")
    work, *batch = told
    body = messages.ProvenanceRecorded(order.id, work, "ada", *batch, "", ms(at(160)))
    with transaction.atomic():
        log.record([order, log.fact(body, answers=order)], rooms=(licensing,))


@transaction.atomic
def record(*entries):
    log.record(entries, rooms=(fold,))


def queries_of_last_transfer():
    """The id of the transfer that the royalty was paid by."""
    return queries.statement("ada").first().pk
