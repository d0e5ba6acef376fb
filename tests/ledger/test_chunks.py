"""The root beside a file's size, and the door that proves one chunk: a range can be checked."""

from hashlib import sha256

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from assay.chunks import CHUNK_BYTES, ChunkTree, is_chunk
from ledger import actions, blobs
from ledger.models import Blob

pytestmark = pytest.mark.django_db
RAW = b"".join(sha256(at.to_bytes(4)).digest() * 2048 for at in range(5)) + b"tail"


def published(raw, now):
    name, _ = actions.store([raw], owner="ada", limit_bytes=len(raw), now=now)
    actions.publish_blob(name, now=now)
    return name


def test_a_client_checks_a_range_of_a_file_without_the_rest(client, now):
    name = published(RAW, now)
    file = client.get(f"/api/blobs/{name}/chunks").json()
    assert file == {
        "sha256": name, "size_bytes": len(RAW), "chunk_root": ChunkTree([RAW]).root(),
        "chunk_bytes": CHUNK_BYTES, "chunks": 6,
    }  # fmt: skip
    for index in range(file["chunks"]):
        told = client.get(f"/api/blobs/{name}/chunks/{index}").json()
        start = index * CHUNK_BYTES
        span = f"bytes={start}-{start + told['chunk_bytes'] - 1}"
        raw = client.get(f"/api/blobs/{name}", headers={"Range": span}).getvalue()
        claims = {"size_bytes": file["size_bytes"], "chunk_root": file["chunk_root"]}
        assert told["index"] == index
        assert is_chunk(raw, index, path=told["path"], **claims)
        assert not is_chunk(raw[:-1] + b"?", index, path=told["path"], **claims)


@pytest.mark.parametrize("index", ["6", "-1", "999999999999999999999"])
def test_a_chunk_that_the_file_has_not_is_404(client, now, index):
    answer = client.get(f"/api/blobs/{published(RAW, now)}/chunks/{index}")
    assert (answer.status_code, answer.json()["code"]) == (404, "ledger.chunk_unknown")
    assert answer.json()["facts"]["chunks"] == 6


def test_an_empty_file_is_described_and_has_nothing_to_prove(client, now):
    name = published(b"", now)
    told = client.get(f"/api/blobs/{name}/chunks").json()
    assert (told["chunks"], told["chunk_root"]) == (0, sha256(b"").hexdigest())
    answer = client.get(f"/api/blobs/{name}/chunks/0")
    assert (answer.status_code, answer.json()["code"]) == (404, "ledger.chunk_unknown")


@pytest.mark.parametrize("path", ["chunks", "chunks/0"])
def test_chunks_of_private_and_withdrawn_files_are_told_to_nobody(client, now, path):
    name, _ = actions.store([RAW], owner="ada", limit_bytes=len(RAW), now=now)
    answer = client.get(f"/api/blobs/{name}/{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "ledger.blob_missing")
    actions.withdraw_blob(name, reason="A court asked.", now=now)
    answer = client.get(f"/api/blobs/{name}/{path}")
    assert (answer.status_code, answer.json()["code"]) == (410, "ledger.blob_withdrawn")


def test_a_file_of_before_gets_its_root_when_it_is_read_whole(client, now):
    """Guards old rows: nothing is claimed of them until their bytes were hashed."""
    name = published(RAW, now)
    Blob.objects.update(chunk_root="")
    assert client.get(f"/api/blobs/{name}/chunks").json()["chunk_root"] == ""
    told = client.get(f"/api/blobs/{name}/chunks/2").json()
    assert told["chunk_root"] == Blob.objects.get().chunk_root == ChunkTree([RAW]).root()
    Blob.objects.update(chunk_root="")
    actions.store([RAW], owner="bob", limit_bytes=len(RAW), now=now)
    assert Blob.objects.get().chunk_root == ChunkTree([RAW]).root()


def test_no_proof_is_given_over_damaged_bytes_or_to_another_root(client, now):
    name = published(RAW, now)
    Blob.objects.update(chunk_root="0" * 64)
    answer = client.get(f"/api/blobs/{name}/chunks/0")
    assert (answer.status_code, answer.json()["code"]) == (422, "ledger.blob_damaged")
    Blob.objects.update(chunk_root="")
    default_storage.delete(blobs.place(name))
    default_storage.save(blobs.place(name), ContentFile(RAW[:-1] + b"x"))
    answer = client.get(f"/api/blobs/{name}/chunks/0")
    default_storage.delete(blobs.place(name))
    assert (answer.status_code, answer.json()["code"]) == (422, "ledger.blob_damaged")
    assert Blob.objects.get().chunk_root == ""
