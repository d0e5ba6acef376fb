"""The client against a small real server in a function (httpx2's own transport, no patches)."""

import httpx2
import pytest

from assay import answers
from assay.client import AnswerOdd, Client, ClientError, DownloadDamaged, Unreachable
from assay.keys import new_key
from assay.messages import AccountOpen
from tests.signing import make_item, sign_order


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(answers, "PAUSE_S", 0)


def answering(*answers):
    """A client whose server gives these answers in turn; the requests that came."""
    came = []

    def serve(request):
        request.read()
        came.append(request)
        answer = answers[min(len(came), len(answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return Client("http://site", token="t", transport=httpx2.MockTransport(serve)), came


def test_a_broken_connection_is_tried_again():
    client, came = answering(
        httpx2.ConnectError("no"), httpx2.Response(503), httpx2.Response(200, json={"a": 1})
    )
    assert client.get("/api/log") == {"a": 1}
    assert len(came) == 3


def test_after_three_tries_nobody_is_there():
    client, came = answering(httpx2.ConnectError("refused"))
    with pytest.raises(Unreachable) as error:
        client.get("/api/log")
    assert error.value.code == "client.unreachable"
    assert len(came) == 3


def test_a_refusal_is_not_tried_again_and_keeps_the_words_of_the_server():
    told = {
        "code": "submission.quota",
        "message": "No slot.",
        "next": "Wait.",
        "facts": {"quota": 1},
    }
    client, came = answering(httpx2.Response(409, json=told))
    with pytest.raises(ClientError) as error:
        client.post("/api/x", {})
    assert error.value.as_dict() == told
    assert error.value.status == 409
    assert len(came) == 1


@pytest.mark.parametrize(
    "answer", [httpx2.Response(404, text="<html>"), httpx2.Response(500, json=[1])]
)
def test_an_answer_that_is_no_assay_sites_says_so(answer):
    client, _ = answering(answer)
    with pytest.raises(AnswerOdd):
        client.get("/api/log")


def test_an_upload_that_broke_is_sent_again_whole(tmp_path):
    (tmp_path / "f").write_bytes(b"x" * 600_000)
    client, came = answering(
        httpx2.Response(404), httpx2.ReadError("cut"), httpx2.Response(200, json={"sha256": "..."})
    )
    told = []
    client.upload(tmp_path / "f", told=lambda done, total: told.append((done, total)))
    assert [request.method for request in came] == ["HEAD", "PUT", "PUT"]
    assert came[-1].content == b"x" * 600_000
    assert told[-1] == (600_000, 600_000)


def test_what_is_stored_is_not_uploaded_again(tmp_path):
    (tmp_path / "f").write_bytes(b"x")
    client, came = answering(httpx2.Response(200))
    client.upload(tmp_path / "f")
    assert [request.method for request in came] == ["HEAD"]


def test_a_download_with_other_bytes_leaves_the_old_file(tmp_path):
    (tmp_path / "f").write_bytes(b"old")
    client, _ = answering(httpx2.Response(200, content=b"wrong"))
    with pytest.raises(DownloadDamaged):
        client.download("0" * 64, tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == b"old"


def test_a_list_is_read_to_its_last_page():
    pages = [{"items": [{"id": "a"}], "next": "a"}, {"items": [{"id": "b"}], "next": ""}]
    client, came = answering(*(httpx2.Response(200, json=page) for page in pages))
    assert [one["id"] for one in client.listed("/api/x", limit=1)] == ["a", "b"]
    assert came[1].url.params["after"] == "a"
    assert came[1].url.params["limit"] == "1"


def test_the_clients_order_is_the_one_that_the_log_reads_byte_for_byte():
    key, body = new_key(), AccountOpen("ada")
    mine = sign_order(body, key, idempotency="words").encode()
    assert b"Log-Origin" in mine
    assert mine == make_item(body, key, idempotency="words").encode()
