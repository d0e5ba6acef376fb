"""The tables of the record. Account, Transfer and Key mirror the rows of rules/accounts.py."""

from django.db import models
from django.db.models import F, Q

from ledger.rules.accounts import AccountKind, Role

ID = 64


class Account(models.Model):
    """A purse; its sums are a cache of the transfers."""

    id = models.CharField(max_length=120, primary_key=True)
    kind = models.CharField(max_length=10)
    unit = models.CharField(max_length=12)
    available_nano = models.BigIntegerField()
    pending_out_nano = models.BigIntegerField()
    pending_in_nano = models.BigIntegerField()
    is_closed = models.BooleanField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(available_nano__gte=0) | Q(kind=AccountKind.ISSUANCE),
                name="account_not_below_zero",
            ),
            models.CheckConstraint(
                condition=Q(pending_out_nano__gte=0) & Q(pending_in_nano__gte=0),
                name="account_pending_not_below_zero",
            ),
            models.CheckConstraint(condition=Q(kind__in=[*AccountKind]), name="account_kind_known"),
        ]

    def __str__(self) -> str:
        return self.id


class Transfer(models.Model):
    """One movement of money. Rows are final: triggers refuse UPDATE and DELETE."""

    id = models.CharField(max_length=ID, primary_key=True)
    kind = models.CharField(max_length=8)
    debit = models.CharField(max_length=120)
    credit = models.CharField(max_length=120)
    amount_nano = models.BigIntegerField()
    code = models.CharField(max_length=10)
    pending_id = models.CharField(max_length=ID, null=True, db_index=True)  # noqa: DJ001 - no pending, no id
    timeout_s = models.IntegerField()
    reference = models.CharField(max_length=200, blank=True)
    at_ms = models.BigIntegerField()
    message = models.CharField(max_length=43, db_index=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount_nano__gt=0), name="transfer_moves_something"),
            models.CheckConstraint(condition=~Q(debit=F("credit")), name="transfer_goes_elsewhere"),
            models.CheckConstraint(
                condition=Q(kind__in=["single", "pending"], pending_id=None)
                | Q(kind__in=["post", "void", "expire"], pending_id__isnull=False),
                name="transfer_resolves_iff_closing",
            ),
            models.UniqueConstraint(
                fields=["pending_id"],
                condition=Q(kind__in=["post", "void", "expire"]),
                name="pending_resolves_once",
            ),
        ]
        indexes = [
            models.Index(fields=["debit", "-at_ms"], name="transfer_newest_out"),
            models.Index(fields=["credit", "-at_ms"], name="transfer_newest_in"),
            models.Index(
                fields=["id", "at_ms", "timeout_s"],
                name="hold_with_a_time_limit",
                condition=Q(kind="pending", timeout_s__gt=0),
            ),
        ]

    def __str__(self) -> str:
        return self.id


class Key(models.Model):
    """A public key and what it may sign."""

    id = models.CharField(max_length=ID, primary_key=True)
    account = models.CharField(max_length=120, db_index=True)
    role = models.CharField(max_length=10)
    at_ms = models.BigIntegerField()
    message = models.CharField(max_length=43)
    revoked_by = models.CharField(max_length=43, blank=True, default="")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(role__in=[*Role]), name="key_role_known"),
        ]

    def __str__(self) -> str:
        return self.id


class Message(models.Model):
    """One entry of the log: the signed bytes, and what of them is searched for.

    `log_index` is empty until the sequencer gives the entry its place. The row id is no place: it
    has gaps, and rows are committed out of its order.
    """

    item = models.CharField(max_length=43, unique=True)
    kind = models.CharField(max_length=40)
    signer = models.CharField(max_length=ID)
    anchor = models.CharField(max_length=ID)
    cause = models.CharField(max_length=43, blank=True, db_index=True)
    raw = models.BinaryField()
    log_index = models.BigIntegerField(null=True, unique=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["signer", "anchor"], name="message_once_per_anchor"),
        ]
        indexes = [
            models.Index("id", name="waiting_for_an_index", condition=Q(log_index=None)),
        ]

    def __str__(self) -> str:
        return self.item


class Checkpoint(models.Model):
    """A signed statement of the log's size and root. Not replayed: checked against the tree."""

    size = models.BigIntegerField(primary_key=True)
    root = models.CharField(max_length=ID)
    note = models.TextField()

    def __str__(self) -> str:
        return f"checkpoint {self.size}"


class Edge(models.Model):
    """The right edge of the tree, so that it grows in O(log n). Not replayed: a cache.

    tiled_size  up to which size the tiles are stored and a checkpoint is signed
    """

    id = models.SmallIntegerField(primary_key=True, default=1)
    size = models.BigIntegerField(default=0)
    hashes = models.JSONField(default=list)
    tiled_size = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_right_edge")]

    def __str__(self) -> str:
        return f"edge {self.size}"


class Lease(models.Model):
    """Who may do a job that only one may do at a time, and until when.

    Whoever takes it over gets a higher fence; a holder that was paused finds that its own is stale.
    """

    job = models.CharField(max_length=60, primary_key=True)
    holder = models.CharField(max_length=120, default="")
    until = models.DateTimeField(null=True)
    fence = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return self.job


class Bookmark(models.Model):
    """How far a reader has read the log."""

    reader = models.CharField(max_length=60, primary_key=True)
    next_index = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return self.reader


class Blob(models.Model):
    """An index of the bytes in the store. Not replayed: what matters is named by messages.

    chunk_root  of the tree over its chunks (assay/chunks.py); empty while nobody computed it
    is_named    a message of the log names it, so it is kept
    is_going    the sweep is deleting it
    withdrawn   the message that withdrew it: its bytes are gone, its row stays
    at_ms       when it was stored or last asked for by its owner; what nobody names is swept later
    """

    id = models.CharField(max_length=ID, primary_key=True)
    size_bytes = models.BigIntegerField()
    chunk_root = models.CharField(max_length=ID, blank=True)
    owner = models.CharField(max_length=120, db_index=True)
    is_public = models.BooleanField(default=False)
    is_named = models.BooleanField(default=False)
    is_going = models.BooleanField(default=False)
    withdrawn = models.CharField(max_length=43, blank=True)
    at_ms = models.BigIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(is_public=False) | Q(withdrawn=""), name="withdrawn_blob_is_not_public"
            ),
        ]
        indexes = [
            models.Index(
                "at_ms",
                name="blob_that_may_be_swept",
                condition=Q(is_named=False, is_public=False, withdrawn=""),
            ),
        ]

    def __str__(self) -> str:
        return self.id


class Holder(models.Model):
    """An account has sent all bytes of this blob itself. Not replayed: what is stored, and by whom.

    Whoever sent them first is the blob's owner, and needs no row.
    """

    blob = models.CharField(max_length=ID)
    account = models.CharField(max_length=120)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["blob", "account"], name="holder_once_per_blob"),
        ]

    def __str__(self) -> str:
        return f"{self.account} holds {self.blob}"


class Upload(models.Model):
    """A file that comes in by parts. Not replayed: a work in progress.

    remote        the store's own name of the upload, where parts go there directly
    """

    id = models.CharField(max_length=32, primary_key=True)
    owner = models.CharField(max_length=120)
    sha256 = models.CharField(max_length=ID)
    size_bytes = models.BigIntegerField()
    part_bytes = models.BigIntegerField()
    remote = models.CharField(max_length=1024, blank=True)
    at_ms = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "sha256"], name="upload_once_per_file"),
            models.CheckConstraint(
                condition=Q(size_bytes__gt=0, part_bytes__gt=0), name="upload_has_parts"
            ),
        ]

    def __str__(self) -> str:
        return self.id


class Cosignature(models.Model):
    """A witness's line under a checkpoint. Not replayed: whoever reads it checks the signature."""

    size = models.BigIntegerField()
    witness = models.CharField(max_length=200)
    line = models.TextField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["size", "witness"], name="witness_signs_a_size_once"),
        ]

    def __str__(self) -> str:
        return f"{self.witness} at {self.size}"


class Witness(models.Model):
    """What a witness answered last. Not replayed.

    size        of the checkpoint that it cosigned last, as it says
    problem     why it does not cosign; empty while all is well
    is_dispute  it has seen another history than ours: somebody must find out why
    evidence    a checkpoint that our key signed and that our log does not extend: while there is
                one, nothing is sequenced
    settled     the evidence that a person has decided about, one note after the other
    """

    id = models.CharField(max_length=200, primary_key=True)
    size = models.BigIntegerField(default=0)
    problem = models.TextField(blank=True)
    is_dispute = models.BooleanField(default=False)
    evidence = models.TextField(blank=True)
    settled = models.TextField(blank=True)
    at_ms = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(evidence="") | Q(is_dispute=True), name="evidence_makes_a_dispute"
            ),
        ]

    def __str__(self) -> str:
        return self.id
