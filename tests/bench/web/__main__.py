"""`make bench-web`: what each large page costs, into docs/benchmarks/web.json and web.md.

    python -m tests.bench.web                  fill a site with very many rows, then measure
    python -m tests.bench.web --only models    only the pages whose name begins so; writes nothing

The filled site stays in ASSAY_DATA (var/bench-web where it is not set), and is used again. The end
is 1 when a page passes its bounds.
"""

import argparse
import json
import os
import sys
from pathlib import Path

import django

HOUSE = Path(__file__).resolve().parents[3]
os.environ.setdefault("ASSAY_DATA", str(HOUSE / "var" / "bench-web"))  # noqa: TID251
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")  # noqa: TID251
django.setup()

from django.conf import settings  # noqa: E402 - Django is awake

from tests.bench.ledger import machine  # noqa: E402
from tests.bench.web import build, measure, pages, report  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=HOUSE / "docs" / "benchmarks")
    parser.add_argument("--only", default="", help="measure the pages whose name begins so")
    asked = parser.parse_args()
    build.fill_once(settings.DATA)
    lines = []
    for one in pages.pages():
        if one.name.startswith(asked.only):
            lines.append(measure.told(one, measure.cost_of(one)))
            sys.stdout.write(_shown(lines[-1]) + "\n")
    if not asked.only:
        told = {"pages": lines, "size": report.size(), "machine": machine()}
        (asked.out / "web.json").write_text(json.dumps(told, indent=1) + "\n")
        (asked.out / "web.md").write_text(report.page(told))
    sys.exit(0 if all(line["passes"] for line in lines) else 1)


def _shown(line) -> str:
    mark = "ok  " if line["passes"] else "OVER"
    costs = f"{line['cpu_ms']:8} ms {line['queries']:6} queries {line['gzip_bytes']:7} bytes"
    return f"{mark} {costs}  {line['page']} ({line['viewer']})"


if __name__ == "__main__":
    main()
