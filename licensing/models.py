"""The tables of the rights. Each mirrors a row of rules/rows.py and follows from the log.

SearchCard, SearchRight, ShareDue and OutputRecord do not: an index of the others, for lists and
searches.
"""

from django.db import models
from django.db.models import F, Q

from licensing.rules.lineage import WHOLE_E8
from licensing.rules.rows import GrantState, WorkKind, WorkState

ID, HASH, PAIR, ACCOUNT, MESSAGE, NAME, SLUG, USE = 72, 64, 200, 120, 43, 120, 48, 12
WORK_KINDS = [kind.value for kind in WorkKind]
WORK_STATES = [state.value for state in WorkState]
GRANT_STATES = [state.value for state in GrantState]


class Work(models.Model):
    """Something under terms."""

    id = models.CharField(max_length=ID, primary_key=True)
    kind = models.CharField(max_length=10)
    content = models.CharField(max_length=HASH, db_index=True)
    owner = models.CharField(max_length=ACCOUNT, db_index=True)
    title = models.CharField(max_length=200)
    registered_ms = models.BigIntegerField()
    terms_version = models.IntegerField()
    state = models.CharField(max_length=10)
    licence = models.CharField(max_length=100, blank=True)
    inherited = models.JSONField()
    message = models.CharField(max_length=MESSAGE)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=WORK_KINDS), name="work_kind_known"),
            models.CheckConstraint(condition=Q(state__in=WORK_STATES), name="work_state_known"),
            models.CheckConstraint(condition=Q(terms_version__gte=1), name="work_has_terms"),
        ]
        indexes = [models.Index(fields=["-registered_ms", "id"], name="work_newest")]

    def __str__(self) -> str:
        return self.title


class TermsVersion(models.Model):
    """The licence tags of a work as they were given."""

    id = models.CharField(max_length=PAIR, primary_key=True)
    work = models.CharField(max_length=ID, db_index=True)
    number = models.IntegerField()
    tags = models.JSONField()
    message = models.CharField(max_length=MESSAGE)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["work", "number"], name="terms_version_once"),
        ]

    def __str__(self) -> str:
        return self.id


class Edge(models.Model):
    """One work was made from another, at the rate of that moment."""

    id = models.CharField(max_length=PAIR, primary_key=True)
    child = models.CharField(max_length=ID, db_index=True)
    parent = models.CharField(max_length=ID, db_index=True)
    kind = models.CharField(max_length=10)
    rate_e8 = models.IntegerField()
    terms_version = models.IntegerField()
    message = models.CharField(max_length=MESSAGE)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["child", "parent"], name="edge_counts_once"),
            models.CheckConstraint(
                condition=~Q(child=F("parent")), name="edge_leads_to_another_work"
            ),
            models.CheckConstraint(
                condition=Q(rate_e8__gte=0, rate_e8__lte=WHOLE_E8), name="edge_rate_is_a_part"
            ),
            models.CheckConstraint(condition=Q(kind__in=WORK_KINDS), name="edge_kind_known"),
        ]

    def __str__(self) -> str:
        return self.id


class PoolShare(models.Model):
    """A payee of a work's pool."""

    id = models.CharField(max_length=PAIR, primary_key=True)
    work = models.CharField(max_length=ID)
    payee = models.CharField(max_length=ACCOUNT)
    weight = models.BigIntegerField()
    drawn_nano = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["work", "payee"], name="payee_named_once"),
            models.CheckConstraint(condition=Q(weight__gt=0), name="payee_has_weight"),
            models.CheckConstraint(condition=Q(drawn_nano__gte=0), name="drawn_not_below_zero"),
        ]
        indexes = [models.Index(fields=["payee", "work"], name="work_of_payee")]

    def __str__(self) -> str:
        return self.id


class Grant(models.Model):
    """A licence that was bought."""

    id = models.CharField(max_length=MESSAGE, primary_key=True)
    work = models.CharField(max_length=ID, db_index=True)
    terms_version = models.IntegerField()
    uses = models.JSONField()
    holder = models.CharField(max_length=ACCOUNT, db_index=True)
    price_nano = models.BigIntegerField()
    from_ms = models.BigIntegerField()
    until_ms = models.BigIntegerField()
    access_until_ms = models.BigIntegerField(default=0)
    state = models.CharField(max_length=10)
    jws = models.TextField()
    message = models.CharField(max_length=MESSAGE)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=GRANT_STATES), name="grant_state_known"),
            models.CheckConstraint(condition=Q(price_nano__gte=0), name="grant_price_not_negative"),
            models.CheckConstraint(
                condition=Q(until_ms=0) | Q(until_ms__gt=F("from_ms")), name="grant_lasts"
            ),
        ]
        indexes = [
            models.Index(fields=["holder", "-from_ms", "id"], name="grant_newest_of_holder"),
            models.Index(fields=["work", "holder"], name="grant_of_holder"),
            models.Index(fields=["message"], name="grant_of_message"),
        ]

    def __str__(self) -> str:
        return self.id


class SearchCard(models.Model):
    """What a list shows and a search goes by of one work. An index: not replayed.

    text  small letters: title, owner, id, and what the contest adds
    The columns from `competition` on are those of rules.search.Measured; empty without a contest
    """

    work = models.CharField(max_length=ID, primary_key=True)
    kind = models.CharField(max_length=10)
    registered_ms = models.BigIntegerField()
    text = models.TextField()
    competition = models.CharField(max_length=SLUG, blank=True)
    entry = models.CharField(max_length=MESSAGE, blank=True)
    title = models.CharField(max_length=200, blank=True)
    manifest = models.CharField(max_length=HASH, blank=True)
    base = models.CharField(max_length=NAME, blank=True)
    evaluator = models.CharField(max_length=40, blank=True)
    metric = models.CharField(max_length=40, blank=True)
    score_e9 = models.BigIntegerField(null=True)
    low_e9 = models.BigIntegerField(null=True)
    high_e9 = models.BigIntegerField(null=True)
    baseline_e9 = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=WORK_KINDS), name="card_kind_known"),
            models.CheckConstraint(
                condition=Q(competition="") ^ Q(score_e9__isnull=False),
                name="card_score_of_contest",
            ),
        ]
        indexes = [
            # With the text in them, a search that finds little reads the index and no rows.
            models.Index(fields=["-registered_ms", "work", "text"], name="card_text"),
            models.Index(
                fields=["kind", "-registered_ms", "work", "text"], name="card_text_of_kind"
            ),
            models.Index(
                fields=["metric", "-registered_ms", "work", "score_e9"],
                name="card_newest_of_metric",
            ),
            models.Index(fields=["base", "-registered_ms", "work"], name="card_newest_of_base"),
        ]

    def __str__(self) -> str:
        return self.work


class SearchRight(models.Model):
    """A use that the terms of a work give, and when. An index: not replayed. See rules.search."""

    id = models.CharField(max_length=PAIR, primary_key=True)
    work = models.CharField(max_length=ID)
    use = models.CharField(max_length=USE)
    from_ms = models.BigIntegerField()
    until_ms = models.BigIntegerField()
    price_nano = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["work", "use", "from_ms"], name="right_begins_once"),
            models.CheckConstraint(condition=Q(price_nano__gte=0), name="right_price_not_negative"),
        ]

    def __str__(self) -> str:
        return self.id


class ShareDue(models.Model):
    """What a payee can draw from one pool, for lists and totals. An index: not replayed.

    id  that of the PoolShare. What is shown and paid is reckoned anew, by rules.royalty
    """

    id = models.CharField(max_length=PAIR, primary_key=True)
    work = models.CharField(max_length=ID)
    payee = models.CharField(max_length=ACCOUNT)
    due_nano = models.BigIntegerField()
    drawn_nano = models.BigIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(due_nano__gte=0), name="due_not_below_zero"),
        ]
        indexes = [  # a page of the order, and the totals, come from this alone
            models.Index(
                fields=["payee", "-due_nano", "-drawn_nano", "work"], name="largest_due_of_payee"
            ),
        ]

    def __str__(self) -> str:
        return self.id


class OutputBatch(models.Model):
    """Outputs that an account made with a work, by the root over their records."""

    id = models.CharField(max_length=MESSAGE, primary_key=True)
    work = models.CharField(max_length=ID)
    account = models.CharField(max_length=ACCOUNT)
    licence = models.CharField(max_length=MESSAGE, blank=True)
    root = models.CharField(max_length=HASH)
    size = models.IntegerField()
    records = models.CharField(max_length=HASH)
    at_ms = models.BigIntegerField()
    message = models.CharField(max_length=MESSAGE)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(size__gte=1), name="batch_has_records"),
        ]

    def __str__(self) -> str:
        return self.id


class OutputRecord(models.Model):
    """Where the record of an output is: its batch, and its line there. An index: not replayed.

    output  SHA-256 of what was made;  at_ms: of the batch, so that the first claim comes first
    """

    id = models.CharField(max_length=PAIR, primary_key=True)
    output = models.CharField(max_length=HASH)
    batch = models.CharField(max_length=MESSAGE)
    place = models.IntegerField()
    at_ms = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["batch", "place"], name="record_once_in_its_batch"),
        ]
        indexes = [
            models.Index(fields=["output", "at_ms", "id"], name="record_oldest_of_output"),
        ]

    def __str__(self) -> str:
        return self.id
