from django.apps import AppConfig

from jieneng.core.late import later


class ReviewConfig(AppConfig):
    name = "jieneng.review"
    label = "review"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        later("jieneng.review.work")  # names the kinds of jobs
