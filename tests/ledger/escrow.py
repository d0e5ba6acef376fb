"""A second bridge that is real: an escrow outside, in a file of its own, as a contract would be.

It pays each `once` one time, however often it is asked, and may be told to be slow or to break.
"""

import sqlite3

from ledger.rules.bridge import Deposit, Payment


class Broken(Exception):
    """The connection to the escrow broke; whether it had done its work is not known."""


class Escrow:
    """What lies in it, who gave it for whom, and what was paid out."""

    name = "escrow"

    def __init__(self, file):
        self._base = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        self._base.executescript(
            "CREATE TABLE deposit (id TEXT PRIMARY KEY, account TEXT, nano INTEGER, seen TEXT);"
            "CREATE TABLE payment (once TEXT PRIMARY KEY, place TEXT, nano INTEGER)"
        )
        self.is_slow, self.breaks_before, self.breaks_after = False, False, False

    def give(self, account, amount_nano):
        """Somebody outside puts money in."""
        row = (f"deposit {self._count('deposit')}", account, amount_nano)
        self._base.execute("INSERT INTO deposit VALUES (?, ?, ?, NULL)", row)

    def paid(self):
        """(place, nano) of every payment."""
        return self._base.execute("SELECT place, nano FROM payment ORDER BY rowid").fetchall()

    @property
    def held_nano(self):
        into = self._base.execute("SELECT coalesce(sum(nano), 0) FROM deposit").fetchone()[0]
        return into - sum(nano for _, nano in self.paid())

    def check(self, to, amount_nano):
        return "" if to.startswith("0x") else "that is no address"

    def deposits(self):
        rows = self._base.execute("SELECT id, account, nano FROM deposit WHERE seen IS NULL")
        return [Deposit(*row) for row in rows.fetchall()]

    def minted(self, deposit, message):
        if self.breaks_before:
            raise Broken
        self._base.execute("UPDATE deposit SET seen = ? WHERE id = ?", (message, deposit.id))

    def pay(self, to, amount_nano, *, once):
        if to == "0xclosed":
            return Payment(refused="the address takes nothing")
        if self.is_slow:
            return Payment()
        if self.breaks_before:
            raise Broken
        row = (once, to, amount_nano)
        self._base.execute("INSERT OR IGNORE INTO payment VALUES (?, ?, ?)", row)
        if self.breaks_after:
            raise Broken
        return Payment(receipt=f"payment {once[:8]}")

    def _count(self, table):
        return self._base.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
