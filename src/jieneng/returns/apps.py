from django.apps import AppConfig

from jieneng.core.late import later


class ReturnsConfig(AppConfig):
    name = "jieneng.returns"
    label = "returns"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        later("jieneng.returns.work")  # names the kinds of jobs
        later("jieneng.returns.following")  # returns follow the register
