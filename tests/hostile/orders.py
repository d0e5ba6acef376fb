"""A stranger with a key and a token, and a fresh fold of the log that came of it."""

from django.contrib.auth import get_user_model
from django.utils import timezone

from assay import keys, messages
from ledger import actions, queries
from ledger.sequencer import sequence
from tests import signing
from tests.signing import sign_order
from web import auth

BYTES = "application/octet-stream"


class Stranger:
    """Somebody who speaks to a site by signed bytes only."""

    def __init__(self, client, name="eve"):
        self.client, self.name, self.key, self.headers = client, name, keys.new_key(), {}
        actions.found(now=timezone.now())
        answer = self.send(messages.AccountOpen(name), "begin")
        assert answer.status_code == 200, answer.content
        get_user_model().objects.get_or_create(username=name)
        token = auth.issue(name, timezone.now())
        self.headers = {"authorization": f"Bearer {token}"}

    @property
    def key_name(self):
        return keys.public_hex(self.key)

    def send(self, body, words="one"):
        return self.send_raw(sign_order(body, self.key, idempotency=words).encode())

    def send_raw(self, raw):
        return self.client.post("/api/messages", raw, content_type=BYTES, headers=self.headers)

    def hand_in(self, config, tensors):
        """What opens an entry of these files; the answer tells its commitment."""
        told = {"competition": "docs", "salt": "5a" * 32, "config_sha256": config}
        return self.client.post(
            "/api/submissions/openings",
            told | {"tensors_sha256": tensors},
            content_type="application/json",
            headers=self.headers,
        )

    def upload(self, raw, name):
        return self.client.put(f"/api/blobs/{name}", raw, content_type=BYTES, headers=self.headers)


def fold_anew():
    """Give every message its place, and fold the log from its first; raises LogDamaged."""
    while sequence(holder="site", now=timezone.now()):
        pass
    assert queries.waiting_messages() == 0
    history = signing.history()
    for raw in queries.entries(0, queries.log_size()):
        history.follow(raw)
    return history
