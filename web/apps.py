"""The face of the house: pages, sign-in, the frame of the API. Knows no other room."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """Room `web`."""

    name = "web"
    default_auto_field = "django.db.models.BigAutoField"
