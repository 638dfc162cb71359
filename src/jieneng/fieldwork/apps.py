from django.apps import AppConfig


class FieldworkConfig(AppConfig):
    name = "jieneng.fieldwork"
    label = "fieldwork"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import work  # noqa: F401  names the kinds of jobs and the part of a snapshot
