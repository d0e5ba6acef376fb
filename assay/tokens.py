"""What a token of a program may do, and how long it lives: the words of the site and its clients.

read    what only its account sees: entries and refusals, licences, royalties
submit  files, and signed orders that move no money
pay     signed orders that move money

No token signs an order: that takes a key.
"""

from typing import Literal

Scope = Literal["read", "submit", "pay"]
SCOPES: tuple[Scope, ...] = ("read", "submit", "pay")
LEAST: tuple[Scope, ...] = ("read",)  # of a token for which nothing was asked
DAYS, DAYS_MOST = 90, 365
