from django.apps import AppConfig

from jieneng.core.late import later


class FiguresConfig(AppConfig):
    name = "jieneng.figures"
    label = "figures"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        later("jieneng.figures.weights")  # adds the weight in energy to completeness
