"""Pages are small on their way and their secrets differ each time; files keep their bytes."""

import gzip
import os
import subprocess
import sys

import pytest
from django.contrib.auth import get_user_model

from tests import factories
from web.files import StaticFiles

pytestmark = pytest.mark.django_db
ASKS = {"Accept-Encoding": "gzip", "Accept": "text/html"}
LOOK = """
import asyncio
from config.asgi import application

async def get(path):
    said = []
    scope = {"type": "http", "http_version": "1.1", "method": "GET", "path": path, "raw_path": b"",
             "root_path": "", "scheme": "http", "query_string": b"", "client": ("127.0.0.1", 1),
             "server": ("127.0.0.1", 80),
             "headers": [(b"host", b"127.0.0.1"), (b"accept-encoding", b"gzip")]}
    sent = iter([{"type": "http.request", "body": b"", "more_body": False}])
    async def receive():
        return next(sent, None) or await asyncio.Event().wait()
    async def send(message):
        said.append(message)
    await application(scope, receive, send)
    return {k.decode().lower(): v.decode() for k, v in said[0]["headers"]}, said[0]["status"]

from django.templatetags.static import static
name = static("web/assay.css")
headers, status = asyncio.run(get(name))
print(name, status, headers["cache-control"], headers.get("content-encoding"), sep="|")
"""


def test_a_page_and_the_api_are_compressed_for_who_asks(client):
    factories.competition()
    for path in ("/competitions/docs/", "/api/competitions/docs"):
        plain = client.get(path, headers={"Accept": "text/html"})
        assert "Content-Encoding" not in plain.headers
        packed = client.get(path, headers=ASKS)
        assert packed.headers["Content-Encoding"] == "gzip"
        assert "Accept-Encoding" in packed.headers["Vary"]
        assert len(packed.content) < len(plain.content)
        assert b"docs" in gzip.decompress(packed.content)


def test_files_and_parts_of_files_keep_their_length(client):
    name = factories.blob("x" * 5000, is_public=True).sha256
    whole = client.get(f"/api/blobs/{name}", headers=ASKS)
    assert ("Content-Encoding" in whole.headers, whole.headers["Content-Length"]) == (False, "5000")
    part = client.get(f"/api/blobs/{name}", headers=ASKS | {"Range": "bytes=0-99"})
    assert (part.status_code, len(part.getvalue())) == (206, 100)


def test_the_secret_of_a_form_is_another_one_in_each_answer(client):
    """What makes compression safe here: decision 0055."""
    get_user_model().objects.create_user("ada")
    client.force_login(
        get_user_model().objects.get(), backend="django.contrib.auth.backends.ModelBackend"
    )
    pages = {
        gzip.decompress(client.get("/account/tokens/", headers=ASKS).content) for _ in range(3)
    }
    assert len(pages) == 3


def test_a_site_that_starts_names_its_files_by_their_hash_and_lets_browsers_keep_them(tmp_path):
    environment = os.environ | {"ASSAY_DATA": str(tmp_path)}  # noqa: TID251 - a site of its own
    done = subprocess.run(
        [sys.executable, "-c", LOOK], env=environment, capture_output=True, text=True, check=True
    )
    name, status, caching, encoding = done.stdout.strip().splitlines()[-1].split("|")
    assert name.startswith("/static/web/assay.")
    assert name.count(".") == 2
    assert (status, encoding) == ("200", "gzip")
    assert "immutable" in caching


def test_without_a_collected_copy_the_names_are_plain(tmp_path):
    assert StaticFiles(tmp_path, "/static/").url("web/assay.css") == "/static/web/assay.css"
