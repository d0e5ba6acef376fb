"""The tables of the rights. Each mirrors a row of rules/rows.py and follows from the log."""

from django.db import models
from django.db.models import F, Q

from licensing.models.columns import (
    ACCOUNT,
    GRANT_STATES,
    HASH,
    ID,
    MESSAGE,
    PAIR,
    WORK_KINDS,
    WORK_STATES,
)
from licensing.rules.lineage import WHOLE_E8
from licensing.rules.rows import DisputeState


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


class DueAbove(models.Model):
    """What every sale of a work owes to the works above it, frozen when it was registered."""

    id = models.CharField(max_length=ID, primary_key=True)
    works = models.JSONField()
    rates_e8 = models.JSONField()

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
    share_e8 = models.IntegerField(default=0)
    from_ms = models.BigIntegerField()
    until_ms = models.BigIntegerField()
    access_until_ms = models.BigIntegerField(default=0)
    state = models.CharField(max_length=10)
    jws = models.TextField()
    holder_key = models.CharField(max_length=HASH, blank=True)
    at_ms = models.BigIntegerField(default=0)
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


class PoolDebt(models.Model):
    """What the house lent to a pool for refunds; its next credits pay it back."""

    id = models.CharField(max_length=ID, primary_key=True)
    owed_nano = models.BigIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(owed_nano__gte=0), name="debt_not_below_zero"),
        ]

    def __str__(self) -> str:
        return self.id


class Revocation(models.Model):
    """A grant that gives nothing any more, for the list of these."""

    id = models.CharField(max_length=MESSAGE, primary_key=True)
    reason = models.CharField(max_length=10)
    at_ms = models.BigIntegerField()
    until_ms = models.BigIntegerField()
    message = models.CharField(max_length=MESSAGE)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(reason__in=["refund", "breach"]), name="revocation_reason_known"
            ),
        ]

    def __str__(self) -> str:
        return self.id


class Dispute(models.Model):
    """Somebody says that a work is not its owner's, and what was ruled so far."""

    id = models.CharField(max_length=MESSAGE, primary_key=True)
    work = models.CharField(max_length=ID, db_index=True)
    claimant = models.CharField(max_length=ACCOUNT)
    why = models.TextField()
    state = models.CharField(max_length=10)
    at_ms = models.BigIntegerField()
    message = models.CharField(max_length=MESSAGE)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in DisputeState]),
                name="dispute_state_known",
            ),
        ]

    def __str__(self) -> str:
        return self.id


class OutputBatch(models.Model):
    """Outputs that an account made with a work, by the root over their records."""

    id = models.CharField(max_length=MESSAGE, primary_key=True)
    work = models.CharField(max_length=ID)
    account = models.CharField(max_length=ACCOUNT)
    licence = models.CharField(max_length=MESSAGE, blank=True, db_index=True)
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
