"""What the journeys of auditors have in common."""

import pytest

from tests.laws import story


@pytest.fixture
def told(transactional_db):
    """A site after the whole story."""
    story.tell()
