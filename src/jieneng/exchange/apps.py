from django.apps import AppConfig


class ExchangeConfig(AppConfig):
    name = "jieneng.exchange"
    label = "exchange"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from jieneng.returns.chain.blockers import BLOCKERS

        from .queries import blockers

        if blockers not in BLOCKERS:
            BLOCKERS.append(blockers)  # open differences with the platform stand in the way of sign-off
