from django.apps import AppConfig

from jieneng.core.late import later


class ExchangeConfig(AppConfig):
    name = "jieneng.exchange"
    label = "exchange"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        later("jieneng.exchange.sent_back")  # returns sent back are lines of the list of corrections
        later("jieneng.exchange.queries")  # open differences with the platform stand in the way of sign-off
