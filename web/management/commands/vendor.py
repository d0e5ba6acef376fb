"""`manage.py vendor`: copy the few front-end files out of node_modules, and say what they are.

Needs `npm ci --ignore-scripts` before; nothing of Node is needed when the site runs.
"""

import json
import shutil
from argparse import ArgumentParser
from base64 import b64encode
from hashlib import sha384
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from assay.canonical import sha256_file

TARGET = Path(__file__).parents[2] / "static/web/vendor"
FILES = (
    ("htmx.min.js", "htmx.org", "dist/htmx.min.js"),
    ("hx-sse.min.js", "htmx.org", "dist/ext/hx-sse.min.js"),
    ("htmx.LICENSE.txt", "htmx.org", "LICENSE"),
    ("instrument-sans.LICENSE.txt", "@fontsource-variable/instrument-sans", "LICENSE"),
    (
        "instrument-sans.woff2",
        "@fontsource-variable/instrument-sans",
        "files/instrument-sans-latin-wght-normal.woff2",
    ),
)


class Command(BaseCommand):
    """Copies FILES and writes vendor.json."""

    help = "Copy vendored front-end files from node_modules and write vendor.json."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One option: where npm put the packages."""
        parser.add_argument("--modules", type=Path, default=Path("node_modules"))

    def handle(self, *_args: object, modules: Path, **_options: object) -> None:
        """raises CommandError when a package is not there"""
        entries = [_copy(name, modules / package, source) for name, package, source in FILES]
        text = json.dumps(entries, indent=2) + "\n"
        (TARGET / "vendor.json").write_text(text, encoding="utf-8")
        self.stdout.write(f"{len(entries)} files in {TARGET.name}/")


def _copy(name: str, package: Path, source: str) -> dict[str, str]:
    if not (package / source).is_file():
        raise CommandError(f"{package / source} is missing: run `npm ci --ignore-scripts` first.")
    about = json.loads((package / "package.json").read_text(encoding="utf-8"))
    target = TARGET / name
    shutil.copyfile(package / source, target)
    return {
        "file": name,
        "name": about["name"],
        "version": about["version"],
        "source": source,
        "licence": about["license"],
        "sha256": sha256_file(target),
        "integrity": "sha384-" + b64encode(sha384(target.read_bytes()).digest()).decode(),
    }
