"""The site for an ASGI server."""

import os

from django import setup

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
setup()

from django.conf import settings  # noqa: E402 - Django is awake
from django.core.asgi import get_asgi_application  # noqa: E402
from django.core.management import call_command  # noqa: E402

from web import profile  # noqa: E402 - its neighbours have tables
from web.front import behind  # noqa: E402 - the same

profile.check()
# A dozen small files, and only what changed: pages name each by its hash.
call_command("collectstatic", interactive=False, verbosity=0)
application = behind(get_asgi_application(), settings.TRUSTED_PROXIES)
