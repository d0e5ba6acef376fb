"""What an account may be called: one form and one list, for the sign-up page, the API and the fold.

No name may be taken for the site's own, for a purse of the books, or for somebody with a duty.
"""

import re

MOST = 32
FORM = re.compile(r"[a-z](?:-?[a-z0-9]){1,31}")
# What the fold refuses; so it can refuse no more names without refusing logs that have them.
OF_THE_BOOKS = frozenset(
    (
        "admin", "assay", "burn", "escrow", "evaluators", "everyone", "fee", "issuance", "nobody",
        "operator", "pool", "root",
    )
)  # fmt: skip
_MORE_PURSES = ("burnt", "reserve", "treasury")
_DUTIES = ("auditor", "clock", "evaluator", "node", "referee", "support", "witness", "worker")
_OF_THE_SITE = ("anonymous", "log", "me", "official", "platform", "staff", "system")
RESERVED = OF_THE_BOOKS | {*_MORE_PURSES, *_DUTIES, *_OF_THE_SITE}


def has_form(name: str) -> bool:
    """True for 2 to 32 small letters, digits and single hyphens that begin with a letter."""
    return len(name) <= MOST and FORM.fullmatch(name) is not None


def flaw(name: str) -> str:
    """Why nobody can open an account of this name, in a sentence; empty when somebody can."""
    if not has_form(name):
        return (
            "A name has 2 to 32 small letters, digits and single hyphens, and begins with a letter."
        )
    return "This name is reserved. Please choose another." if name in RESERVED else ""
