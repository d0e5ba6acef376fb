"""A small site of its own: the frame of the API and the pages, with views that fail on purpose."""

from django.http import HttpRequest, HttpResponse
from django.urls import path
from ninja import Router, Schema

from assay.errors import AssayError
from web import urls, views
from web.api import Page, TokenAuth, build_api, page


class Closed(AssayError):
    """The competition takes no more entries. Facts: competition."""

    code, status = "competition.closed", 409
    next_step = "See the list of open competitions."


class Sum(Schema):
    """Two numbers."""

    left: int
    right: int


router = Router()


@router.post("/sum", response=int)
def add(request: HttpRequest, body: Sum) -> int:
    return body.left + body.right


@router.get("/mine", response=str, auth=TokenAuth("read"))
def mine(request: HttpRequest) -> str:
    return request.auth.account


@router.get("/pay", response=str, auth=TokenAuth("pay"))
def pay(request: HttpRequest) -> str:
    return "paid"


@router.get("/numbers", response=Page[int])
def numbers(request: HttpRequest, after: int = 0) -> dict[str, object]:
    return page(list(range(after + 1, min(after + 4, 8))), cursor=str, limit=2)


@router.get("/closed")
def closed_api(request: HttpRequest) -> None:
    raise Closed("The competition docstrings is closed.", competition="docstrings")


def closed(request: HttpRequest) -> HttpResponse:
    raise Closed("The competition docstrings is closed.", competition="docstrings")


def broken(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("planted")


api = build_api([("/sums", router)])
urlpatterns = [
    path("", views.home),
    path("closed/", closed),
    path("broken/", broken),
    path("api/broken/", broken),
    path("api/", api.urls),
    *urls.urlpatterns,
]
handler400 = "web.views.bad_request"
handler403 = "web.views.forbidden"
handler404 = "web.views.not_found"
handler429 = "web.views.too_many"
handler500 = "web.views.broken"
