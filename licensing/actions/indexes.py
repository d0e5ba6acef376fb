"""What lists and searches go by: written again whenever what it is about changes; not replayed."""

from collections.abc import Collection
from dataclasses import asdict

from django.db import transaction

from licensing import queries
from licensing.models import SearchCard, SearchRight, ShareDue, Work
from licensing.rules.reading import parse
from licensing.rules.search import Measured, search_text, spans


@transaction.atomic
def index_work(work: str, measured: Measured | None = None) -> None:
    """Write down what lists and searches go by of a registered work; again, it is written anew.

    In the transaction that registers the work. measured: how a contest measured it, if one did
    """
    found, told = queries.work(work), {} if measured is None else asdict(measured)
    SearchCard.objects.update_or_create(
        work=work,
        defaults={
            "kind": found.kind,
            "registered_ms": found.registered_ms,
            "text": search_text(found.title, found.owner, work, measured),
            **told,
        },
    )
    index_rights(found)
    index_dues([work])


def index_rights(found: Work) -> None:
    """What searches go by of the terms that hold now."""
    work, given = found.id, spans(parse(queries.tags_of(found)), found.registered_ms)
    SearchRight.objects.filter(work=work).delete()
    SearchRight.objects.bulk_create(
        SearchRight(id=f"{work}/{one.use}/{one.from_ms}", work=work, **asdict(one)) for one in given
    )


def index_dues(works: Collection[str]) -> None:
    """Write down what lists and totals go by of what is due from these works' pools.

    In the transaction that changed what lies in them, under the locks of their accounts
    """
    ShareDue.objects.bulk_create(
        queries.open_dues(works),
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=["due_nano", "drawn_nano"],
    )
