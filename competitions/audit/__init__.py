"""The stranger's door: check a site from outside, with the same rules, and without Django."""

from competitions.audit.command import audit

__all__ = ["audit"]
