"""Addresses of the rights: works, licences, outputs, royalties."""

from django.urls import path

from licensing.views import invoices, keys, licences, provenance, royalties, works

urlpatterns = [
    path("models/", works.models, name="licensing_models"),
    path("models/<str:work>/", works.work, name="licensing_work"),
    path("models/<str:work>/children/", works.children, name="licensing_children"),
    path("models/<str:work>/buy/", licences.buy, name="licensing_buy"),
    path("licences/", licences.licences, name="licensing_licences"),
    path("licences/revoked.txt", keys.revoked, name="licensing_revoked"),
    path(".well-known/jwks.json", keys.jwks, name="licensing_jwks"),
    path("licences/<str:grant>/", licences.licence, name="licensing_licence"),
    path("licences/<str:grant>/invoice/", invoices.invoice, name="licensing_invoice"),
    path("licences/<str:grant>/grant.jws", licences.grant_text, name="licensing_grant_text"),
    path("provenance/", provenance.look_up, name="licensing_provenance"),
    path("royalties/", royalties.royalties, name="licensing_royalties"),
    path("royalties/draw/", royalties.draw, name="licensing_draw"),
    path("royalties/statement/", royalties.statement, name="licensing_statement"),
    path(
        "royalties/statement.csv",
        royalties.statement_file,
        {"form": "csv"},
        name="licensing_statement_csv",
    ),
    path(
        "royalties/statement.json",
        royalties.statement_file,
        {"form": "json"},
        name="licensing_statement_json",
    ),
]
