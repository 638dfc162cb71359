"""The register (名录库)."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from jieneng.people.models import Office
from jieneng.records.events import fingerprint
from jieneng.records.models import ReceivedFile


class Institution(models.Model):
    """A body that reports, known by ``key``: its unified social credit code, or another source's identifier."""

    key = models.CharField(max_length=64, unique=True)
    scheme = models.CharField(max_length=30, default="uscc")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.key


class Alias(models.Model):
    """Another identifier of the same body: the platform's id, an old code."""

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="aliases")
    scheme = models.CharField(max_length=30)
    value = models.CharField(max_length=80)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["scheme", "value"], name="alias_once")]

    def __str__(self) -> str:
        return f"{self.scheme}: {self.value}"


class Change(models.Model):
    """One change of the register as an office decided it: a rename, a merger, a split, a closing …, with its day and its paper.

    Holds which standings it wrote (``standings``) and, for mergers and splits, who came from whom (``links``). Undone by a later one.
    """

    KINDS: ClassVar = [
        ("open", "新设"), ("rename", "更名"), ("move", "调整归口"), ("type", "改类型"), ("merge", "合并"), ("split", "拆分"), ("into", "补登去向"), ("from", "补登来源"), ("close", "撤销"),
        ("cover", "代报"), ("uncover", "恢复自报"), ("sensitive", "敏感单位"), ("territory", "改所在地"), ("office", "机构更名"), ("undo", "撤回变更"),
    ]
    kind = models.CharField(max_length=12, choices=KINDS)
    since = models.DateField()
    reason = models.CharField(max_length=200)
    document = models.CharField(max_length=200, blank=True, help_text="the paper the change rests on")
    line = models.CharField(max_length=400, help_text="path of the office in whose scope it lies")
    undoes = models.OneToOneField("self", null=True, blank=True, on_delete=models.PROTECT, related_name="undone_by")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-since", "-pk"]

    def __str__(self) -> str:
        return f"{self.kind} {self.since}"


class Link(models.Model):
    """Who came from whom: in a merger each parent → the body it went into, in a split the body → each part (同口径 rests on this)."""

    change = models.ForeignKey(Change, on_delete=models.PROTECT, related_name="links")
    parent = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="went_into")
    child = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="came_from")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["change", "parent", "child"], name="link_once")]

    def __str__(self) -> str:
        return f"{self.parent_id} → {self.child_id}"


class Standing(models.Model):
    """From a day on: what the body is called, to whom it reports, where it lies, what kind it is.

    Holds until the next one. Never edited: last year's total does not move because a school changed district today.
    Statistical line (``office``) and territory are two things.
    """

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="standings")
    since = models.DateField()
    name = models.CharField(max_length=160)
    initials = models.CharField(max_length=160, db_index=True, help_text="pinyin initials of the name, for search")
    office = models.ForeignKey(Office, on_delete=models.PROTECT, related_name="+")
    area = models.CharField(max_length=12, db_index=True, help_text="area of the statistical line")
    department = models.CharField(max_length=40, blank=True)
    territory = models.CharField(max_length=12, blank=True)
    type = models.CharField(max_length=20, blank=True)
    in_scope = models.BooleanField(default=True)
    covered_by = models.ForeignKey(Institution, null=True, blank=True, on_delete=models.PROTECT, related_name="covers")
    covered_how = models.CharField(max_length=10, blank=True, help_text="why it does not report itself: school, joint, compound, town, other")
    sensitive = models.BooleanField(default=False)
    change = models.ForeignKey(Change, null=True, blank=True, on_delete=models.PROTECT, related_name="standings")
    reason = models.CharField(max_length=200, blank=True)
    document = models.CharField(max_length=200, blank=True, help_text="the paper the change rests on")

    class Meta:
        ordering: ClassVar = ["since"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["institution", "since"], name="one_standing_per_start_day"),
        ]
        indexes: ClassVar = [models.Index(fields=["office", "since"])]

    def __str__(self) -> str:
        return f"{self.name} ({self.since})"

    def fingerprint(self) -> str:
        """What the register says from that day on: changed past the system, it is no longer what its event holds."""
        said = [self.institution_id, self.since.isoformat(), self.name, self.office_id, self.area, self.department, self.territory,
                self.type, self.in_scope, self.covered_by_id, self.sensitive, self.reason, self.document]
        # what standings did not say before these columns came is not in the fingerprints of their events
        return fingerprint([*said, self.covered_how, self.change_id] if self.covered_how or self.change_id else said)


class Contact(models.Model):
    """A person to call (分管领导, 统计负责人, 联络员): personal data, seen only by those who need them. Never deleted: ended."""

    ROLES: ClassVar = [("leader", "分管领导"), ("statistics", "统计负责人"), ("liaison", "联络员")]

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="contacts")
    role = models.CharField(max_length=20)
    name = models.CharField(max_length=40)
    office_name = models.CharField(max_length=60, blank=True)
    phone = models.CharField(max_length=30, blank=True)
    since = models.DateField()
    until = models.DateField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name


class OfficeChange(models.Model):
    """A dated change in the tree of offices: added, renamed, moved or closed, on what paper."""

    KINDS: ClassVar = [("add", "新设"), ("rename", "更名"), ("move", "调整隶属"), ("close", "撤销")]
    office = models.ForeignKey(Office, on_delete=models.PROTECT, related_name="changes")
    kind = models.CharField(max_length=8, choices=KINDS)
    since = models.DateField()
    before = models.CharField(max_length=160, blank=True)
    after = models.CharField(max_length=160, blank=True)
    reason = models.CharField(max_length=200, blank=True)
    document = models.CharField(max_length=200, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-since", "-pk"]

    def __str__(self) -> str:
        return f"{self.office_id} {self.kind} {self.since}"


class Pair(models.Model):
    """Two entries that looked like one body, and what a person decided: kept, so that it is not asked again."""

    first = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="+")
    second = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="+")
    same = models.BooleanField()
    reason = models.CharField(max_length=200)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [models.CheckConstraint(name="pair_in_order", condition=models.Q(first__lt=models.F("second")))]

    def __str__(self) -> str:
        return f"{self.first_id} {'=' if self.same else '≠'} {self.second_id}"


class Voucher(models.Model):
    """A paper in the folder of an institution and year (佐证材料): a bill, a photo of a meter, a property paper …

    ``kind`` is declared in the rulebook; ``items`` are the items of the return it supports. Never deleted: taken out with a reason.
    """

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="vouchers")
    year = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=30)
    file = models.ForeignKey(ReceivedFile, on_delete=models.PROTECT, related_name="vouchers")
    label = models.CharField(max_length=120, blank=True)
    items = models.JSONField(default=list)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)
    withdrawn = models.CharField(max_length=200, blank=True, help_text="why it was taken out; empty: it counts")

    class Meta:
        ordering: ClassVar = ["kind", "pk"]
        indexes: ClassVar = [models.Index(fields=["institution", "year"])]

    def __str__(self) -> str:
        return f"{self.institution_id} {self.year} {self.kind}"

    def fingerprint(self) -> str:
        """What the folder says of this paper, as its event holds it."""
        return fingerprint([self.institution_id, self.year, self.kind, self.file.sha256, self.label, self.items])
