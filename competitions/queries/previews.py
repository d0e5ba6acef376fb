"""What a draft's files hold, as a worker read them; and which still wait. Nothing here writes."""

from datetime import datetime

from django.db.models import Q, QuerySet

from assay.wire import from_json
from competitions.models import Draft, Evaluation, Preview
from competitions.rules.preview import DraftRead


def preview(draft: str) -> Preview | None:
    """The newest preview of a draft's files, done or not; None while it has no files."""
    return Preview.objects.filter(pk=draft).first()


def draft_read(found: Preview | None) -> DraftRead | None:
    """What was read; None while nothing is, or when the files could not be read at all."""
    return from_json(DraftRead, found.found) if found and found.found else None


def previews_waiting(now: datetime) -> QuerySet[Preview]:
    """Previews that nobody holds, the longest waiting first."""
    free = Q(leased_until=None) | Q(leased_until__lt=now)
    return Preview.objects.filter(free, is_read=False).order_by("asked_at", "pk")


def previews_before(found: Preview) -> int:
    """How many other files are read first."""
    return Preview.objects.filter(is_read=False, asked_at__lt=found.asked_at).count()


def entries_waiting() -> int:
    """How many scoring runs wait or run: they have the same workers as dry runs."""
    return Evaluation.objects.count()


def preparations_before(draft: Draft) -> int:
    """How many other dry runs were asked for earlier and are not done."""
    earlier = Draft.objects.filter(state=Draft.State.WAITING, updated_at__lt=draft.updated_at)
    return earlier.count()
