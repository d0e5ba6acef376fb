"""The face of the house: pages, sign-in, the frame of the API. Knows no other room."""

from django.apps import AppConfig
from django.core import checks

from web import profile


class WebConfig(AppConfig):
    """Room `web`."""

    name = "web"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        checks.register(profile.deploy_check, checks.Tags.security, deploy=True)
