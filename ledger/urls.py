"""Addresses of the record: the log, accounts, messages, health."""

from django.urls import path

from ledger import views

urlpatterns = [
    path("log/", views.log_page, name="ledger_log"),
    path("log/checkpoint", views.checkpoint, name="ledger_checkpoint"),
    path("log/witnessed", views.witnessed_checkpoint, name="ledger_witnessed"),
    path("log/tile/<str:level>/<path:place>", views.tile, name="ledger_tile"),
    path("log/receipt/<str:item>", views.receipt, name="ledger_receipt"),
    path("log/entry/<str:item>", views.entry, name="ledger_entry"),
    path("messages/<str:item>/", views.message, name="ledger_message"),
    path("account/", views.my_account, name="ledger_my_account"),
    path("account/keys/", views.my_keys, name="ledger_keys"),
    path("account/keys/<str:public>/revoke/", views.revoke_key, name="ledger_revoke_key"),
    path("accounts/<str:name>/", views.account, name="ledger_account"),
    path("accounts/<str:name>/play-money/", views.draw_play_money, name="ledger_play_money"),
    path("accounts/<str:name>/close/", views.close_account, name="ledger_close_account"),
    path("healthz", views.healthz, name="ledger_healthz"),
]
