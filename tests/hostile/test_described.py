"""The API does what its document says: schemathesis makes the requests from it, and reads answers.

For every operation: values at each border of each place, query, header and body, right and wrong,
and generated ones. No answer is a fault of ours, has a status that the document does not name, or
another content type or shape than it says; what the document rules out is refused.
"""

import logging
from collections import Counter

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from tests.hostile.places import OWNERS

pytestmark = pytest.mark.slow

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance,
          response_schema_conformance, negative_data_rejection]  # fmt: skip
GENERATED = 4
QUIETLY = settings(
    max_examples=GENERATED,
    derandomize=True,
    database=None,
    deadline=None,
    phases=(Phase.generate,),
    suppress_health_check=[*HealthCheck],
)


# A right signature, file or part is nothing that is generated; other tests send them.
HARD_TO_PLEASE = {
    "GET /api/works/{work}/file",
    "GET /api/submissions/{name}/receipts/{slice_name}",
    "GET /api/works/{work}/folder.zip",
    "GET /api/licences/{grant}/reports",
    "GET /api/v1/channels/{channel}",
    "POST /api/auth/token",
    "POST /api/messages",
    "POST /api/sessions",
    "POST /api/sessions/keys",
    "POST /api/sessions/web",
    "POST /api/submissions/openings",
    "POST /api/uploads/{upload}/complete",
    "POST /api/v1/licences",
    "POST /api/v1/rail/lookups",
    "POST /api/works/{work}/delivery",
    "POST /api/works/{work}/delivery/challenge",
    "PUT /api/blobs/{sha256}",
    "PUT /api/uploads/{upload}/parts/{number}",
}


class Reader:
    """Asks by a case, takes back what it changed, and notes what the document does not say."""

    def __init__(self, site):
        self.site, self.odd, self.seen = site, [], Counter()

    def ask(self, case, account):
        token = self.site.tokens.get(account)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= {"Accept-Encoding": "identity"}  # the reader takes bodies as they come
        with transaction.atomic():
            answer = case.call(headers=headers)
            transaction.set_rollback(True)
        self.seen[case.operation.label, answer.status_code] += 1
        try:
            case.validate_response(answer, checks=CHECKS)
        except (Failure, FailureGroup) as found:
            every = getattr(found, "exceptions", [found])
            told = "; ".join(f"{type(one).__name__} {one}"[:400] for one in every)
            self.odd.append(f"{case.method} {case.formatted_path} {answer.status_code}: {told}")

    def ask_all(self, operation):
        """Cases of the borders as the owner; what is there, as everybody; generated cases."""
        owner = self.owner(operation)
        for case in borders(operation):
            self.ask(case, owner)
        for account in ("", owner, "other"):
            case = next(borders(operation, [GenerationMode.POSITIVE]))
            case.path_parameters.update(self.known(operation))
            self.ask(case, account)

        @QUIETLY
        @given(case=operation.as_strategy(), account=st.sampled_from(["", owner]))
        def generated(case, account):
            self.ask(case, account)

        generated()

    def known(self, operation):
        names = {one["name"] for one in operation.definition.raw.get("parameters", ())
                 if one["in"] == "path"}  # fmt: skip
        there = {**self.site.known, "name": self.site.name(operation.path)}
        return {name: there[name] for name in names}

    def owner(self, operation):
        return next((OWNERS[name] for name in self.known(operation) if name in OWNERS), "miner")


def borders(operation, modes=tuple(GenerationMode)):
    """Other methods than its own are asked in test_authorisation.py."""
    schema = operation.schema
    config = schema.config.generation_for(operation=operation)
    made = schema.iter_coverage_cases(
        operation, generation_modes=list(modes), generation_config=config
    )
    return (case for case in made if case.method == operation.method.upper())


@pytest.fixture
def document(client):
    return client.get("/api/openapi.json").json()


@pytest.fixture
def reader(site, document):
    """Its requests stand in the test's transaction, so no connection is closed between them."""
    load_all_checks()
    request_started.disconnect(close_old_connections)
    request_finished.disconnect(close_old_connections)
    logging.disable(logging.ERROR)
    yield Reader(site)
    logging.disable(logging.NOTSET)
    request_started.connect(close_old_connections)
    request_finished.connect(close_old_connections)


def test_every_operation_answers_what_the_document_says(reader, document):
    schema = schemathesis.openapi.from_dict(document)
    schema.app = get_wsgi_application()
    operations = [one.ok() for one in schema.get_all_operations()]
    for operation in operations:
        reader.ask_all(operation)
    assert reader.odd == []
    good = {label for label, status in reader.seen if status < 400}
    assert {one.label for one in operations} - good <= HARD_TO_PLEASE
