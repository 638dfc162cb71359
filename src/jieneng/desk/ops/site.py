"""The application as ``jieneng serve`` runs it: the site, held by its guard."""

from django.conf import settings

from jieneng.desk.wsgi import application

from . import guard

guard.enter(settings.HOME)

__all__ = ["application"]
