"""The pages of the sponsor's wizard, in their order, and how far a draft is."""

from competitions.models import Draft

TITLES = {"task": "Task", "data": "Data", "prize": "Prize and dates", "terms": "Licence terms"}
REVIEW = "review"


def before(current: str) -> tuple[str, str] | None:
    """(page, title) of the page before this one; None for the first."""
    names = [*TITLES, REVIEW]
    place = names.index(current)
    return (names[place - 1], TITLES[names[place - 1]]) if place else None


def wizard(found: Draft, current: str, missing: list[str]) -> list[dict[str, str]]:
    """The steps of a draft. missing: the pages on which something is missing or wrong"""
    made = [
        {
            "label": title,
            "href": f"/sponsor/drafts/{found.id}/{name}/",
            "state": "now" if name == current else "" if name in missing else "done",
        }
        for name, title in TITLES.items()
    ]
    state = "now" if current == REVIEW else ""
    review = {"label": "Dry run and stake", "href": f"/sponsor/drafts/{found.id}/review/"}
    return [*made, review | {"state": state}]
