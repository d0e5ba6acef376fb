"""A small S3 that is real: it speaks HTTP to boto3 and to whoever has a presigned address.

It knows the calls that ledger/blobs uses, checks part checksums and sizes as S3 does, and refuses
what is not signed at all. It does not check whose signature it is.
"""

import hashlib
import re
from base64 import b64decode, b64encode
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree as ET

from ledger import blobs
from tests.servers import serving

LEAST_PART_BYTES = 5 << 20
WRITTEN = "Thu, 01 Jan 2026 00:00:00 GMT"


def put_bytes(raw):
    """Bytes in the site's store, which no row knows yet; answers with their name."""
    return blobs.put([raw], limit_bytes=len(raw)).sha256


class Store:
    """What is in it. objects: key -> bytes; uploads: id -> (key, {number: (bytes, checksum)}).

    Everything was written, and begun, at the same moment of the past.
    """

    def __init__(self):
        self.objects, self.uploads, self.asked = {}, {}, []
        self.break_after = None  # cut the connection at the n-th part, once


def xml(name, *parts):
    inner = "".join(f"<{tag}>{value}</{tag}>" for tag, value in parts)
    return f'<?xml version="1.0"?><{name}>{inner}</{name}>'.encode()


def etag(raw):
    return f'"{hashlib.md5(raw).hexdigest()}"'


def plain(raw):
    """The body of an aws-chunked request: hex sizes, chunks, and trailers at the end."""
    out, at = b"", 0
    while True:
        end = raw.index(b"\r\n", at)
        size = int(raw[at:end].split(b";")[0], 16)
        if not size:
            return out
        out += raw[end + 2 : end + 2 + size]
        at = end + 4 + size


class Door(BaseHTTPRequestHandler):
    store: Store
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # heads and bodies go apart: each body waited 40 ms for an ACK

    def log_message(self, *_):
        """Nobody reads it."""

    def answer(self, status, raw=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(raw)

    def fail(self, status, code):
        self.answer(status, xml("Error", ("Code", code), ("Message", code)))

    def read(self):
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        is_chunked = "aws-chunked" in self.headers.get("Content-Encoding", "")
        return plain(raw) if is_chunked else raw

    def handle_one(self):
        parts = urlsplit(self.path)
        asked = {name: one[0] for name, one in parse_qs(parts.query, True).items()}
        key = unquote(parts.path).partition("/")[2].partition("/")[2]
        raw = self.read()
        self.store.asked.append((self.command, key, asked, dict(self.headers)))
        if "Authorization" not in self.headers and "X-Amz-Signature" not in asked:
            return self.fail(403, "AccessDenied")
        if not key:
            return self.list_uploads(asked) if "uploads" in asked else self.list_objects(asked)
        verb = getattr(
            self, f"{self.command.lower()}_{'upload' if 'uploadId' in asked else 'object'}"
        )
        return verb(key, asked, raw)

    # --- the bucket ---------------------------------------------------------------------------

    def list_uploads(self, asked):
        rows = "".join(
            f"<Upload><Key>{key}</Key><UploadId>{name}</UploadId>"
            "<Initiated>2026-01-01T00:00:00.000Z</Initiated></Upload>"
            for name, (key, _) in self.store.uploads.items()
            if key.startswith(asked["prefix"])
        )
        told = f"<ListMultipartUploadsResult>{rows}</ListMultipartUploadsResult>"
        self.answer(200, told.encode())

    def list_objects(self, asked):
        start = len(asked["prefix"])
        below = [key for key in sorted(self.store.objects) if key.startswith(asked["prefix"])]
        folders = {key[: key.index("/", start) + 1] for key in below if "/" in key[start:]}
        rows = [f"<Contents><Key>{one}</Key></Contents>" for one in below if "/" not in one[start:]]
        rows += [
            f"<CommonPrefixes><Prefix>{one}</Prefix></CommonPrefixes>" for one in sorted(folders)
        ]
        told = f"<ListBucketResult><IsTruncated>false</IsTruncated>{''.join(rows)}"
        self.answer(200, f"{told}</ListBucketResult>".encode())

    # --- uploads ------------------------------------------------------------------------------

    def post_object(self, key, asked, raw):
        assert "uploads" in asked
        assert self.headers["x-amz-checksum-algorithm"] == "SHA256"
        name = f"upload{len(self.store.uploads)}"
        self.store.uploads[name] = (key, {})
        self.answer(200, xml("InitiateMultipartUploadResult", ("Key", key), ("UploadId", name)))

    def found(self, asked):
        upload = self.store.uploads.get(asked["uploadId"])
        if upload is None:
            self.fail(404, "NoSuchUpload")
        return upload

    def put_upload(self, key, asked, raw):
        if self.store.break_after == len((self.found(asked) or (0, ()))[1]):
            self.store.break_after = None
            self.close_connection = True
            return self.connection.close()
        checksum = b64encode(hashlib.sha256(raw).digest()).decode()
        if self.headers.get("x-amz-checksum-sha256") != checksum:
            return self.fail(400, "BadDigest")
        signed = asked.get("X-Amz-SignedHeaders", "")
        assert "x-amz-checksum-sha256" in signed, "the checksum must be held by the signature"
        self.store.uploads[asked["uploadId"]][1][int(asked["partNumber"])] = (raw, checksum)
        return self.answer(200, ETag=etag(raw))

    def get_upload(self, key, asked, raw):
        if upload := self.found(asked):
            rows = "".join(
                f"<Part><PartNumber>{number}</PartNumber><ETag>{etag(part)}</ETag>"
                f"<Size>{len(part)}</Size><ChecksumSHA256>{checksum}</ChecksumSHA256></Part>"
                for number, (part, checksum) in sorted(upload[1].items())
            )
            told = f"<ListPartsResult><IsTruncated>false</IsTruncated>{rows}</ListPartsResult>"
            self.answer(200, told.encode())

    def post_upload(self, key, asked, raw):
        upload = self.found(asked)
        if upload is None:
            return None
        text = re.sub(rb' xmlns="[^"]*"', b"", raw)
        named = [
            (int(one.findtext("PartNumber")), one.findtext("ETag"), one.findtext("ChecksumSHA256"))
            for one in ET.fromstring(text)
        ]
        parts = [upload[1][number] for number, _, _ in named]
        for (_, tag, checksum), part in zip(named, parts, strict=True):
            if (tag, checksum) != (etag(part[0]), part[1]):
                return self.fail(400, "InvalidPart")
        if any(len(part) < LEAST_PART_BYTES for part, _ in parts[:-1]):
            return self.fail(400, "EntityTooSmall")
        del self.store.uploads[asked["uploadId"]]
        self.store.objects[key] = b"".join(part for part, _ in parts)
        return self.answer(200, xml("CompleteMultipartUploadResult", ("Key", key)))

    def delete_upload(self, key, asked, raw):
        if self.found(asked):
            del self.store.uploads[asked["uploadId"]]
            self.answer(204)

    # --- objects ------------------------------------------------------------------------------

    def put_object(self, key, asked, raw):
        if source := self.headers.get("x-amz-copy-source"):
            self.store.objects[key] = self.store.objects[unquote(source).split("/", 1)[1]]
            tag = ("ETag", etag(self.store.objects[key]))
            return self.answer(200, xml("CopyObjectResult", tag))
        if wanted := self.headers.get("x-amz-checksum-sha256"):
            assert b64decode(wanted) == hashlib.sha256(raw).digest()
        self.store.objects[key] = raw
        return self.answer(200, ETag=etag(raw))

    def get_object(self, key, asked, raw):
        body = self.store.objects.get(key)
        if body is None:
            return self.fail(404, "NoSuchKey")
        told = {"ETag": etag(body), "Last_Modified": WRITTEN}
        if span := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            start, end = int(span[1]), int(span[2] or len(body) - 1) + 1
            told["Content_Range"] = f"bytes {start}-{min(end, len(body)) - 1}/{len(body)}"
            return self.answer(206, body[start:end], **told)
        return self.answer(200, body, **told)

    head_object = get_object

    def delete_object(self, key, asked, raw):
        self.store.objects.pop(key, None)
        self.answer(204)


for verb in ("GET", "PUT", "POST", "HEAD", "DELETE"):
    setattr(Door, f"do_{verb}", Door.handle_one)


@contextmanager
def s3():
    """(address, Store) of a fresh one on 127.0.0.1."""
    store = Store()
    with (
        ThreadingHTTPServer(("127.0.0.1", 0), type("Here", (Door,), {"store": store})) as door,
        serving(door) as url,
    ):
        yield url, store
