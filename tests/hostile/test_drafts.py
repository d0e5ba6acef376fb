"""A draft is what somebody typed: what nobody typed is not kept, whatever is answered."""

import pytest

from competitions.forms.fields import MOST_TYPED
from competitions.models import Draft
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def sponsor(client):
    factories.account("sponsor")
    client.force_login(factories.get_user_model().objects.get(username="sponsor"))
    return client


def draft_of(sponsor):
    return str(sponsor.post("/sponsor/").url).split("/drafts/")[1].split("/")[0]


@pytest.mark.parametrize("size", [MOST_TYPED + 1, 900_000])
def test_a_summary_that_nobody_typed_is_refused_and_not_stored(sponsor, size):
    draft = draft_of(sponsor)
    path = f"/sponsor/drafts/{draft}/task/"
    kept = {"title": "Which library?", "competition": "docs", "summary": "Docstrings."}
    assert sponsor.post(path, kept).status_code == 302
    assert sponsor.post(path, kept | {"summary": "x" * size}).status_code == 422
    assert Draft.objects.get(pk=draft).fields["summary"] == "Docstrings."


def test_a_form_of_megabytes_is_refused_before_it_is_read(sponsor):
    draft = draft_of(sponsor)
    answer = sponsor.post(f"/sponsor/drafts/{draft}/task/", {"summary": "x" * 10_000_000})
    assert answer.status_code == 413
    assert "request.too_large" in answer.text
    assert Draft.objects.get(pk=draft).fields == {}


@pytest.mark.parametrize("field", ["contributors", "data_share", "commercial_fee"])
def test_no_field_of_a_draft_keeps_more_than_a_person_types(sponsor, field):
    draft = draft_of(sponsor)
    sponsor.post(f"/sponsor/drafts/{draft}/terms/", {field: "z" * 100_000})
    assert all(len(text) <= MOST_TYPED for text in Draft.objects.get(pk=draft).fields.values())
