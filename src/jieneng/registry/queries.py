"""What may be read of the register, always from a scope."""

from __future__ import annotations

import datetime as dt

from django.db.models import Exists, OuterRef, Q, QuerySet

from jieneng.people.scope import Scope

from .models import Alias, Institution, Standing


def standings(on: dt.date) -> QuerySet[Standing]:
    """The standing of every institution on a day: the latest that began on or before it."""
    later = Standing.objects.filter(institution=OuterRef("institution"), since__gt=OuterRef("since"), since__lte=on)
    return Standing.objects.filter(since__lte=on).filter(~Exists(later)).select_related("institution", "office")


def seen(scope: Scope, on: dt.date) -> QuerySet[Standing]:
    """The standings inside a scope on a day."""
    return standings(on).filter(scope.q("office__path", "institution__key"))


def search(rows: QuerySet[Standing], text: str) -> QuerySet[Standing]:
    """Narrow by name, pinyin initials, code or platform id: what a clerk types first."""
    text = text.strip()
    if not text:
        return rows
    alias = Alias.objects.filter(institution=OuterRef("institution"), value__startswith=text)
    return rows.filter(
        Q(name__icontains=text) | Q(initials__contains=text.lower()) | Q(institution__key__istartswith=text)
        | Q(area=text) | Q(territory=text) | Exists(alias)
    )


def standing_of(institution: Institution, on: dt.date) -> Standing | None:
    """One institution's standing on a day; before its first one, None."""
    return institution.standings.filter(since__lte=on).select_related("office").order_by("-since").first()


def by_identifier() -> dict[tuple[str, str], int]:
    """(scheme, identifier) → institution id, for every identifier and alias."""
    known = {(i.scheme, i.key): i.pk for i in Institution.objects.all()}
    known.update({(a.scheme, a.value): a.institution_id for a in Alias.objects.all()})
    return known
