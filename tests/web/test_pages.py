"""Every page stands on one frame: readable without script, style or colour, within a strict CSP."""

import re

import pytest
from django import forms
from django.contrib.auth import get_user_model
from django.template import engines

from tests.web.site import Closed

pytestmark = [pytest.mark.urls("tests.web.site"), pytest.mark.django_db]
PAGES = ("/", "/docs/", "/account/sign-in/", "/account/sign-up/", "/nowhere/")
SIGN_UP = {"username": "grace", "password1": "weigh-me-44"}


class Prize(forms.Form):
    """One field of each kind that the wizard uses."""

    title = forms.CharField(help_text="Shown on the board.")
    train = forms.FileField()
    metric = forms.ChoiceField(choices=[("a", "Accuracy")], widget=forms.RadioSelect)
    agree = forms.BooleanField()


@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_one_heading_landmarks_and_a_skip_link(client, path):
    html = client.get(path, headers={"accept": "text/html"}).text
    assert len(re.findall(r"<h1[ >]", html)) == 1
    for landmark in ('href="#main"', '<main id="main"', "<nav", "<header", "<footer", 'lang="en"'):
        assert landmark in html


@pytest.mark.parametrize("path", PAGES)
def test_a_page_runs_and_styles_nothing_inline_and_loads_nothing_from_elsewhere(client, path):
    html = client.get(path, headers={"accept": "text/html"}).text
    assert not re.search(r"<style|style=|<script(?![^>]*src=)|\son[a-z]+=", html)
    assert not re.search(r"(src|href)=\"(https?:)?//", html)


def test_the_csp_allows_only_what_is_ours(client):
    policy = client.get("/").headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


def test_every_part_can_be_drawn(house):
    text = (house / "tests" / "web" / "gallery.html").read_text()
    context = {
        "form": Prize(),
        "sha": "3fa9c1d27b" * 6,
        "now": 1_794_902_400_000,
        "steps": [{"label": "Task", "state": "done"}, {"label": "Data", "state": "now"}],
        "stages": [{"label": "Open", "state": "now", "when": "until noon"}],
        "groups": [
            {"tied": True, "rows": [("=2", "ada", 7 * 10**8, 6 * 10**8, 8 * 10**8, "Open")]}
        ],
        "royal": [70, 20, 10],
    }
    html = engines["django"].from_string(text).render(context)
    assert "style=" not in html
    assert html.count('aria-current="step"') == 2


def test_an_error_is_tied_to_its_field_for_those_who_do_not_see_it():
    html = str(Prize({"title": ""}))
    described = re.search(r'<input type="text" name="title"[^>]*aria-describedby="([^"]+)"', html)
    assert described
    assert all(f'id="{one}"' in html for one in described[1].split())
    assert 'aria-invalid="true"' in html
    assert html.count("<label") >= 3


def test_signing_up_takes_a_name_and_a_password(client, settings):
    settings.ASSAY_OPEN_ACCOUNT = ""
    answer = client.post("/account/sign-up/", SIGN_UP)
    assert answer.status_code == 302
    assert get_user_model().objects.get().get_username() == "grace"
    assert "grace" in client.get("/").text


@pytest.mark.parametrize("name", ["fee", "Escrow", "escrow:x", "a b", "1st", "x"])
def test_names_of_the_books_and_odd_names_cannot_be_taken(client, settings, name):
    settings.ASSAY_OPEN_ACCOUNT = ""
    answer = client.post("/account/sign-up/", SIGN_UP | {"username": name})
    assert answer.status_code == 200
    assert not get_user_model().objects.exists()


def test_signing_up_opens_the_account_in_the_books_or_does_nothing_at_all(client, settings):
    settings.ASSAY_OPEN_ACCOUNT = "tests.web.test_pages.refuse_to_open"
    answer = client.post("/account/sign-up/", SIGN_UP, headers={"accept": "text/html"})
    assert answer.status_code == 409
    assert not get_user_model().objects.exists()


def refuse_to_open(*, account, now):
    assert (account, now.tzinfo is not None) == ("grace", True)
    raise Closed("The books are closed.")


def test_a_wrong_password_is_told_on_the_page(client):
    answer = client.post("/account/sign-in/", {"login": "grace", "password": "wrong"})
    assert answer.status_code == 200
    assert 'role="alert"' in answer.text
