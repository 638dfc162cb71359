"""Documents and their versions: append-only; each version is bound to one snapshot and carries its proof."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models

from jieneng.records.models import ReceivedFile
from jieneng.returns.models import SnapshotRecord


class Document(models.Model):
    """A document of a year, known by the code of its specification."""

    code = models.CharField(max_length=60)
    year = models.PositiveSmallIntegerField()

    class Meta:
        ordering: ClassVar = ["-year", "code"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["code", "year"], name="one_document_per_code_and_year")]

    def __str__(self) -> str:
        return f"{self.code} {self.year}"


class DocumentVersion(models.Model):
    """One composed draft (第 n 稿): the docx by its hash, and the proof file that goes with it."""

    document = models.ForeignKey(Document, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    snapshot = models.ForeignKey(SnapshotRecord, on_delete=models.PROTECT, related_name="documents")
    as_of = models.DateField()
    file = models.ForeignKey(ReceivedFile, on_delete=models.PROTECT, related_name="+")
    proof = models.JSONField()
    rulebook = models.CharField(max_length=64)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-number"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["document", "number"], name="one_version_per_number")]

    def __str__(self) -> str:
        return f"{self.document} #{self.number}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Only once: a version that was composed never changes. Raises ``TypeError``."""
        if not self._state.adding:
            raise TypeError("a composed version is never changed; compose a new one")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Never. Raises ``TypeError``."""
        raise TypeError("a composed version is never deleted")
