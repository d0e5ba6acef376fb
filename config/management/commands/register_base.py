"""`manage.py register_base`: put a base model under terms, so that competitions can build on it."""

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from assay.errors import AssayError
from assay.messages import Share, WorkRegister
from evaluator.bases import base_id, base_named
from ledger import log
from ledger import queries as record
from licensing import actions, queries
from licensing.rules.rows import WorkKind, work_id
from licensing.rules.terms import OUR_LICENCE
from web.receipts import receipt_url


class Command(BaseCommand):
    """Register one of the bases of this machine as a work of its author."""

    help = "Register a base model as a licensed work. Its author is paid its share of every sale."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which base, whose, and on what terms."""
        parser.add_argument(
            "base", help="a name that `assay base list` shows, such as minilm-l6-v2"
        )
        parser.add_argument("--author", required=True, help="the account that is paid")
        parser.add_argument("--share", default="5", help="per cent of what derived works earn")

    def handle(self, *args: object, **options: str) -> None:
        """Safe to run again. raises CommandError with the code of what is wrong"""
        try:
            self.stdout.write(self._register(options["base"], options["author"], options["share"]))
        except AssayError as error:
            raise CommandError(f"{error.code}: {error} {error.next_step}") from error

    def _register(self, name: str, author: str, share: str) -> str:
        """raises BaseUnknown, AccountUnknown, TermsRefused"""
        base = base_named(name)
        work = work_id(WorkKind.BASE, base_id(base))
        if queries.has_work(work):
            return f"{name} is registered already: {work}"
        tags = (
            ("License", OUR_LICENCE),
            ("Derivation", f"Allowed-With-RevenueShare-{share}%"),
            ("Commercial-Use", "Allowed"),
            ("Currency", "ASSAY"),
        )
        body = WorkRegister(work, "base", name, tags, (Share(author, 1),), base.licence)
        record.account(author)
        order = log.order_for(author, body, idempotency=f"base/{work}")
        actions.register_work(order, now=timezone.now())
        return f"{name} is registered: {work}\nreceipt: {receipt_url(order.id)}"
