"""Starts servers as `python -m uvicorn ARGUMENTS` does, without the second that imports take.

It has imported the site and has never answered a request, so each fork is a fresh server. It reads
the arguments of one server a line, as JSON, and answers with its process id.
"""

import json
import os
import signal
import sys

import uvicorn
from django.urls import get_resolver

from tests.laws import mortal_site


def main():
    assert mortal_site.application
    assert get_resolver().url_patterns, "what a server imports with its first request"
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead are gone at once
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            uvicorn.main(json.loads(line))  # ends the process
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
