"""How far a reader of the log has come."""

from ledger.models import Bookmark


def advance(reader: str, *, old: int, new: int) -> bool:
    """Move a bookmark by compare-and-set. False: somebody else did."""
    Bookmark.objects.get_or_create(reader=reader)
    return bool(Bookmark.objects.filter(reader=reader, next_index=old).update(next_index=new))
