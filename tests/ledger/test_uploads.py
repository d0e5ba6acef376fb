"""Files that come by parts: resumed after a broken connection, into a folder and into S3."""

from hashlib import sha256
from urllib.parse import urlsplit

import httpx2
import pytest
from django.core.files.storage import storages
from django.utils import timezone

from assay import answers
from assay import client as clients
from assay.chunks import ChunkTree
from assay.client import Client, ClientError
from ledger import actions, blobs
from ledger.models import Blob, Upload
from web import auth

pytestmark = pytest.mark.django_db
PART = 6 << 20
SIZE = 2 * PART + 12_345


@pytest.fixture(autouse=True)
def quick(monkeypatch, settings):
    monkeypatch.setattr(answers, "PAUSE_S", 0)
    monkeypatch.setattr(clients, "WHOLE_BYTES", 1 << 20)
    settings.UPLOAD_PART_BYTES = PART
    settings.ASSAY_BODY_LIMITS = {**settings.ASSAY_BODY_LIMITS, "/api/uploads": PART}


@pytest.fixture
def token(django_user_model):
    now = timezone.now()
    actions.found(now=now)
    actions.open_account_for("ada", now=now)
    django_user_model.objects.create_user("ada")
    return auth.issue("ada", now)


@pytest.fixture
def file(tmp_path):
    """A file of three parts, and its name."""
    raw = b"".join(sha256(number.to_bytes(4)).digest() for number in range(SIZE // 32 + 1))[:SIZE]
    (tmp_path / "big").write_bytes(raw)
    name = sha256(raw).hexdigest()
    blobs.delete(name)  # the folder is that of all tests
    return tmp_path / "big", name


@pytest.fixture(params=["folder", "s3"])
def store(request):
    """Where the bytes lie: our folder, or a bucket that the client sends parts to directly."""
    if request.param == "folder":
        return None
    found = request.getfixturevalue("bucket")
    assert hasattr(storages["default"], "bucket_name")
    return found


class Wire(httpx2.BaseTransport):
    """The network between a client and this test's site; it may break before the n-th request."""

    def __init__(self, client):
        self.site, self.asked, self.breaks = client, [], set()
        self.outside = httpx2.HTTPTransport()

    def handle_request(self, request):
        where = (request.method, urlsplit(str(request.url)).path)
        self.asked.append(where)
        if len(self.asked) in self.breaks:
            raise httpx2.ReadError("cut")
        if request.url.host != "site":
            assert "authorization" not in request.headers, "our token goes to no store"
            return self.outside.handle_request(request)
        headers = {name: value for name, value in request.headers.items() if name != "host"}
        answer = self.site.generic(
            request.method, request.url.raw_path.decode(), request.read(),
            headers.get("content-type", ""), headers=headers,
        )  # fmt: skip
        return httpx2.Response(
            answer.status_code, headers=dict(answer.items()), content=answer.getvalue()
        )

    def parts(self):
        return [path for verb, path in self.asked if verb == "PUT"]


@pytest.fixture
def wire(client):
    return Wire(client)


def test_a_file_goes_by_parts_and_is_told_about(store, token, file, wire):
    path, name = file
    told = []
    site = Client("http://site", token=token, transport=wire)
    assert site.upload(path, told=lambda done, total: told.append((done, total))) == name
    assert blobs.read(name, limit_bytes=SIZE) == path.read_bytes()
    assert told[-1] == (SIZE, SIZE)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    row = Blob.objects.get()
    assert (row.owner, Upload.objects.count()) == ("ada", 0)
    assert row.chunk_root == ChunkTree([path.read_bytes()]).root()
    if store:
        assert [key for key in store.objects if key.startswith("uploads/")] == []
        assert store.uploads == {}


def test_what_a_broken_connection_left_is_not_sent_again(store, token, file, wire):
    """Guards the resumption: three tries break in the second part, another process goes on."""
    path, name = file
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(answers, "TRIES", 1)
        wire.breaks = {6 if store else 4}
        with pytest.raises(ClientError) as broken:
            Client("http://site", token=token, transport=wire).upload(path)
    assert broken.value.code == "client.unreachable"
    sent = len(wire.parts())
    assert Client("http://site", token=token, transport=wire).upload(path) == name
    assert len(wire.parts()) - sent == 2
    assert blobs.read(name, limit_bytes=SIZE) == path.read_bytes()


def test_a_lost_answer_to_the_last_request_is_no_failure(token, file, wire, monkeypatch):
    path, name = file
    site = Client("http://site", token=token, transport=wire)
    post = site.post

    def twice(place, value):
        if place.endswith("/complete"):
            post(place, value)  # the answer is lost on its way
        return post(place, value)

    monkeypatch.setattr(site, "post", twice)
    assert site.upload(path) == name


@pytest.fixture
def begun(token, file, client):
    """An upload that was begun, by hand."""
    headers = {"Authorization": f"Bearer {token}"}
    body = {"sha256": file[1], "size_bytes": SIZE}
    answer = client.post("/api/uploads", body, content_type="application/json", headers=headers)
    assert answer.status_code == 200, answer.json()
    return answer.json(), headers


def put(client, begun, number, raw, name=""):
    told, headers = begun
    name = name or sha256(raw).hexdigest()
    path = f"/api/uploads/{told['id']}/parts/{number}?sha256={name}"
    return client.put(path, raw, content_type="application/octet-stream", headers=headers)


def complete(client, begun):
    told, headers = begun
    path = f"/api/uploads/{told['id']}/complete"
    return client.post(path, {}, content_type="application/json", headers=headers)


def test_a_part_that_is_not_what_it_should_be_is_refused(begun, client, file):
    raw = file[0].read_bytes()
    wrong = put(client, begun, 0, raw[:PART], "0" * 64)
    assert (wrong.status_code, wrong.json()["code"]) == (422, "ledger.blob_damaged")
    for number, part, reason in ((0, raw[:99], "size"), (3, b"x", "number"), (2, raw[:99], "size")):
        answer = put(client, begun, number, part)
        assert (answer.status_code, answer.json()["facts"]["reason"]) == (422, reason)
    assert client.get(f"/api/uploads/{begun[0]['id']}", headers=begun[1]).json()["here"] == []


def test_an_upload_without_all_its_parts_is_not_completed(begun, client, file):
    put(client, begun, 1, file[0].read_bytes()[PART : 2 * PART])
    answer = complete(client, begun)
    assert answer.json()["facts"]["missing"] == [0, 2]
    assert client.get(f"/api/uploads/{begun[0]['id']}", headers=begun[1]).json()["here"] == [1]


def test_parts_that_make_another_file_are_forgotten(begun, client, file):
    """Guards the last check: each part is whole, and still the file is not the announced one."""
    for number in range(3):
        part = bytes(PART if number < 2 else SIZE - 2 * PART)
        assert put(client, begun, number, part).status_code == 204
    assert complete(client, begun).json()["code"] == "ledger.blob_damaged"
    assert not blobs.has(file[1])
    assert Upload.objects.count() == 0
    assert complete(client, begun).json()["code"] == "ledger.upload_unknown"


def test_nobody_else_sees_or_feeds_an_upload(begun, client, django_user_model):
    django_user_model.objects.create_user("bob")
    other = (begun[0], {"Authorization": f"Bearer {auth.issue('bob', timezone.now())}"})
    for answer in (put(client, other, 0, b"x"), complete(client, other)):
        assert (answer.status_code, answer.json()["code"]) == (404, "ledger.upload_unknown")
    assert client.delete(f"/api/uploads/{begun[0]['id']}", headers=begun[1]).status_code == 204
    assert complete(client, begun).status_code == 404


def test_the_quota_counts_files_and_open_uploads(begun, client, settings, file, token):
    settings.BLOB_QUOTA_BYTES = SIZE + 100
    headers = begun[1]
    body = {"sha256": "1" * 64, "size_bytes": 101}
    refused = client.post("/api/uploads", body, content_type="application/json", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (409, "ledger.blob_quota")
    name = sha256(b"x" * 101).hexdigest()
    whole = client.put(f"/api/blobs/{name}", b"x" * 101, content_type="raw/x", headers=headers)
    assert whole.json()["facts"]["left_bytes"] == 100
    name = sha256(b"x" * 100).hexdigest()
    whole = client.put(f"/api/blobs/{name}", b"x" * 100, content_type="raw/x", headers=headers)
    assert whole.status_code == 200
    again = client.put(f"/api/blobs/{name}", b"x" * 100, content_type="raw/x", headers=headers)
    assert again.status_code == 200, "what is stored already takes no room"


def test_the_same_name_with_another_size_and_a_file_beyond_the_limit_are_refused(
    begun, client, settings
):
    settings.UPLOAD_LIMIT_BYTES = SIZE
    for size_bytes, code in (
        (SIZE - 1, "ledger.upload_refused"),
        (SIZE + 1, "ledger.blob_too_large"),
    ):
        body = {"sha256": begun[0]["sha256"], "size_bytes": size_bytes}
        answer = client.post(
            "/api/uploads", body, content_type="application/json", headers=begun[1]
        )
        assert answer.json()["code"] == code
