"""Where a request comes from: its address (trusted proxies only) and its device in words."""

from __future__ import annotations

import ipaddress
import re

from django.conf import settings
from django.http import HttpRequest

from jieneng.core.words import T


def address(request: HttpRequest) -> str:
    """The client's address. ``X-Forwarded-For`` counts only when the request comes from a listed proxy (faults.md X9)."""
    here = request.META.get("REMOTE_ADDR") or ""
    trusted = set(getattr(settings, "TRUSTED_PROXIES", ()))
    chain = [p.strip() for p in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if p.strip()]
    while here in trusted and chain:
        here = chain.pop()
    try:
        return str(ipaddress.ip_address(here))
    except ValueError:
        return "0.0.0.0"  # noqa: S104  no address: a test client, or a proxy that forwards nonsense


_BROWSERS = (("WeChat", r"MicroMessenger/(\d+)"), ("Edge", r"Edge?/(\d+)"), ("360", r"(?:360SE|QIHU)"), ("Firefox", r"Firefox/(\d+)"),
             ("Chrome", r"Chrom(?:e|ium)/(\d+)"), ("Safari", r"Version/(\d+).*Safari"), ("IE", r"(?:MSIE |Trident.*rv:)(\d+)"))
_SYSTEMS = (("HarmonyOS", r"HarmonyOS|OpenHarmony"), ("Android", r"Android (\d+)"), ("iPad", r"iPad"), ("iPhone", r"iPhone"), ("Kylin", r"[Kk]ylin"), ("UOS", r"UOS|uos"),
            ("Windows 10/11", r"Windows NT 10"), ("Windows 7", r"Windows NT 6\.1"), ("Windows", r"Windows"), ("macOS", r"Mac OS X"), ("Linux", r"Linux"))


def device(agent: str) -> str:
    """A browser's name for itself, in words people know: “Chrome 120 · Windows 10/11”."""
    def first(table: tuple[tuple[str, str], ...]) -> str:
        for name, pattern in table:
            if found := re.search(pattern, agent):
                return f"{name} {found[1]}" if found.groups() and found[1] else name
        return ""
    words = " · ".join(w for w in (first(_BROWSERS), first(_SYSTEMS)) if w)
    return words or str(T("不认识的设备", "unknown device"))
