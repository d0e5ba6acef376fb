"""The wiring. Celery's app is imported here so that `celery -A config` and send_task find it."""

from config.celery import app

__all__ = ["app"]
