from django.apps import AppConfig


class ReviewConfig(AppConfig):
    name = "jieneng.review"
    label = "review"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import work  # noqa: F401  names the kinds of jobs
