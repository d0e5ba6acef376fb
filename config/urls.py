"""Where every address leads: the pages and the API of every room, put together."""

from types import MappingProxyType

from django.urls import URLPattern, URLResolver, include, path

from ledger import api as ledger_api
from ledger.rules import accounts
from web.api import build_api
from web.views import home

ORDERS = MappingProxyType({**ledger_api.ORDERS})
TABLES = MappingProxyType({row.TABLE: row for row in (*accounts.ROWS,)})

api = build_api([*ledger_api.routers(orders=ORDERS, tables=TABLES)])

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/", api.urls),
    path("", home, name="home"),
    path("", include("ledger.urls")),
    path("", include("web.urls")),
]

handler400 = "web.views.bad_request"
handler403 = "web.views.forbidden"
handler404 = "web.views.not_found"
handler500 = "web.views.broken"
