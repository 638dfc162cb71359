"""Figures that were printed: kept with their recipe for as long as the archive exists (P6)."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from jieneng.returns.models import SnapshotRecord


class FigureRecord(models.Model):
    """One printed figure: where it was printed, as what text, and its recipe."""

    snapshot = models.ForeignKey(SnapshotRecord, on_delete=models.PROTECT, related_name="figures")
    place = models.CharField(max_length=80, db_index=True, help_text="what printed it: document:12, table:region-summary:2022")
    key = models.CharField(max_length=60, help_text="its name in that place")
    name = models.CharField(max_length=60)
    printed = models.CharField(max_length=200)
    recipe = models.JSONField()
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["place", "id"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["place", "key"], name="one_figure_per_place_and_key")]

    def __str__(self) -> str:
        return f"{self.place} {self.key} {self.printed}"
