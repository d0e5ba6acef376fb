"""The site's clock stands still for the pages: they ask django.utils.timezone.now()."""

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from tests import factories


@pytest.fixture
def clock(monkeypatch):
    """Set what the doors take for now; begins 30 s after the opening."""

    def stand_at(seconds):
        monkeypatch.setattr(timezone, "now", lambda: factories.at(seconds))

    stand_at(30)
    return stand_at


@pytest.fixture
def signed_in(client):
    """A client that is signed in: signed_in("ada")."""

    def enter(name):
        user = get_user_model().objects.get(username=name)
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return enter
