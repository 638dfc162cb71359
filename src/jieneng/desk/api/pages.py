"""The documentation of the API: our own plain page, made from the OpenAPI description, and that description itself. No outside request."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from jieneng.core.words import T, language
from jieneng.people.access import anyone


def described() -> dict[str, Any]:
    """The OpenAPI description."""
    from . import api

    return dict(api.get_openapi_schema())


@anyone
def openapi(request: HttpRequest) -> HttpResponse:
    """``openapi.json``, for tools."""
    return HttpResponse(json.dumps(described(), ensure_ascii=False, indent=1, default=str), content_type="application/json")


@anyone
def docs(request: HttpRequest) -> HttpResponse:
    """Every operation in a table: works offline, without script, under the same policy as all pages."""
    groups: dict[str, list[dict[str, Any]]] = {}
    chinese = language() == "zh"
    for path, methods in described()["paths"].items():
        for method, op in methods.items():
            body = op.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {}).get("$ref", "")
            lines = [line.strip().replace("``", "") for line in op["description"].strip().splitlines()]
            groups.setdefault(op["tags"][0].split(" / ")[not chinese], []).append({
                "method": method.upper(), "path": path, "summary": op["summary"] if chinese else lines[0], "description": "" if chinese else " ".join(lines[1:]).strip().replace("``", ""),
                "parameters": [{"name": p["name"], "in": p["in"], "required": p.get("required", False), "type": _type(p["schema"])} for p in op.get("parameters", [])],
                "body": body.rpartition("/")[2]})
    return render(request, "accounts/api_docs.html", {"title": T("数据接口", "API"), "groups": groups, "base": request.build_absolute_uri("/api/v1/")})


def _type(schema: dict[str, Any]) -> str:
    kinds = [schema.get("type", ""), *(o.get("type", "") for o in schema.get("anyOf", []))]
    return "/".join(k for k in kinds if k and k != "null")
