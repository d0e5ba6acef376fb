"""The site that these tests ask: each request to it is taken back."""

import pytest

from tests.hostile.places import populate


@pytest.fixture
def site(db):
    """One of everything."""
    return populate()
