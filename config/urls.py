"""Where every address leads: the pages and the API of every room, put together."""

from types import MappingProxyType

from django.urls import URLPattern, URLResolver, include, path

from competitions import api as competitions_api
from competitions.rules import rows as competitions_rows
from ledger import api as ledger_api
from ledger.rules import accounts
from licensing import api as licensing_api
from licensing.rules import rows as licensing_rows
from web.api import build_api

ORDERS = MappingProxyType({**ledger_api.ORDERS, **licensing_api.ORDERS, **competitions_api.ORDERS})
ROWS = (*accounts.ROWS, *licensing_rows.ROWS, *competitions_rows.ROWS)
TABLES = MappingProxyType({row.TABLE: row for row in ROWS})

api = build_api(
    [
        *ledger_api.routers(orders=ORDERS, tables=TABLES),
        *licensing_api.routers(),
        ("/competitions", competitions_api.router),
        ("/submissions", competitions_api.submissions),
    ],
    ledger_api.log_documents(),
)

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/", api.urls),
    path("", include("competitions.urls")),
    path("", include("licensing.urls")),
    path("", include("ledger.urls")),
    path("", include("web.urls")),
]

handler400 = "web.views.bad_request"
handler403 = "web.views.forbidden"
handler404 = "web.views.not_found"
handler429 = "web.views.too_many"
handler500 = "web.views.broken"
