"""The front believes no header that anybody may write, and waits for nobody who sends slowly."""

import json
import socket
import threading
import time
from contextlib import contextmanager

import pytest
import uvicorn
from django.contrib.auth import get_user_model

from config import env
from tests import factories
from web import front, protocol

HTTPS = b"X-Forwarded-Proto: https\r\n"
FORGED = b"X-Forwarded-For: 203.0.113.9\r\n" + HTTPS


async def tell(scope, receive, send):
    """Says what it was told of the request, when it has its body."""
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size, more = size + len(message["body"]), message.get("more_body", False)
    told = {"client": scope["client"][0], "scheme": scope["scheme"], "bytes": size}
    body = json.dumps(told).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@contextmanager
def serving(proxies=()):
    """The front on a port of its own, with uvicorn as `workers/site.py` starts it."""
    server = uvicorn.Server(
        uvicorn.Config(
            front.behind(tell, proxies),
            http=protocol.Protocol,
            proxy_headers=False,
            log_level="critical",
            lifespan="off",
        )
    )
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(600)


@pytest.fixture(scope="module")
def site():
    with serving() as port:
        yield port


def ask(port, raw, *, then=b""):
    """Everything that comes back until the server ends it."""
    with socket.create_connection(("127.0.0.1", port), 600) as client:
        client.sendall(raw)
        if then:
            time.sleep(0.05)
            client.sendall(then)
        answer = b""
        while piece := client.recv(65_536):
            answer += piece
    return answer


def get(port, more=b""):
    raw = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + more + b"\r\n"
    return json.loads(ask(port, raw).partition(b"\r\n\r\n")[2])


def test_a_forwarded_address_is_believed_of_a_named_proxy_alone(site):
    plain = {"client": "127.0.0.1", "scheme": "http", "bytes": 0}
    assert get(site, FORGED) == plain
    with serving(["127.0.0.0/8"]) as port:
        told = get(port, b"X-Forwarded-For: 198.51.100.1, 203.0.113.9\r\n" + HTTPS)
        assert (told["client"], told["scheme"]) == ("203.0.113.9", "https")


def test_a_body_of_two_lengths_is_refused_and_what_follows_is_no_request(site):
    raw = (
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        b"GET /second HTTP/1.1\r\nHost: localhost\r\n\r\n"
    )
    answer = ask(site, raw)
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"request.framed_twice" in answer
    assert answer.count(b"HTTP/1.1") == 1


def test_headers_that_do_not_end_are_waited_for_a_while(site, monkeypatch):
    monkeypatch.setattr(protocol, "HEADERS_S", 0.1)
    assert ask(site, b"GET / HTTP/1.1\r\nHost: local") == b""
    assert ask(site, b"", then=b"G") == b""


def test_a_body_that_does_not_end_is_waited_for_a_while_and_refused_in_words(site, monkeypatch):
    monkeypatch.setattr(front, "BODY_GRACE_S", 0.1)
    raw = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n12345"
    answer = ask(site, raw)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"request.too_slow" in answer


def test_a_body_that_comes_in_pieces_is_taken(site):
    raw = b"POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 9\r\n\r\n"
    assert b'"bytes": 9' in ask(site, raw + b"1234", then=b"56789")


@pytest.mark.parametrize("listed", ["everybody", "*", "10.0.0.1/8", "127.0.0.1,proxy"])
def test_a_proxy_is_named_by_its_address(listed):
    with pytest.raises(env.SettingInvalid, match="ASSAY_TRUSTED_PROXIES"):
        env.read({"ASSAY_TRUSTED_PROXIES": listed})


@pytest.mark.django_db
def test_a_page_of_somebody_who_is_signed_in_is_kept_by_no_shared_cache(client):
    user = get_user_model().objects.get(username=factories.account("ada"))
    client.force_login(user)
    for path in ("/", "/models/", "/competitions/", "/docs/", "/account/", "/account/tokens/"):
        told = client.get(path).headers["Cache-Control"]
        assert {"private", "no-cache"} <= {one.strip() for one in told.split(",")}, path


@pytest.mark.django_db
def test_a_lock_out_is_not_passed_with_a_header(client):
    body = {"account": "ada", "password": "wrong-password"}
    answers = [
        client.post("/api/auth/token", body, content_type="application/json",
                    headers={"x-forwarded-for": f"203.0.113.{number}"})
        for number in range(12)
    ]  # fmt: skip
    assert answers[-1].status_code == 429
    assert answers[-1].json()["code"] == "auth.locked_out"
    assert int(answers[-1].headers["Retry-After"]) > 0
