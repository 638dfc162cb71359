"""What the platform says, apart from our own revisions; corrections asked for; differences explained; layouts by version."""

from __future__ import annotations

import datetime as dt
from typing import ClassVar

from django.conf import settings
from django.db import models

from jieneng.core.words import T
from jieneng.people.models import Office
from jieneng.records.events import fingerprint
from jieneng.registry.models import Institution, Standing
from jieneng.returns.models import Import

HOLDERS: dict[str, T] = {
    "platform": T("国家平台", "national platform"),
    "province": T("省审定数", "province's reviewed figures"),
    "nation": T("国家核定数", "nation's approved figures"),
}
"""Who holds the value: the platform as it stands, or a later version of the year (省审定版, 国家核定版)."""


class PlatformRow(models.Model):
    """What a holder said of one institution in one period at one time. Append-only: a new number only where something differs.

    ``values``: item or fact → text as stored (amounts in the item's unit, no trailing zeros), null where it says there is none.
    ``sources``: item → [import, sheet, cell, raw, unit], as in revisions. ``facts`` begin with ``status``, ``quota_warning``,
    ``target.`` or ``indicator.`` and are kept beside the items.
    """

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="platform_rows")
    holder = models.CharField(max_length=10)
    form = models.CharField(max_length=40)
    period = models.CharField(max_length=8)
    year = models.PositiveSmallIntegerField()
    number = models.PositiveIntegerField()
    values = models.JSONField()
    sources = models.JSONField(default=dict)
    batch = models.ForeignKey(Import, on_delete=models.PROTECT, related_name="platform_rows")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    content = models.CharField(max_length=64, default="", help_text="fingerprint of what it says; the event that made it holds it too")

    class Meta:
        ordering: ClassVar = ["number"]
        constraints: ClassVar = [models.UniqueConstraint(
            fields=["institution", "holder", "form", "period", "number"], name="one_platform_row_per_number")]
        indexes: ClassVar = [models.Index(fields=["holder", "form", "year"])]

    def __str__(self) -> str:
        return f"{self.holder} {self.institution} {self.period} #{self.number}"

    def fingerprint(self) -> str:
        """What was said, of whom, from where, by whom and when."""
        return fingerprint([self.institution_id, self.holder, self.form, self.period, self.number, self.values, self.sources, self.by_id,
                            self.at.astimezone(dt.UTC).isoformat()])


STATES: dict[str, T] = {
    "open": T("待核对", "not checked yet"), "done": T("已改", "done"), "not_done": T("还没改", "not done"),
    "other": T("改成了别的数", "changed to something else"), "withdrawn": T("已撤回", "withdrawn"),
}


class Correction(models.Model):
    """One line of the list of corrections (更正清单): what is to be changed, on which side, why, and on whose word.

    Nobody but the respondent changes a number: ``word`` says who of the unit confirmed it, ``confirmed_on`` when. ``old`` and
    ``new`` are texts as stored; without ``new`` a line asks for a check (without ``item``: of the whole return). ``state`` is ticked by the next import that covers the cell, ``found`` is what stood there then.
    """

    SIDES: ClassVar = [("platform", "platform"), ("ours", "ours")]
    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="corrections")
    form = models.CharField(max_length=40)
    year = models.PositiveSmallIntegerField()
    period = models.CharField(max_length=8)
    item = models.CharField(max_length=60)
    side = models.CharField(max_length=10, choices=SIDES)
    holder = models.CharField(max_length=10, default="platform")
    old = models.CharField(max_length=40, null=True)
    new = models.CharField(max_length=40, null=True)
    reason = models.CharField(max_length=300)
    word = models.CharField(max_length=120)
    confirmed_on = models.DateField(null=True)
    origin = models.CharField(max_length=12, default="hand", help_text="hand, compare, finding or returned")
    state = models.CharField(max_length=10, choices=[(s, s) for s in STATES], default="open")
    found = models.CharField(max_length=40, null=True)
    checked = models.ForeignKey(Import, null=True, on_delete=models.PROTECT, related_name="+")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [models.UniqueConstraint(
            fields=["institution", "holder", "form", "period", "item", "side"], condition=~models.Q(state="withdrawn"), name="one_correction_per_cell")]
        indexes: ClassVar = [models.Index(fields=["form", "year", "state"])]

    def __str__(self) -> str:
        return f"{self.institution} {self.period} {self.item} {self.old}→{self.new}"


LINE_STATES: dict[str, T] = {
    "open": T("待核对", "not checked yet"), "done": T("已办", "done"), "not_done": T("还没办", "not done"),
    "other": T("只办了一部分", "done in part"), "withdrawn": T("不用办了", "no longer asked"),
}


class RegisterLine(models.Model):
    """One register change handed out to be keyed in on the platform (开账号、注销、改名称、改归口……), ticked by the next import of its register.

    ``what``: what is to be done, in order (``exchange.register_changes.WHAT``); ``before`` and ``after`` say from what to what, ``into`` the
    names of the bodies it went into. ``found``: what is to be done → what the platform's register said when it was last looked at.
    """

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="register_lines")
    what = models.JSONField()
    before = models.ForeignKey(Standing, null=True, on_delete=models.PROTECT, related_name="+")
    after = models.ForeignKey(Standing, on_delete=models.PROTECT, related_name="+")
    into = models.JSONField(default=list)
    state = models.CharField(max_length=10, choices=[(s, s) for s in LINE_STATES], default="open")
    found = models.JSONField(default=dict)
    checked = models.ForeignKey(Import, null=True, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=300, blank=True, help_text="why it is no longer asked")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["after"], condition=~models.Q(state="withdrawn"), name="one_register_line_per_standing")]
        indexes: ClassVar = [models.Index(fields=["state"])]

    def __str__(self) -> str:
        return f"{self.institution_id} {'+'.join(self.what)} {self.state}"


class CorrectionList(models.Model):
    """A list handed to a county or department: the n-th of its year, with the lines as they were handed over."""

    office = models.ForeignKey(Office, on_delete=models.PROTECT, related_name="+")
    form = models.CharField(max_length=40)
    year = models.PositiveSmallIntegerField()
    number = models.PositiveIntegerField()
    lines = models.ManyToManyField(Correction, related_name="lists")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-at"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["office", "form", "year", "number"], name="one_list_per_number")]

    def __str__(self) -> str:
        return f"{self.office} {self.year} #{self.number}"


class Explained(models.Model):
    """A difference that stays, with its reason (已说明). It holds for these two values only: when one moves, the cell is open again."""

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="+")
    holder = models.CharField(max_length=10)
    form = models.CharField(max_length=40)
    year = models.PositiveSmallIntegerField()
    period = models.CharField(max_length=8)
    item = models.CharField(max_length=60)
    ours = models.CharField(max_length=40, null=True)
    theirs = models.CharField(max_length=40, null=True)
    reason = models.CharField(max_length=300)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["pk"]
        indexes: ClassVar = [models.Index(fields=["holder", "form", "year"])]

    def __str__(self) -> str:
        return f"{self.institution} {self.period} {self.item}: {self.reason}"


class LayoutVersion(models.Model):
    """A layout saved by a person: each saving is a version, the newest lies in the folder ``layouts`` of the home."""

    code = models.CharField(max_length=80)
    number = models.PositiveIntegerField()
    title = models.JSONField()
    text = models.TextField()
    hash = models.CharField(max_length=64)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["code", "-number"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["code", "number"], name="one_layout_per_number")]

    def __str__(self) -> str:
        return f"{self.code} #{self.number}"
