from django.apps import AppConfig


class FillingConfig(AppConfig):
    name = "jieneng.filling"
    label = "filling"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import work  # noqa: F401  names the kinds of jobs
