"""Browsers' sessions, each with whose it is: signing an account out reads no session of others."""

from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db

from web.models import Session


class SessionStore(db.SessionStore):
    """Django's own, in a table with one more column (settings.SESSION_ENGINE)."""

    @classmethod
    def get_model_class(cls) -> type[Session]:
        """The table."""
        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        """The row of what is kept."""
        made = super().create_model_instance(data)
        assert isinstance(made, Session)
        made.user = data.get(SESSION_KEY, "")
        return made
