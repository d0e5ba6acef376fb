"""The stranger's door: check a site from outside, with the same rules, and without Django."""

from competitions.audit.command import audit
from competitions.audit.explaining import explain
from competitions.audit.log_commands import export_log, import_log

__all__ = ["audit", "explain", "export_log", "import_log"]
