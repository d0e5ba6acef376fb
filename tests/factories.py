"""One maker per thing, by the same actions as the site: the shortest valid one of each."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from django.contrib.auth import get_user_model
from django.db import transaction

from assay import messages
from assay.canonical import canonical, sha256_hex
from assay.messages import FileRef, Opening, Result, Share, Spec, SubmissionCommit
from assay.money import parse_tokens
from assay.records import Record, file_of, root_of
from assay.wire import Nano, to_json
from competitions import queries
from competitions.actions import contest, deadline, drafts, entry, previews, queue, score
from competitions.actions.drafts import SLICES, DraftFile
from competitions.actions.opening import hand_in
from competitions.actions.score import Measured
from competitions.models import Draft, Evaluation, Sealed
from competitions.rules import records
from competitions.rules.fold import fold
from competitions.rules.preview import Count, DraftRead, FileRead, Length
from competitions.rules.registry import NEWEST
from competitions.rules.seals import seal_of
from competitions.rules.spec import PUBLIC_FILES, SEALED_FILES, bond_nano
from evaluator.bases import MINILM, base_id
from evaluator.score.results import result_tree
from evaluator.task import manifest as forms
from ledger import actions as ledger_actions
from ledger import log
from ledger import queries as ledger_queries
from licensing import actions as rights
from licensing import queries as rights_queries
from licensing.rules.terms import OUR_LICENCE
from tests import crew
from tests.evaluator import makers
from tests.ledger.store import put_bytes

NOW = datetime(2030, 1, 1, tzinfo=UTC)
EXAMPLES, BASELINE_E9 = 40, 250_000_000
ASSAY = (("License", OUR_LICENCE), ("Currency", "ASSAY"))
REQUIRED = (("License", OUR_LICENCE), ("Derivation", "Allowed"),
            ("Commercial-Use", "Allowed-With-Fee-One-Time-100"), ("Currency", "ASSAY"))  # fmt: skip
OPEN_TAGS = (*ASSAY, ("Derivation", "Allowed"), ("Commercial-Use", "Allowed"))
DATA_TAGS = (*OPEN_TAGS[:2], ("Derivation", "Allowed-With-RevenueShare-10%"),
             ("Commercial-Use", "Allowed"), ("Data-Model-Training", "Allowed"))  # fmt: skip


def at(seconds):
    """A moment after NOW."""
    return NOW + timedelta(seconds=seconds)


def account(name, tokens="0"):
    """An account with a sign-in and play money."""
    ledger_actions.found(now=NOW)
    if not ledger_queries.has_account(name):
        get_user_model().objects.create_user(username=name)
        ledger_actions.open_account_for(name, now=NOW)
    if amount_nano := parse_tokens(tokens):
        ledger_actions.mint(account=name, amount_nano=amount_nano, idempotency="funds", now=NOW)
    return name


def blob(text, *, owner="operator", is_public=False):
    """Bytes in the store; answers with a FileRef without a name."""
    raw = text if isinstance(text, bytes) else text.encode()
    name, size_bytes = ledger_actions.store([raw], owner=owner, limit_bytes=1 << 20, now=NOW)
    if is_public:
        ledger_actions.publish_blob(name, now=NOW)
    return FileRef("", name, size_bytes)


def work(kind, sha256, *, owner, tags=OPEN_TAGS):
    """A licensed base or data set."""
    account(owner)
    name, licence = f"{kind}:{sha256}", "Apache-2.0" if kind == "base" else ""
    if not rights_queries.has_work(name):
        body = messages.WorkRegister(name, kind, f"The {kind}", tags, (Share(owner, 1),), licence)
        rights.register_work(log.order_for(owner, body, idempotency=name), now=NOW)
    return name


def output_batch(made_with, *, owner, lines=None):
    """An output that the owner of a work recorded; the id of its batch."""
    lines = lines or [Record("ab" * 32, made_with, 1).line()]
    name = blob(file_of(lines), owner=owner).sha256
    body = messages.ProvenanceRecord(made_with, root_of(lines), len(lines), name)
    return rights.record_outputs(log.order_for(owner, body, idempotency=name), now=NOW).pk


def base_work():
    return work("base", base_id(MINILM), owner="base-author")


def manifest(commitment="5e" * 32):
    """A pinned task of 40 examples in each slice."""
    targets = dict(list(MINILM.targets.items())[:1])
    sizes = {"examples": EXAMPLES, "tokens": 10 * EXAMPLES, "units": EXAMPLES}
    pins = {"inputs_sha256": "1" * 64, "labels_sha256": "2" * 64, "root": "3" * 64}
    return makers.manifest(
        labels=["left", "right"],
        test={
            "public": sizes | pins,
            "board": sizes | {"commitment": "b0" * 32},
            "final": sizes | {"commitment": commitment},
        },
        adapter={
            "targets": {name: list(size) for name, size in targets.items()},
            "rank_max": 16,
            "alpha_max": 512,
            "amax_max": 1000,
            "dtypes": ["F32"],
            "bytes_max": 1 << 20,
            "head": {"head": [2, 384]},
        },
    )


def evaluator(name="docs"):
    """A registered evaluator; answers with its fact's body and the public files."""
    ledger_actions.found(now=NOW)
    made = manifest(sha256_hex(name.encode()))
    raw = forms.to_bytes(made)
    texts = {file: f"{file} of {name}" for file in PUBLIC_FILES} | {"manifest.json": raw}
    files = tuple(replace(blob(text, is_public=True), name=file) for file, text in texts.items())
    body = messages.EvaluatorRegistered(
        manifest_sha256=sha256_hex(raw),
        base=MINILM.name,
        evaluator="classification",
        metric="accuracy",
        is_generic=False,
        is_custom=False,
        code_sha256="",
        public_examples=EXAMPLES,
        public_units=EXAMPLES,
        board_examples=EXAMPLES,
        board_units=EXAMPLES,
        board_commitment=made.test.board.commitment,
        final_examples=EXAMPLES,
        final_units=EXAMPLES,
        final_commitment=made.test.final.commitment,
        baseline=result(12),
        board_baseline_e9=Nano(BASELINE_E9),
        board_seal=seal_of(base_salt(name), result(10)),
        at_ms=ledger_actions.ms(NOW),
    )
    return body, files


def draft(sponsor="sponsor", name="docs", **fields):
    """A draft with everything filled in and its four files uploaded."""
    account(sponsor)
    filled = {
        "title": "Which library?", "competition": name, "summary": "Docstrings.",
        "base": MINILM.name, "metric": "accuracy", "max_tokens": "48",
        "columns": "", "options": "", "race": "on",
        "min_sandbox_level": "seccomp",
        "prize": "1000", "curve": "8,4,2,1", "opens": "", "closes": "", "closes_in": "10 min",
        "dispute": "0 s", "quota": "2", "window": "1 day",
        "commercial": "fee", "commercial_fee": "100", "derive_share": "", "train": "none",
        "data_share": "10", "contributors": "",
    }  # fmt: skip
    files = {one: _file(one, sponsor) for one in SLICES}
    made = drafts.begin(sponsor=sponsor, now=NOW)
    made = drafts.save(made.id, sponsor=sponsor, fields=filled | fields, files=files, now=NOW)
    previewed(made.id)
    return made


def file_read(part="whole", **changed):
    """What a worker read of a file of 40 rows: a text each, twenty left and twenty right."""
    made = FileRead(
        part=part, name=f"{part}.csv", row_count=EXAMPLES, duplicates=0, columns=("text", "label"),
        matched=(("text", "text"), ("label", "label")), rows=(("one", "left"), ("two", "right")),
        classes=(Count("left", EXAMPLES // 2), Count("right", EXAMPLES // 2)),
        lengths=(Length("text", 3, 3, 3),), guessed=(), warnings=(), faults=(), fault_count=0,
    )  # fmt: skip
    return replace(made, **changed)


def previewed(draft, *files, slices=(), faults=()):
    """Write down what a worker read of a draft's files; without any, four sound ones."""
    fence = previews.lease(draft=draft, now=NOW)
    read = files or tuple(file_read(part) for part in SLICES)
    found = DraftRead(read, tuple(slices), tuple(faults))
    previews.record(draft=draft, fence=fence, found=found)


def _file(name, owner):
    found = blob(f"{name} rows", owner=owner)
    return DraftFile(f"{name}.jsonl", found.sha256, found.size_bytes)


def ready_draft(sponsor="sponsor", name="docs", **fields):
    """A draft whose dry run is through, as a worker writes it down."""
    made = draft(sponsor, name, **fields)
    drafts.request_preparation(made.id, sponsor=sponsor, now=NOW)
    return measured_draft(made.id, name)


def measured_draft(draft, name="docs"):
    """What a worker writes down of a draft that waits for its dry run."""
    fence = drafts.lease_preparation(draft=draft, now=NOW)
    body, files = evaluator(name)
    base = drafts.BaseOnBoard(base_salt(name), result(10))
    root = sha256_hex(f"rows of {name}".encode())
    prepared = drafts.Preparation(body, files, "5a" * 32, sealed_files(name), root, base)
    drafts.record_preparation(draft=draft, fence=fence, made=prepared, now=NOW)
    return Draft.objects.get(pk=draft)


def spec(name="docs", race=None, **changed):
    """A well-formed spec over registered works, open from NOW for ten minutes."""
    body, files = evaluator(name)
    body = replace(body, race=race)
    base_work()
    data = next(one.sha256 for one in files if one.name == "train.jsonl")
    data = work("data", data, owner="data-author", tags=DATA_TAGS)
    made = Spec(
        title=f"The {name} question", summary="Docstrings.", base=MINILM.name,
        base_work=f"base:{base_id(MINILM)}", data_work=data, manifest_sha256=body.manifest_sha256,
        metric="accuracy", files=files, prize_nano=Nano(parse_tokens("1000")), curve=(8, 4, 2, 1),
        fee_e8=2_500_000, pool_e8=5_000_000, bond_e8=10_000_000, deposit_e8=100_000,
        opens_at_ms=ledger_actions.ms(NOW), closes_at_ms=ledger_actions.ms(at(600)),
        reveal_s=60, verify_s=60, dispute_s=0, quota=2, window_s=86_400,
        required_tags=REQUIRED, min_sandbox_level="seccomp", rules=NEWEST, finals=2,
    )  # fmt: skip
    return replace(made, **changed), body, files


def competition(name="docs", sponsor="sponsor", *, is_open=True, **changed):
    """A published and funded competition; open unless asked otherwise."""
    made, body, _ = spec(name, **changed)
    account(sponsor, "0" if ledger_queries.has_account(sponsor) else "10000")
    register(body, name)
    bond = Nano(bond_nano(made))
    orders = [
        messages.CompetitionPublish(name, made),
        messages.CompetitionFund(name, made.prize_nano, bond),
    ]
    signed = [
        log.order_for(sponsor, one, idempotency=f"{name}/{place}")
        for place, one in enumerate(orders)
    ]
    contest.publish(*signed, now=NOW)
    if is_open:
        deadline.advance(name, now=at(1))
    return name


def register(body, name="docs"):
    """The evaluator on the log, and its sealed slices in their table."""
    with transaction.atomic():
        if not queries.has_evaluator(body.manifest_sha256):
            log.record([log.fact(body, idempotency=body.manifest_sha256)], rooms=(fold,))
            _seal(body.manifest_sha256, name)


def base_salt(name):
    """What the base's result on the board of a task is sealed with."""
    return sha256_hex(f"base of {name}".encode())


def sealed_files(name):
    """Board and final slice of a task."""
    return tuple(replace(blob(f"{file} of {name}"), name=file) for file in SEALED_FILES)


def _seal(manifest_sha256, name):
    base = {"salt": base_salt(name), "result": to_json(result(10))}
    Sealed.objects.create(
        id=manifest_sha256, salt="5a" * 32, files=[to_json(one) for one in sealed_files(name)],
        final_root=sha256_hex(f"rows of {name}".encode()), base=base,
    )  # fmt: skip


def opening(owner, name, config, tensors, salt=""):
    """What opens an entry of these files. salt: what makes it another than the usual one"""
    words = f"{owner} {name} {config} {tensors} {salt}"
    return Opening(sha256_hex(words.encode()), config, tensors)


def committed(owner, name, files, title="Mine", *, tags=REQUIRED, parents=(), salt=""):
    """The body of an order that enters these files, whose opening is handed in."""
    told = opening(owner, name, *files, salt)
    commitment = hand_in(owner=owner, competition=name, opening=told, now=NOW)
    return SubmissionCommit(name, commitment, title, tags, parents)


def adapter_of(entry):
    """The canonical adapter of an entry, sealed or not."""
    return queries.adapter_of(entry)


def submission(owner="miner", name="docs", number=0, now=None, tags=REQUIRED):
    """An entry that waits for its score; answers with its id."""
    account(owner)
    files = (blob(f"{part} {owner} {number}", owner=owner).sha256 for part in "ct")
    body = committed(owner, name, files, f"Try {number}", tags=tags)
    order = log.order_for(owner, body, idempotency=f"{name}/{number}")
    return entry.commit(order, now=now or at(10 + number)).id


def scored(owner="miner", name="docs", number=0, right=30, now=None):
    """An entry with its board score; answers with its id."""
    made = submission(owner, name, number, now=now)
    found = Evaluation.objects.get(submission=made, slice="board")
    fence = queue.lease(evaluation=found.pk, now=at(20))
    adapter = blob(f"canonical {owner} {number}").sha256
    score.record_score(
        evaluation=found.pk, fence=fence, measured=measured(adapter, right), now=at(20)
    )
    return made


def as_its_owner_sees(entry):
    """The entry's row with what is sealed."""
    found = queries.submission(entry)
    queries.as_owners_see([found])
    return found


def refused(owner="miner", name="docs", number=0, error=None):
    """An entry that was refused; answers with its id."""
    made = submission(owner, name, number)
    found = Evaluation.objects.get(submission=made, slice="board")
    fence = queue.lease(evaluation=found.pk, now=at(20))
    score.record_refusal(evaluation=found.pk, fence=fence, error=error, now=at(20))
    return made


def settle(name="docs", right=None):
    """Close, score the final slice, and pay. right: entry -> right answers; the base has 10."""
    deadline.advance(name, now=at(601))
    while queries.to_open(name, limit=1):  # a step of the clock opens some hundreds
        deadline.advance(name, now=at(601))
    for work_left in list(queries.evaluations_of(name, "final")):
        one = work_left.submission
        adapter = adapter_of(one) if one else ""
        count = (right or {}).get(one, 30) if one else 10
        crew.finish(work_left, measured(adapter, count), taken=at(602), now=at(603))
    return deadline.advance(name, now=at(610))


def results_file(right):
    """Answers of a run with so many right ones of 40, as a worker keeps them: one batch."""
    answers = [[0]] * right + [[1]] * (EXAMPLES - right)
    tree = result_tree(answers, [range(EXAMPLES)])
    told = {"version": "assay-results/1", "leaves": [*tree.leaves], "predictions": answers}
    return tree.root, canonical(told)


def result(right, **changed):
    """What a run with so many right answers of 40 comes to."""
    ones = (1,) * right + (0,) * (EXAMPLES - right)
    root, file = results_file(right)
    made = Result(
        score_e9=Nano(right * 10**9 // EXAMPLES), examples=EXAMPLES,
        records=records.pack(ones, is_binary=True), results_root=root,
        results_sha256=put_bytes(file),
        sandbox_level="seccomp", policy_sha256="9" * 64,
    )  # fmt: skip
    return replace(made, **changed)


def measured(adapter_sha256, right):
    return Measured(adapter_sha256, result(right))
