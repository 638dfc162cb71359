from django.apps import AppConfig


class FiguresConfig(AppConfig):
    name = "jieneng.figures"
    label = "figures"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import weights  # noqa: F401  adds the weight in energy to completeness
