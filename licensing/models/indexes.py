"""Indexes of the other tables, for lists and searches. They are not replayed."""

from django.db import models
from django.db.models import Q

from licensing.models.columns import (
    ACCOUNT,
    HASH,
    ID,
    MESSAGE,
    NAME,
    PAIR,
    SLUG,
    USE,
    WORK_KINDS,
)


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
