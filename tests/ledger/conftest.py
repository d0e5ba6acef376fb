"""What the tests of the record have in common: a log that has begun, and a bucket."""

import pytest
from django.utils import timezone

from config.settings import _blob_storage
from ledger import actions
from tests.ledger.store import s3


@pytest.fixture
def now():
    """The moment in which the log began."""
    moment = timezone.now()
    actions.found(now=moment)
    return moment


@pytest.fixture
def bucket(settings, monkeypatch):
    """The site's files lie in an S3 of this test; what is in it."""
    with s3() as (url, found):
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        chosen = _blob_storage(f"s3://bucket?endpoint={url}")
        settings.STORAGES = {**settings.STORAGES, "default": chosen}
        yield found
