"""The tables of the contest that follow from the log; they mirror rules/rows.py."""

from functools import reduce

from django.db import models
from django.db.models import F, Func, GeneratedField, Q

from competitions.rules.rows import Deposit, Held, Phase, State

HASH, ITEM, NAME = 64, 43, 120


class RankKey(Func):
    """A merit, which is a whole number of any size as text, as a text that sorts like the number.

    A letter for the sign, the number of digits, the digits; below zero the last two run backwards.
    NULL where there is no merit. Plain SQL, which both databases compute to the same text.
    """

    template = (
        "(CASE WHEN %(expressions)s = '' THEN NULL"
        " WHEN SUBSTR(%(expressions)s, 1, 1) = '-'"
        " THEN 'a' || CAST(2000 - LENGTH(%(expressions)s) AS varchar(4)) || %(backwards)s"
        " ELSE 'b' || CAST(1000 + LENGTH(%(expressions)s) AS varchar(4)) || %(expressions)s END)"
    )
    backwards = reduce(
        lambda inner, pair: f"REPLACE({inner}, '{pair[0]}', '{pair[1]}')",
        zip("0123456789", "jihgfedcba", strict=True),
        "%(expressions)s",
    )
    template = template.replace("%(backwards)s", backwards)
    output_field = models.CharField(max_length=500)


def _rank_key(merit: str) -> GeneratedField:
    kept = models.CharField(max_length=500, null=True)
    return GeneratedField(expression=RankKey(F(merit)), output_field=kept, db_persist=True)


class Evaluator(models.Model):
    """A prepared task with its measured baseline."""

    id = models.CharField(max_length=HASH, primary_key=True)
    base = models.CharField(max_length=NAME)
    evaluator = models.CharField(max_length=40)
    metric = models.CharField(max_length=40)
    is_generic = models.BooleanField()
    is_custom = models.BooleanField()
    code_sha256 = models.CharField(max_length=HASH, blank=True)
    public_examples = models.IntegerField()
    public_units = models.BigIntegerField()
    board_examples = models.IntegerField()
    board_units = models.BigIntegerField()
    board_commitment = models.CharField(max_length=HASH)
    final_examples = models.IntegerField()
    final_units = models.BigIntegerField()
    final_commitment = models.CharField(max_length=HASH)
    baseline_e9 = models.BigIntegerField()
    baseline = models.JSONField()
    board_baseline_e9 = models.BigIntegerField()
    board_seal = models.CharField(max_length=HASH)
    race = models.JSONField(null=True)
    at_ms = models.BigIntegerField()
    message = models.CharField(max_length=ITEM)

    def __str__(self) -> str:
        return self.id


class Competition(models.Model):
    """One contest. Every column follows from the log."""

    id = models.CharField(max_length=48, primary_key=True)
    sponsor = models.CharField(max_length=NAME, db_index=True)
    phase = models.CharField(max_length=12)
    spec = models.JSONField()
    since_ms = models.BigIntegerField()
    last_ms = models.BigIntegerField()
    draw = models.CharField(max_length=ITEM, blank=True)
    slice_salt = models.CharField(max_length=HASH, blank=True)
    slice_files = models.JSONField()
    baseline_e9 = models.BigIntegerField(null=True)
    baseline = models.JSONField(null=True)
    dispute_until_ms = models.BigIntegerField(null=True)
    end_reason = models.CharField(max_length=200, blank=True)
    fault = models.CharField(max_length=9, blank=True)
    faults = models.IntegerField(default=0)
    due_batches = models.IntegerField(default=0)
    paid_batches = models.IntegerField(default=0)
    first_close_ms = models.BigIntegerField(null=True)
    opened_batches = models.IntegerField(default=0)
    board_baseline = models.JSONField(null=True)
    due_ms = models.BigIntegerField(null=True)
    until_ms = models.BigIntegerField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["phase", "-last_ms", "id"], name="competitions_by_phase"),
            models.Index(
                fields=["due_ms"], name="competitions_by_due", condition=Q(due_ms__isnull=False)
            ),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(phase__in=[*Phase]), name="competition_phase_known"),
            models.CheckConstraint(
                condition=Q(phase__in=["published", "funded", "open", "cancelled", "aborted"])
                | ~Q(draw=""),
                name="competition_closed_has_a_draw",
            ),
            models.CheckConstraint(
                condition=Q(paid_batches__gte=0, paid_batches__lte=F("due_batches")),
                name="no_more_is_paid_than_is_due",
            ),
        ]

    def __str__(self) -> str:
        return self.id


class Submission(models.Model):
    """One adapter offered to one competition. Every column follows from the log.

    rank_key, final_rank_key  the database's own, of the merits: boards are read in their order
    """

    id = models.CharField(max_length=ITEM, primary_key=True)
    competition = models.CharField(max_length=48)
    owner = models.CharField(max_length=NAME)
    title = models.CharField(max_length=80, blank=True)
    commitment = models.CharField(max_length=HASH)
    tags = models.JSONField()
    parents = models.JSONField()
    state = models.CharField(max_length=12, db_index=True)
    committed_ms = models.BigIntegerField()
    since_ms = models.BigIntegerField()
    window = models.IntegerField()
    slot = models.IntegerField(null=True)
    opening = models.JSONField(null=True)
    adapter_sha256 = models.CharField(max_length=HASH, blank=True, db_index=True)
    score_e9 = models.BigIntegerField(null=True)
    merit = models.CharField(max_length=400, blank=True)
    result = models.JSONField(null=True)
    final_score_e9 = models.BigIntegerField(null=True)
    final_merit = models.CharField(max_length=400, blank=True)
    final_result = models.JSONField(null=True)
    refusal_code = models.CharField(max_length=60, blank=True)
    refusal_cause = models.TextField(blank=True)
    refusal_next = models.TextField(blank=True)
    stop = models.JSONField(null=True)
    resumed = models.CharField(max_length=7, blank=True)
    deposit = models.CharField(max_length=9, blank=True)
    is_nominated = models.BooleanField(default=False)
    place = models.IntegerField(null=True)
    prize_nano = models.BigIntegerField(null=True)
    rank_key = _rank_key("merit")
    final_rank_key = _rank_key("final_merit")

    class Meta:
        indexes = [
            models.Index(
                fields=["competition", "state", "since_ms"], name="entries_of_a_competition"
            ),
            models.Index(fields=["owner", "-committed_ms"], name="entries_of_an_owner"),
            models.Index(
                fields=["competition", "place"],
                name="entries_that_won",
                condition=Q(place__isnull=False),
            ),
            models.Index(
                fields=["competition", "deposit"],
                name="entries_with_a_deposit",
                condition=~Q(deposit=""),
            ),
            models.Index(
                fields=["competition"],
                name="entries_that_decide",
                condition=Q(is_nominated=True),
            ),
            *(
                models.Index(
                    fields=["competition", *before, f"-{key}", "committed_ms", *after],
                    name=f"{name}_by_{key}",
                    condition=Q(**{f"{key}__isnull": False}),
                )
                for key in ("rank_key", "final_rank_key")
                for name, before, after in (("board", [], ["owner"]), ("owner", ["owner"], []))
            ),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=[*State]), name="submission_state_known"),
            models.UniqueConstraint(
                fields=["competition", "owner", "window", "slot"], name="one_entry_per_slot"
            ),
            models.UniqueConstraint(
                fields=["competition", "committed_ms"], name="commits_have_an_order"
            ),
            models.UniqueConstraint(fields=["commitment"], name="one_entry_per_commitment"),
            models.CheckConstraint(
                condition=~Q(state="revealed") | Q(opening__isnull=False),
                name="what_is_public_opens_its_commitment",
            ),
            models.CheckConstraint(
                condition=Q(merit="", score_e9__isnull=True)
                | (~Q(merit="") & Q(score_e9__isnull=False)),
                name="a_score_that_is_told_ranks",
            ),
            models.CheckConstraint(
                condition=Q(result__isnull=True) | ~Q(merit=""),
                name="a_result_that_is_told_has_its_score",
            ),
            models.CheckConstraint(
                condition=~Q(state="eliminated") | Q(score_e9__isnull=True),
                name="eliminated_has_no_score",
            ),
            models.CheckConstraint(
                condition=Q(deposit__in=["", *Deposit]), name="submission_deposit_known"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["final_scored", "revealed"])
                | Q(final_score_e9__isnull=False),
                name="final_scored_has_a_final_score",
            ),
            models.CheckConstraint(
                condition=Q(state="refused") | Q(slot__isnull=False),
                name="only_who_is_out_gets_a_slot_back",
            ),
        ]

    def __str__(self) -> str:
        return self.id


class Tally(models.Model):
    """How many entries of a competition stand where. Every column follows from the log."""

    id = models.CharField(max_length=48, primary_key=True)
    committed = models.IntegerField(default=0)
    scored = models.IntegerField(default=0)
    eliminated = models.IntegerField(default=0)
    refused = models.IntegerField(default=0)
    final_scored = models.IntegerField(default=0)
    revealed = models.IntegerField(default=0)
    nominated = models.IntegerField(default=0)
    shut = models.IntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(**{f"{name}__gte": 0 for name in [*State, "nominated", "shut"]}),
                name="no_tally_is_below_nothing",
            ),
        ]

    def __str__(self) -> str:
        return self.id


class Nomination(models.Model):
    """The entries that an owner named last. Every column follows from the log."""

    id = models.CharField(max_length=49 + NAME, primary_key=True)
    competition = models.CharField(max_length=48, db_index=True)
    owner = models.CharField(max_length=NAME)
    submissions = models.JSONField()
    order = models.CharField(max_length=ITEM)
    at_ms = models.BigIntegerField()

    def __str__(self) -> str:
        return self.id


class Due(models.Model):
    """One transfer that the end of a competition owes. Every column follows from the log."""

    id = models.CharField(max_length=HASH, primary_key=True)
    batch = models.CharField(max_length=56, db_index=True)
    place = models.IntegerField()
    line = models.JSONField()

    def __str__(self) -> str:
        return self.id


class Worker(models.Model):
    """A process that computes final scores. Every column follows from the log."""

    id = models.CharField(max_length=HASH, primary_key=True)
    name = models.CharField(max_length=80)
    device = models.CharField(max_length=80)
    sandbox_level = models.CharField(max_length=10)
    at_ms = models.BigIntegerField()
    retired_ms = models.BigIntegerField(null=True)
    reason = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return self.name


class Seal(models.Model):
    """What a fact said by a hash alone. Every column follows from the log."""

    id = models.CharField(max_length=HASH, primary_key=True)
    competition = models.CharField(max_length=48)
    submission = models.CharField(max_length=ITEM)
    held = models.CharField(max_length=7)
    rival = models.CharField(max_length=ITEM, blank=True, db_index=True)
    is_told = models.BooleanField(default=False)
    is_open = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(held__in=[*Held]), name="seal_holds_what_is_known"),
        ]

    def __str__(self) -> str:
        return self.id
