"""The site for an ASGI server."""

import os

from django import setup
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.management import call_command

from web import profile
from web.front import behind

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
setup()
profile.check()
# A dozen small files, and only what changed: pages name each by its hash.
call_command("collectstatic", interactive=False, verbosity=0)
application = behind(get_asgi_application(), settings.TRUSTED_PROXIES)
