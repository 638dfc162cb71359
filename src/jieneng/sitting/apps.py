from django.apps import AppConfig

from jieneng.core.late import later


class SittingConfig(AppConfig):
    name = "jieneng.sitting"
    label = "sitting"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        later("jieneng.sitting.queries")  # what was decided on has been taken up: it is no longer the unit's to withdraw
