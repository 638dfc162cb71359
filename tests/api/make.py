"""Clients of the API by name, for tests: each of one role over one scope, as the security administrator makes them."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client

from jieneng.desk import clients
from tests.people_by_name import JINGXIAN, JIXI, ROOT, SCHOOL_ONE

CLIENTS: dict[str, tuple[str, str, str, bool]] = {
    # name: (role, office, institution, writes)
    "city": ("city", ROOT, "", True),
    "city-reads": ("city", ROOT, "", False),
    "county": ("county", JINGXIAN, "", True),
    "neighbour": ("county", JIXI, "", True),
    "department": ("department", "341823-jyj", "", True),
    "province": ("province", ROOT, "", True),
    "reporter": ("reporter", "", SCHOOL_ONE, True),
}


def make_clients(city: dict[str, Any], per_minute: int = 6000) -> dict[str, str]:
    """name → token."""
    tokens = {}
    for name, (role, office, key, writes) in CLIENTS.items():
        _, tokens[name] = clients.create(city["people"]["qianan"], name, f"示例系统 {name}", role, office=city["offices"].get(office), institution_key=key,
                                         writes=writes, per_minute=per_minute)
    return tokens


class Api:
    """One client's side of the line."""

    def __init__(self, token: str = "", address: str = "10.5.0.1") -> None:
        self.client, self.address = Client(raise_request_exception=False), address
        self.head = {"Authorization": f"Bearer {token}"} if token else {}

    def get(self, path: str, **query: Any) -> Any:
        headers = {**self.head, **query.pop("headers", {})}
        return self.client.get("/api/v1/" + path, query, headers=headers, REMOTE_ADDR=self.address)

    def post(self, path: str, body: Any, key: str = "", match: str = "", **headers: str) -> Any:
        more = {**({"Idempotency-Key": key} if key else {}), **({"If-Match": match} if match else {}), **headers}
        data = body if isinstance(body, (bytes, str)) else json.dumps(body, ensure_ascii=False)
        return self.client.post("/api/v1/" + path, data, content_type="application/json", headers={**self.head, **more}, REMOTE_ADDR=self.address)


def codes(answer: Any) -> list[str]:
    """The codes of the problems in an answer."""
    return [p["code"] for p in answer.json()["problems"]]
