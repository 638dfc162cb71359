"""The application as ``jieneng serve`` runs it: the site, held by its guard."""

import warnings

from django.conf import settings

# whitenoise looks for collected files that a checkout does not have: it then serves them from the rooms
warnings.filterwarnings("ignore", message="No directory at")

from jieneng.desk.wsgi import application  # noqa: E402

from . import guard  # noqa: E402

guard.enter(settings.HOME)

__all__ = ["application"]
