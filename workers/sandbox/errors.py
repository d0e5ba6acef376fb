"""What can go wrong before a job runs. What goes wrong in a job is a Status, not an error.

AssayError
  SandboxUnavailable   sandbox.unavailable     this host cannot lock anything in, or not well
  LevelMissing         sandbox.level_missing   it can, but not as strongly as asked
    FilterChanged      sandbox.filter_changed  a checked-in filter has other bytes
    BoxMissing         sandbox.box_missing     no bubblewrap for what must run in a fresh jail
  CodeTooLong          sandbox.code_too_long   a sponsor's scoring code is over the limit
  ZygoteFailed         sandbox.not_started     the scorer or the base did not load
"""

from assay.errors import AssayError


class SandboxUnavailable(AssayError):
    """No sandbox level works on this host. Facts: missing."""

    code, status = "sandbox.unavailable", 503
    next_step = "Run `python manage.py sandbox_doctor`; it names what is missing and how to get it."


class LevelMissing(AssayError):
    """The host does not give the level that was asked for. Facts: wanted, strongest, missing."""

    code, status = "sandbox.level_missing", 503
    next_step = "Run `python manage.py sandbox_doctor`; it names what is missing and how to get it."


class FilterChanged(SandboxUnavailable):
    """A system call filter is not the one of this release. Facts: filter."""

    code, status = "sandbox.filter_changed", 503
    next_step = "Install Assay again: a file of it was changed."


class BoxMissing(SandboxUnavailable):
    """What asks for a fresh jail cannot have one here. Facts: missing."""

    code, status = "sandbox.box_missing", 503
    next_step = "Install bubblewrap: `apt-get install bubblewrap`; then `manage.py sandbox_doctor`."


class CodeTooLong(AssayError):
    """A sponsor's scoring code is over the limit. Facts: bytes, limit."""

    code, status = "sandbox.code_too_long", 413
    next_step = "Shorten the file: tables belong into the references."


class ZygoteFailed(AssayError):
    """The process that holds the base ended before it was ready. Facts: said (its last words)."""

    code, status = "sandbox.not_started", 503
    next_step = "Read the last words; most often the base or a package is missing."
