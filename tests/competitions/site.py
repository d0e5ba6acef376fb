"""The whole site as the contest needs it: its own pages and API, the record's, sign-in."""

from django.urls import include, path

from competitions import api as contest_api
from ledger import api as ledger_api
from web import urls as web_urls
from web.api import build_api

ORDERS = {**ledger_api.ORDERS, **contest_api.ORDERS}
api = build_api(
    [
        *ledger_api.routers(orders=ORDERS, tables={}),
        ("/competitions", contest_api.router),
        ("/submissions", contest_api.submissions),
    ]
)
urlpatterns = [
    path("api/", api.urls),
    path("", include("competitions.urls")),
    path("", include("ledger.urls")),
    *web_urls.urlpatterns,
]
handler400 = "web.views.bad_request"
handler403 = "web.views.forbidden"
handler404 = "web.views.not_found"
handler500 = "web.views.broken"
