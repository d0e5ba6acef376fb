"""The wiring as a Django app, for its management commands: they need every room."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """Only commands; no tables."""

    name = "config"
