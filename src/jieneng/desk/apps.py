from django.apps import AppConfig


class DeskConfig(AppConfig):
    name = "jieneng.desk"
    label = "desk"
