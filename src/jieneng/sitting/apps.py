from django.apps import AppConfig


class SittingConfig(AppConfig):
    name = "jieneng.sitting"
    label = "sitting"
    default_auto_field = "django.db.models.BigAutoField"
