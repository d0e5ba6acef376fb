"""A small site with one of everything, every route of it, and whoever may ask."""

import re
from dataclasses import dataclass, field
from urllib.parse import urlencode

from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from django.urls import get_resolver
from django.urls.resolvers import URLPattern
from django.utils import timezone

from assay import keys
from assay.canonical import sha256_hex
from ledger import actions as ledger_actions
from ledger import log, queries
from ledger.sequencer import sequence
from licensing import actions as rights
from licensing import queries as rights_queries
from tests import factories
from web import auth, codes

PLACE = re.compile(r"<(?:\w+:)?(\w+)>")
ROLES = ("anonymous", "other", "owner", "sponsor", "operator")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
# What a form or an address needs before anybody looks whose the thing is.
FORMS = {
    "/account/tokens/": {"days": "1"},
    "/competitions/<str:competition>/extend/": {"by": "1 h", "closes_at_ms_shown": "1"},
    "/models/<str:work>/buy/": {"uses": "commercial", "terms_version": "1", "price_nano": "0",
                                "key": "k" * 16, "beside": ""},
    "/royalties/draw/": {"work": "0" * 64, "key": "k"},
}  # fmt: skip
STEPS = ("task", "data", "prize", "terms")
ASKS = {"/api/uploads/<upload>/parts/<number>": f"?sha256={'0' * 64}"}
# Whose the thing at a place is; of what is not named here there is no owner, so anybody stands in.
OWNERS = {"competition": "sponsor", "draft": "sponsor", "step": "sponsor", "grant": "buyer"}


def addresses(patterns, start=""):
    """Each route with <name> for its places, the API's too."""
    for one in patterns:
        route = start + str(one.pattern)
        if isinstance(one, URLPattern):
            yield "/" + route.replace("^", "").replace("$", "").replace("\\Z", "")
        else:
            yield from addresses(one.url_patterns, route)


ROUTES = sorted({one for one in addresses(get_resolver().url_patterns) if "(?P" not in one})


@dataclass
class Site:
    """One of everything. known: place -> a value that is there; tokens: account -> raw token"""

    known: dict[str, str]
    people: dict[str, Client] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    def name(self, route):
        """What `name` stands for at this route."""
        things = (("/api/competitions", "competition"), ("/api/submissions", "submission"))
        return next((self.known[one] for start, one in things if route.startswith(start)), "miner")

    def path(self, route, **places):
        """The address of a route, with what is there or what is given in its places."""
        found = {**self.known, "name": self.name(route), **places}
        return PLACE.sub(lambda hit: found[hit[1]], route) + ASKS.get(route, "")

    def account(self, route, role):
        """Who plays a role at a route; None for nobody."""
        last = PLACE.findall(route)[-1:]
        owner = OWNERS.get(last[0], "miner") if last else "miner"
        players = {"owner": owner, "sponsor": "sponsor", "other": "other", "operator": "overseer"}
        return players.get(role)

    def ask(self, method, path, account=None, **sent):
        """The answer, as if nothing had been asked: what it changed is taken back.

        A page is asked with a session, the API with a token.
        """
        client = self.people[account or "nobody"]
        is_api = path.startswith("/api/")
        bearer = {"Authorization": f"Bearer {self.tokens[account]}"} if is_api and account else {}
        cache.clear()  # django-allauth counts there, and would answer in a form's place
        cookies = client.cookies.copy()
        with transaction.atomic():
            answer = client.generic(method, path, headers=bearer, **sent)
            if answer.streaming:
                b"".join(answer.streaming_content)
            transaction.set_rollback(True)
        client.cookies = cookies
        return answer


def populate():
    """The site; call inside a transaction."""
    known = _things()
    get_user_model().objects.filter(username="overseer").update(is_staff=True, is_superuser=True)
    site, now = Site(known), timezone.now()
    for account in ("other", "miner", "sponsor", "buyer", "overseer"):
        client = Client(raise_request_exception=False)
        client.force_login(get_user_model().objects.get(username=account))
        site.people[account] = client
        site.tokens[account] = auth.issue(account, now, scopes=auth.SCOPES)
    site.people["nobody"] = Client(raise_request_exception=False)
    known["prefix"] = site.tokens["miner"][6:14]
    known["code"], _ = codes.make_code("miner", codes.FOR_BROWSER, now)
    return site


def _things():
    factories.competition()
    entry = factories.scored()
    draft = factories.draft(name="next").id
    for account in ("other", "overseer", "buyer"):
        factories.account(account, "1000")
    factories.account("miner")
    key = keys.public_hex(keys.new_key())
    ledger_actions.add_key_for("miner", key, now=factories.NOW)
    file = factories.blob("public", owner="miner", is_public=True).sha256
    work = factories.work("data", file, owner="miner", tags=factories.REQUIRED)
    wanted = rights_queries.quote(work, ["commercial"], account="buyer", now=factories.NOW).order()
    order = log.order_for("buyer", wanted, idempotency="buy")
    upload = ledger_actions.begin_upload(
        owner="miner", sha256=sha256_hex(b"more"), size_bytes=4, now=factories.NOW
    )
    rights.buy_licence(order, now=factories.NOW)
    batch = factories.output_batch(work, owner="miner")
    while sequence(holder="site", now=factories.NOW):
        pass
    return {
        "batch": batch, "channel": "c" * 43,
        "competition": "docs", "submission": entry, "draft": draft, "step": "task", "work": work,
        "grant": rights_queries.grants(holder="buyer")[0].id, "item": order.id,
        "public": key, "sha256": file, "index": "0", "upload": upload.id, "number": "0",
        "level": "0", "place": f"000.p/{queries.log_size()}", "table": "ledger.Account",
        "slice_name": "board",
    }  # fmt: skip


def sent_to(route, method):
    """What goes with a request so that it is looked at."""
    if method != "POST" or route not in FORMS:
        return {}
    return {"data": urlencode(FORMS[route]), "content_type": "application/x-www-form-urlencoded"}
