"""Addresses of the rights: works, licences, royalties."""

from django.urls import path

from licensing import views

urlpatterns = [
    path("models/", views.models, name="licensing_models"),
    path("models/<str:work>/", views.work, name="licensing_work"),
    path("models/<str:work>/children/", views.children, name="licensing_children"),
    path("models/<str:work>/buy/", views.buy, name="licensing_buy"),
    path("licences/", views.licences, name="licensing_licences"),
    path("licences/<str:grant>/", views.licence, name="licensing_licence"),
    path("licences/<str:grant>/grant.jws", views.grant_text, name="licensing_grant_text"),
    path("royalties/", views.royalties, name="licensing_royalties"),
    path("royalties/draw/", views.draw, name="licensing_draw"),
    path("royalties/statement.csv", views.statement, name="licensing_statement"),
]
