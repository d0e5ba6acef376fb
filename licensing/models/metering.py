"""Channels of metered use, what was paid by them, and what this site counts meanwhile."""

from django.db import models
from django.db.models import F, Q

from licensing.models.columns import ACCOUNT, HASH, ID, MESSAGE, PAIR

SIGNATURE = 128


class Channel(models.Model):
    """Money that an account holds for metered use of a work."""

    id = models.CharField(max_length=MESSAGE, primary_key=True)
    work = models.CharField(max_length=ID)
    payer = models.CharField(max_length=ACCOUNT)
    receiver = models.CharField(max_length=ACCOUNT)
    signer = models.CharField(max_length=HASH)
    grant = models.CharField(max_length=MESSAGE, blank=True, db_index=True)
    rate_e8 = models.IntegerField()
    opened_ms = models.BigIntegerField()
    expires_ms = models.BigIntegerField()
    hold = models.CharField(max_length=HASH, blank=True)
    held_nano = models.BigIntegerField()
    settled_nano = models.BigIntegerField()
    settlements = models.IntegerField()
    charged_pico = models.BigIntegerField()
    calls = models.BigIntegerField()
    is_closed = models.BooleanField()
    message = models.CharField(max_length=MESSAGE)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(hold="") ^ Q(held_nano__gt=0), name="channel_holds_by_a_transfer"
            ),
            models.CheckConstraint(
                condition=Q(is_closed=False) ^ Q(hold=""), name="closed_channel_holds_nothing"
            ),
            models.CheckConstraint(
                condition=Q(charged_pico__gte=F("settled_nano") * 1000),
                name="channel_pays_what_was_charged",
            ),
            models.CheckConstraint(
                condition=Q(settled_nano__gte=0, calls__gte=0), name="channel_counts_upward"
            ),
        ]
        indexes = [
            models.Index(fields=["payer", "work"], name="channel_of_payer"),
            models.Index(fields=["receiver", "is_closed", "expires_ms"], name="channel_to_settle"),
        ]

    def __str__(self) -> str:
        return self.id


class Report(models.Model):
    """What a holder said to have earned under a licence that asks for a share."""

    id = models.CharField(max_length=MESSAGE, primary_key=True)
    grant = models.CharField(max_length=MESSAGE)
    work = models.CharField(max_length=ID)
    holder = models.CharField(max_length=ACCOUNT)
    since_ms = models.BigIntegerField()
    until_ms = models.BigIntegerField()
    gross_nano = models.BigIntegerField()
    owed_nano = models.BigIntegerField()
    is_paid = models.BooleanField()
    at_ms = models.BigIntegerField()
    message = models.CharField(max_length=MESSAGE)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["grant", "since_ms"], name="period_reported_once"),
            models.CheckConstraint(
                condition=Q(since_ms__lt=F("until_ms")), name="report_has_a_period"
            ),
            models.CheckConstraint(
                condition=Q(owed_nano__gte=0, owed_nano__lte=F("gross_nano")),
                name="report_owes_a_part",
            ),
        ]
        indexes = [models.Index(fields=["holder", "-at_ms", "id"], name="report_newest_of_holder")]

    def __str__(self) -> str:
        return self.id


class Usage(models.Model):
    """One payment for what was used of a work."""

    id = models.CharField(max_length=PAIR, primary_key=True)
    source = models.CharField(max_length=MESSAGE)
    work = models.CharField(max_length=ID)
    payer = models.CharField(max_length=ACCOUNT)
    gross_nano = models.BigIntegerField()
    at_ms = models.BigIntegerField()
    message = models.CharField(max_length=MESSAGE)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(gross_nano__gt=0), name="usage_pays_something"),
        ]
        indexes = [models.Index(fields=["message"], name="usage_of_message")]

    def __str__(self) -> str:
        return self.id


class Meter(models.Model):
    """What this site has counted on a channel, and the last voucher for it. Not replayed.

    settled_ms  when it was last redeemed, or opened
    """

    channel = models.CharField(max_length=MESSAGE, primary_key=True)
    charged_pico = models.BigIntegerField(default=0)
    calls = models.BigIntegerField(default=0)
    signed_pico = models.BigIntegerField(default=0)
    signature = models.CharField(max_length=SIGNATURE, blank=True)
    settled_ms = models.BigIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(charged_pico__gte=0, charged_pico__lte=F("signed_pico")),
                name="meter_charges_what_was_signed",
            ),
        ]
        indexes = [models.Index(fields=["settled_ms"], name="meter_longest_unsettled")]

    def __str__(self) -> str:
        return self.channel


class MeteredRequest(models.Model):
    """A paid request by the id that its payer gave it. Not replayed; it goes with its channel.

    id  channel/identifier;  fingerprint: SHA-256 of what was asked
    """

    id = models.CharField(max_length=PAIR, primary_key=True)
    channel = models.CharField(max_length=MESSAGE, db_index=True)
    fingerprint = models.CharField(max_length=HASH)

    def __str__(self) -> str:
        return self.id
