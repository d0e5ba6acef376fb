"""`python -m evaluator base add|list`: register a base model on this machine, or show them all."""

import argparse
import importlib
from pathlib import Path

from evaluator.bases import Base, base_id, bases
from evaluator.bases.catalogue import Card
from evaluator.doors.answers import run_door, show_json, show_lines
from evaluator.libraries import TRAINING, need


def main() -> None:
    asked = _arguments()

    def work() -> None:
        notes: list[str] = []
        found = [_added(asked, notes)] if asked.verb == "add" else list(bases())
        if asked.json:
            show_json({"bases": [_document(one) for one in found], "notes": notes})
        else:
            show_lines(*(line for one in found for line in _lines(one)))
            show_lines(*(f"  note: {one}" for one in notes))

    run_door(work, is_json=asked.json)


def _added(asked: argparse.Namespace, notes: list[str]) -> Base:
    """A folder, or the name of a hub's repository where there is no such folder.

    raises LibraryMissing: a base is tried out by transformers, which `base list` does without
    """
    need(*TRAINING)
    adding = importlib.import_module("evaluator.bases.adding")
    folder = Path(asked.base)
    is_hub = not folder.exists() and asked.base.count("/") == 1
    name = asked.name or asked.base.rstrip("/").rpartition("/")[2].lower()
    card = Card(name, asked.licence, asked.author, asked.base if is_hub else "")
    given = adding.from_hub(asked.base) if is_hub else folder
    added: Base = adding.add_base(given, card, notes.append)
    return added


def _document(base: Base) -> dict[str, object]:
    return {
        "name": base.name,
        "id": base_id(base),
        "family": base.family,
        "is_generic": base.is_generic,
        "files": {name: pin.sha256 for name, pin in base.files.items()},
        "licence": base.licence,
        "author": base.author,
    }


def _lines(base: Base) -> list[str]:
    kind = "generic: run by transformers, slower, not exact" if base.is_generic else base.family
    size = sum(pin.bytes for pin in base.files.values())
    return [
        f"{base.name}  {base_id(base)}",
        f"  {kind}; {size / 1e6:.1f} MB; {base.licence}; by {base.author}",
    ]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="evaluator base", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    add = verbs.add_parser("add", help="pin every file of a folder and keep a copy")
    add.add_argument("base", help="a folder, or owner/name on a hub where there is a network")
    add.add_argument("--name", default="", help="what competitions call it; else the folder's name")
    add.add_argument("--licence", required=True, help="SPDX id of the weights' licence")
    add.add_argument("--author", required=True, help="the handle that royalties go to")
    for one in (add, verbs.add_parser("list", help="every base that can be named here")):
        one.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
