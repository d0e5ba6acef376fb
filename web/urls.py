"""Addresses of documents, sign-in, tokens. The names account_* are those of django-allauth."""

from allauth.account import views as account
from django.urls import path

from web import views

urlpatterns = [
    path("docs/", views.docs, name="web_docs"),
    path("account/sign-in/", account.login, name="account_login"),
    path("account/sign-up/", account.signup, name="account_signup"),
    path("account/sign-out/", account.logout, name="account_logout"),
    path("account/password/", account.password_change, name="account_change_password"),
    path("account/password/set/", account.password_set, name="account_set_password"),
    path("account/enter/<str:code>/", views.enter, name="web_enter"),
    path("account/tokens/", views.tokens, name="web_tokens"),
    path("account/tokens/<slug:prefix>/revoke/", views.revoke_token, name="web_revoke_token"),
]
