"""Which bytes of a file a Range header asks for.

source  RFC 9110 section 14: one range of bytes; what we do not understand means the whole file
"""

import re

_ONE = re.compile(r"bytes=(?P<first>[0-9]{0,18})-(?P<last>[0-9]{0,18})")


def asked_range(header: str, size_bytes: int) -> tuple[int, int] | None:
    """(start, end) of the bytes that are asked for, end excluded; None when there are none such."""
    found = _ONE.fullmatch(header.strip())
    if found is None or found["first"] == found["last"] == "":
        return 0, size_bytes
    if not found["first"]:
        start, end = max(size_bytes - int(found["last"]), 0), size_bytes
    else:
        start = int(found["first"])
        end = min(int(found["last"]) + 1, size_bytes) if found["last"] else size_bytes
        if found["last"] and int(found["last"]) < start:
            return 0, size_bytes
    return (start, end) if start < end else None
