"""`assay audit`: from a site's address, or a copy of its files, to one line per check."""

from pathlib import Path
from typing import Annotated, NoReturn

import typer

from assay.cli import show
from assay.cli.home import home_at
from assay.errors import AssayError
from audit.adapters import Adapters
from audit.inspection import Check, Inspection, Problem, look_for_copies
from audit.mirror import NotServed, Unreachable, mirror_at

INTEGRITY, NETWORK = 6, 3


def audit(  # noqa: PLR0913 - each option of a command is an argument
    context: typer.Context,
    place: Annotated[str, typer.Argument(metavar="URL|FOLDER", help="The site, or a copy of it.")],
    *,
    key: Annotated[str, typer.Option(help="The log's verifier key, when you know it.")] = "",
    adapters: Annotated[
        bool, typer.Option("--adapters", help="Measure again whether an opened one is a copy.")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="Answer with one JSON object.")] = False,
    home: Annotated[
        Path | None,
        typer.Option(envvar="ASSAY_HOME", help="Folder of what the auditor remembers."),
    ] = None,
) -> None:
    """Check the whole log of a site, derive every balance and score row again, and compare.

    Ends with 0 when everything holds, with 6 when something does not, with 3 when nobody answers.
    """
    told: list[Check] = []
    root = context.find_root()
    is_quiet = json_ or bool(root.params.get("quiet"))
    bar = show.Progress("messages", is_quiet=is_quiet)
    folder = home_at(home or root.params.get("home")).folder

    def tell(check: Check) -> None:
        told.append(check)
        bar.close()
        if not json_:
            mark = "ok  " if check.is_ok else "FAIL"
            show.put_text(f"{mark}  {check.name:<11} {check.words}\n")

    try:
        mirror = mirror_at(place)
        inspection = Inspection(place, mirror, home=folder, key=key, told=bar)
        inspection.run(tell)
        if adapters:
            tell(look_for_copies(Adapters(inspection.history, mirror)))
    except Problem as problem:
        tell(problem.check)
        _end(place, told, INTEGRITY, is_json=json_, next_step=problem.next_step)
    except (Unreachable, NotServed) as error:  # nothing to judge yet: no log, no checkpoint
        tell(Check("network", is_ok=False, words=str(error), facts=error.as_dict()))
        _end(place, told, NETWORK, is_json=json_, next_step=error.next_step)
    except AssayError as error:
        tell(Check("audit", is_ok=False, words=str(error), facts=error.as_dict()))
        _end(place, told, INTEGRITY, is_json=json_, next_step=error.next_step)
    _end(place, told, 0, is_json=json_, next_step="")


def _end(place: str, told: list[Check], code: int, *, is_json: bool, next_step: str) -> NoReturn:
    if is_json:
        checks = [check.as_dict() for check in told]
        answer = {"place": place, "ok": code == 0, "checks": checks, "next": next_step}
        show.put(answer, as_json=True)
    elif code == 0:
        show.put_text("Everything holds.\n")
    else:
        show.note(next_step)
    raise typer.Exit(code)
