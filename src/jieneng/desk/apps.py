from django.apps import AppConfig

from jieneng.core.late import later


class DeskConfig(AppConfig):
    name = "jieneng.desk"
    label = "desk"

    def ready(self) -> None:
        later("jieneng.desk.register_parts")  # names what other rooms give to the register
