"""Addresses of documents, sign-in, tokens. The names account_* are those of django-allauth."""

from allauth.account import views as account
from django.urls import path
from django.views.decorators.http import require_http_methods

from web import views
from web.strict import NEXT, a_button

a_form = require_http_methods(["GET", "HEAD", "POST"])  # allauth takes a PUT as a POST

urlpatterns = [
    path("docs/", views.docs, name="web_docs"),
    path("account/sign-in/", a_form(account.login), name="account_login"),
    path("account/sign-up/", a_form(account.signup), name="account_signup"),
    path("account/sign-out/", a_form(a_button(account.logout, NEXT)), name="account_logout"),
    path("account/password/", a_form(account.password_change), name="account_change_password"),
    path("account/password/set/", a_form(account.password_set), name="account_set_password"),
    path("account/enter/<str:code>/", views.enter, name="web_enter"),
    path("account/limits/", views.limits, name="web_limits"),
    path("account/tokens/", views.tokens, name="web_tokens"),
    path("account/tokens/<slug:prefix>/revoke/", views.revoke_token, name="web_revoke_token"),
]
