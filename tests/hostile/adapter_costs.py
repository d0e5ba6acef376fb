"""What a verdict costs: `python -m tests.hostile.adapter_costs MANIFEST FOLDER...`, JSON lines.

Each folder is judged in a fork of its own, so that its memory is its own. CPU time is the best of
three; memory is the growth of the largest resident size, of the first.
"""

import json
import os
import resource
import sys
import time
from pathlib import Path

from evaluator.errors import AdapterRefused
from evaluator.intake import admit_folder
from evaluator.task.manifest import read_manifest


def main():
    manifest = read_manifest(Path(sys.argv[1]).read_bytes())
    for folder in sys.argv[2:]:
        pid = os.fork()
        if pid == 0:
            sys.stdout.write(json.dumps(cost(Path(folder), manifest)) + "\n")
            sys.stdout.flush()
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, folder


def cost(folder, manifest):
    before = peak_kib()
    code, first_s = judged(folder, manifest)
    grown_kib = peak_kib() - before
    cpu_s = min(first_s, *(judged(folder, manifest)[1] for _ in range(2)))
    return {"folder": folder.name, "code": code, "cpu_s": cpu_s, "grown_kib": grown_kib}


def judged(folder, manifest):
    begun_s, code = time.process_time(), "admitted"
    try:
        admit_folder(folder, manifest)
    except AdapterRefused as refusal:
        code = refusal.code
    return code, time.process_time() - begun_s


def peak_kib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
