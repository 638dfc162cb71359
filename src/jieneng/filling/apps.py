from django.apps import AppConfig

from jieneng.core.late import later


class FillingConfig(AppConfig):
    name = "jieneng.filling"
    label = "filling"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        later("jieneng.filling.work")  # names the kinds of jobs
