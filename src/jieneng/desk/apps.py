from django.apps import AppConfig


class DeskConfig(AppConfig):
    name = "jieneng.desk"
    label = "desk"

    def ready(self) -> None:
        from . import register_parts  # noqa: F401  names what other rooms give to the register
