"""Scoring work that waits, and whose turn it is. None of it follows from the log."""

from django.db import models

from competitions.models.contest import HASH, ITEM, NAME


class Evaluation(models.Model):
    """Scoring work to be done: one row each, gone with the score. Not logged, not replayed.

    owner, least     whose turn it takes, and the weakest sandbox that may do it
    is_generic       it needs a worker that has what computes generic bases
    cost_ms          how long such a run takes, as far as it is known
    not_before_ms    nobody takes it earlier: it failed by our fault
    failed_by        the worker that failed last; it comes again at again_ms, after all others
    number, found    final scores take two runs by two workers: which one this is, and what it
                     came to while the other is not there; a third is the referee's
    lost             attempts that no worker came back from; losses: which and when
    adapter_sha256   of the canonical adapter once the intake has made it
    """

    class Slice(models.TextChoices):
        BOARD = "board"
        FINAL = "final"

    competition = models.CharField(max_length=48, db_index=True)
    submission = models.CharField(max_length=ITEM, blank=True)
    owner = models.CharField(max_length=NAME, blank=True)
    slice = models.CharField(max_length=6, choices=Slice.choices)
    least = models.CharField(max_length=10, blank=True)
    is_generic = models.BooleanField(default=False)
    number = models.IntegerField(default=0)
    found = models.JSONField(null=True)
    cost_ms = models.BigIntegerField(default=0)
    fence = models.BigIntegerField(default=0)  # how often it was leased; the newest counts
    leased_until = models.DateTimeField(null=True)
    begun_ms = models.BigIntegerField(default=0)
    worker = models.CharField(max_length=HASH, blank=True)
    attempts = models.IntegerField(default=0)
    not_before_ms = models.BigIntegerField(default=0)
    failed_by = models.CharField(max_length=HASH, blank=True)
    again_ms = models.BigIntegerField(default=0)
    lost = models.IntegerField(default=0)
    losses = models.JSONField(default=list)
    last_error = models.TextField(blank=True)
    adapter_sha256 = models.CharField(max_length=HASH, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["competition", "submission", "slice", "number"],
                name="one_evaluation_per_run",
            ),
        ]
        indexes = [
            models.Index(fields=["competition", "owner"], name="evaluations_of_an_owner"),
        ]

    def __str__(self) -> str:
        return f"{self.slice} of {self.submission or 'the baseline'} in {self.competition}"


class Turn(models.Model):
    """How much of the workers' time a competition has had, or an owner in it. Not replayed.

    owner      empty: the competition itself; that of no competition is the clock of all
    served_ms  the next one's turn begins here; whoever waits with the least is next
    clock_ms   where the turn began that was taken last, of those below it
    """

    competition = models.CharField(max_length=48, blank=True)
    owner = models.CharField(max_length=NAME, blank=True)
    served_ms = models.BigIntegerField(default=0)
    clock_ms = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["competition", "owner"], name="one_turn_each"),
        ]

    def __str__(self) -> str:
        return f"{self.owner or 'all'} in {self.competition or 'all'}"


class Cost(models.Model):
    """How long a run of a task on one slice takes here, start to score. Not replayed."""

    manifest_sha256 = models.CharField(max_length=HASH)
    slice = models.CharField(max_length=6)
    mean_ms = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["manifest_sha256", "slice"], name="one_cost_per_slice"),
        ]

    def __str__(self) -> str:
        return f"{self.mean_ms} ms"
