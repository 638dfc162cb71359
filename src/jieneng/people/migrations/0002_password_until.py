"""One-time passwords end after 72 hours; those given out before get 72 hours from now."""

import datetime as dt

from django.db import migrations, models
from django.utils import timezone


def from_now(apps, schema_editor):
    apps.get_model("people", "User").objects.filter(must_change_password=True).update(password_until=timezone.now() + dt.timedelta(hours=72))


class Migration(migrations.Migration):
    dependencies = [("people", "0001_initial")]
    operations = [
        migrations.AddField("user", "password_until", models.DateTimeField(blank=True, help_text="a one-time password is good until then", null=True)),
        migrations.RunPython(from_now, migrations.RunPython.noop),
    ]
