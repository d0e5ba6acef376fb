"""Make a long log: `ASSAY_DATA=FOLDER/data python -m tests.bench.load FOLDER --messages 1000000`.

FOLDER/data      the site's data folder: database, keys, tiles; `manage.py replay` runs on it
FOLDER/mirror    what the site would serve, as `assay audit` reads a folder
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")  # noqa: TID251
django.setup()

from django.core.management import call_command  # noqa: E402 - Django is awake

from tests.bench.site import load, mirror  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--messages", type=int, default=5000)
    asked = parser.parse_args()
    began = time.process_time()
    call_command("migrate", verbosity=0)
    size = load(asked.messages)
    mirror(asked.folder.resolve() / "mirror")
    spent = time.process_time() - began
    sys.stdout.write(json.dumps({"messages": size, "cpu_s": round(spent, 1)}) + "\n")


if __name__ == "__main__":
    main()
