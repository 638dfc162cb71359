"""The WSGI application (WSGI only: faults.md X8)."""

import os

from django.core.wsgi import get_wsgi_application

from jieneng.core.late import arrive

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jieneng.desk.settings")
application = get_wsgi_application()
arrive()  # before the first person asks, not while they wait
