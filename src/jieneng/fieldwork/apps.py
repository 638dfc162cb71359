from django.apps import AppConfig

from jieneng.core.late import later


class FieldworkConfig(AppConfig):
    name = "jieneng.fieldwork"
    label = "fieldwork"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        later("jieneng.fieldwork.work")  # names the kinds of jobs and the part of a snapshot
        later("jieneng.fieldwork.reference", to="review.given")  # gives quotas, prices and temperatures to the review
