"""The reference pages of docs/: written from the code, so that they cannot say anything else."""

import json
from pathlib import Path

from config import env
from config.reference.commands import commands_page
from config.reference.doors import authorisation_page
from config.reference.errors import errors_page
from config.reference.messages import messages_page
from config.reference.tables import MADE_BY, table
from config.urls import api
from web.allowances import AT_ONCE, DAY_S, QUARTER_S
from web.risks import RISKS

FOLDER = env.HOUSE / "docs"


def pages() -> dict[str, str]:
    """File name in docs/ -> its text. The same code gives the same bytes."""
    return {
        "errors.md": errors_page(),
        "messages.md": messages_page(),
        "cli.md": commands_page(),
        "settings.md": settings_page(),
        "authorisation.md": authorisation_page(),
        "openapi.json": json.dumps(api.get_openapi_schema(), indent=1, sort_keys=True) + "\n",
    }


def stale(found: dict[str, str], folder: Path) -> list[str]:
    """Names of the pages whose file in the folder is absent or says something else."""
    return [
        name
        for name, text in found.items()
        if not (folder / name).is_file() or (folder / name).read_text(encoding="utf-8") != text
    ]


def settings_page() -> str:
    """Every environment variable that the house reads."""
    rows = [
        (f"`{name}`", f"`{default}`" if default else "empty", meaning)
        for name, default, meaning in env.meanings()
    ]
    words = (
        "The house reads its environment once, in `config/env.py`. A value that cannot be used "
        "stops the start with `config.setting_invalid`. `python manage.py env` prints this list. "
        "The [runbook](runbook.md) says which a real site needs."
    )
    shown = table(("variable", "default", "meaning"), rows)
    parts = [f"# Settings\n\n{MADE_BY}\n\n{words}\n\n{shown}", _budgets(), _risks()]
    return "\n\n".join(parts) + "\n"


def _budgets() -> str:
    """What one account and one address may cost, as it is usual."""
    rows = [
        (
            f"`{one.name}`",
            one.meaning,
            {AT_ONCE: "at one time", QUARTER_S: "15 minutes", DAY_S: "a day (UTC)"}[one.window_s],
            f"{one.account or ''}" + " (of the site)" * one.is_shared,
            f"{one.address or ''}",
        )
        for one in env.budgets("").values()
    ]
    words = (
        "## Budgets\n\nWhat lasts or costs much is counted before it is done, and refused over its "
        "budget with `budget.NAME` and Retry-After. `ASSAY_BUDGETS` changes a figure: "
        "`log_bytes=16777216,accounts@address=500`. What programs of the operator do is not "
        "counted. The page /account/limits/ says what an account has left."
    )
    return f"{words}\n\n{table(('budget', 'of what', 'in', 'account', 'address'), rows)}"


def _risks() -> str:
    words = (
        "## Risks\n\nA site that strangers reach (it listens or answers beyond this machine, or "
        "has HTTPS) does not start with these, unless `ASSAY_ACCEPT` names them. "
        "`manage.py check --deploy` lists those that are left."
    )
    rows = [(f"`{name}`", meaning) for name, meaning in RISKS.items()]
    return f"{words}\n\n{table(('name', 'what it means'), rows)}"
