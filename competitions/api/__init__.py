"""The contest for programs: competitions, boards, entries; and the orders that this room takes."""

from competitions.api.contests import router
from competitions.api.entries import ORDERS, submissions

__all__ = ["ORDERS", "router", "submissions"]
