"""What lies on the desk: drafts, secrets and work to be done. None of it follows from the log."""

from django.db import models
from django.db.models import Q

from competitions.models.contest import HASH, ITEM, NAME


class Draft(models.Model):
    """A sponsor's competition before it is published, and its preparation. Not replayed."""

    class State(models.TextChoices):
        EDITING = "editing"
        WAITING = "waiting"
        READY = "ready"
        REFUSED = "refused"
        PUBLISHED = "published"

    id = models.CharField(max_length=32, primary_key=True)
    sponsor = models.CharField(max_length=NAME, db_index=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.EDITING)
    fields = models.JSONField(default=dict)
    files = models.JSONField(default=dict)
    problem = models.JSONField(default=dict)
    prepared = models.JSONField(default=dict)
    stage = models.CharField(max_length=10, blank=True)
    updated_at = models.DateTimeField()
    fence = models.BigIntegerField(default=0)
    leased_until = models.DateTimeField(null=True)
    attempts = models.IntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["editing", "waiting", "ready", "refused", "published"]),
                name="draft_state_known",
            )
        ]

    def __str__(self) -> str:
        return self.id


class Preview(models.Model):
    """What a worker read of a draft's files, before anything runs. Not replayed.

    asked   what it was read from: another choice or file asks for another reading
    found   the preview, empty until it is read
    """

    draft = models.CharField(max_length=32, primary_key=True)
    asked = models.JSONField()
    found = models.JSONField(default=dict)
    problem = models.JSONField(default=dict)
    is_read = models.BooleanField(default=False)
    asked_at = models.DateTimeField()
    fence = models.BigIntegerField(default=0)
    leased_until = models.DateTimeField(null=True)
    attempts = models.IntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(is_read=True) | Q(found={}, problem={}), name="found_iff_read"
            )
        ]

    def __str__(self) -> str:
        return self.draft


class Sealed(models.Model):
    """Board and final slice of a task, kept from everybody until all is judged. Not replayed.

    final_root  of the final rows without the salt     base  what the seal of its board run holds
    """

    id = models.CharField(max_length=HASH, primary_key=True)
    salt = models.CharField(max_length=HASH)
    files = models.JSONField()
    final_root = models.CharField(max_length=HASH, db_index=True)
    base = models.JSONField()

    def __str__(self) -> str:
        return self.id


class Unopened(models.Model):
    """What a seal holds, until it is opened. is_lost: it does not give it now. Not replayed."""

    seal = models.CharField(max_length=HASH, unique=True)
    competition = models.CharField(max_length=48, db_index=True)
    submission = models.CharField(max_length=ITEM, db_index=True)
    held = models.CharField(max_length=7)
    salt = models.CharField(max_length=HASH)
    content = models.JSONField()
    is_lost = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.seal


class Opening(models.Model):
    """What an entry's commitment holds, as its owner handed it in. Not replayed.

    submission      that was committed by it; empty until the order comes
    adapter_sha256  of the canonical adapter, once a worker's run was written down
    """

    commitment = models.CharField(max_length=HASH, primary_key=True)
    competition = models.CharField(max_length=48)
    owner = models.CharField(max_length=NAME)
    submission = models.CharField(max_length=ITEM, blank=True, db_index=True)
    salt = models.CharField(max_length=HASH)
    config_sha256 = models.CharField(max_length=HASH)
    tensors_sha256 = models.CharField(max_length=HASH)
    adapter_sha256 = models.CharField(max_length=HASH, blank=True, db_index=True)
    at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(
                fields=["owner", "at"], name="openings_without_an_entry", condition=Q(submission="")
            ),
            models.Index(
                fields=["competition", "owner", "tensors_sha256"], name="openings_of_an_owner"
            ),
        ]

    def __str__(self) -> str:
        return self.commitment


class NormalForm(models.Model):
    """By what a canonical adapter is compared with others: kept so that it is made once.

    Not replayed: it follows from the adapter alone. sha256: of the form's own blob
    """

    adapter = models.CharField(max_length=HASH, primary_key=True)
    sha256 = models.CharField(max_length=HASH)

    def __str__(self) -> str:
        return self.adapter


class HeldUp(models.Model):
    """What keeps a winner's adapter from being licensed, until it is. Not replayed.

    submission  the winner     since  when this cause was first met
    """

    submission = models.CharField(max_length=ITEM, primary_key=True)
    code = models.TextField()
    cause = models.TextField()
    next_step = models.TextField()
    since = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.submission}: {self.code}"
