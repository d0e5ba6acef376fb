"""`python -m workers.exactness`: exit 0 when this machine gives the known answer of mode exact.

A process of its own, which a worker starts once before its first exact run: it needs torch, and the
worker does without.
"""

import sys

from evaluator.exact.known import answers_known

if __name__ == "__main__":
    sys.exit(0 if answers_known() else 1)
