"""The site for an ASGI server."""

import os

from django import setup
from django.core.asgi import get_asgi_application
from django.core.management import call_command

from web.middleware import BodyLimit

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
setup()
# A dozen small files, and only what changed: pages name each by its hash.
call_command("collectstatic", interactive=False, verbosity=0)
application = BodyLimit(get_asgi_application())
