"""The API: registers, returns, answers, figures and findings for other systems, with a token, one role and its scope.

The same queries and the same verbs as the pages: nothing can be done here that the role could not do there. No session, no cookie.
"""

from __future__ import annotations

import logging
import uuid
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.renderers import JSONRenderer

from jieneng.core.problem import Place, Problem, Refused
from jieneng.core.words import T

from . import door, own, reading, writing

log = logging.getLogger("jieneng.api")


class Plain(JSONRenderer):
    """JSON with Chinese as it is written."""

    json_dumps_params = {"ensure_ascii": False}


api = NinjaAPI(
    renderer=Plain(),
    title="jieneng 节能 API", version="1", urls_namespace="api", docs_url=None, openapi_url=None, auth=door.Token(),
    description="公共机构节约能源资源管理：名录库、报表、数据、指标、审核问题。 / Registers, returns, answers, figures and findings of public institutions.")
api.add_router("", reading.router)
api.add_router("", own.router)
api.add_router("", writing.router)

STATUS = {"people.forbidden": 403, "people.busy": 503, "api.stale": 412, "api.if_match": 428, "api.key": 400, "api.read_only": 403, "api.too_many": 429,
          "api.token": 401}


@api.exception_handler(Refused)
def refused(request: HttpRequest, refusal: Refused) -> HttpResponse:
    """Refusals in words: found, expected, where, what to do, in both languages."""
    status = next((STATUS[p.code] for p in refusal.problems if p.code in STATUS), 422)
    return door.problems(refusal.problems, status)


@api.exception_handler(AuthenticationError)
def nobody(request: HttpRequest, error: Any) -> HttpResponse:
    """No token, or one that nobody holds."""
    return refused(request, door.no_token())


@api.exception_handler(Http404)
def missing(request: HttpRequest, error: Any) -> HttpResponse:
    """Not there, or not yours: alike."""
    return door.missing()


@api.exception_handler(ValidationError)
def invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """Parameters or body are not as the schema says: each place named."""
    return door.problems([door.invalid(e) for e in error.errors[:50]], 422)


@api.exception_handler(RequestDataTooBig)
def too_big(request: HttpRequest, error: Any) -> HttpResponse:
    """More than 8 MB."""
    return door.problems([Problem("api.size", T("内容超过 8 MB", "the body is larger than 8 MB"), do=T("分几次发", "send it in parts"))], 413)


@api.exception_handler(HttpError)
def unreadable(request: HttpRequest, error: HttpError) -> HttpResponse:
    """A body that is no JSON."""
    return door.problems([Problem("api.body", T("内容不是 JSON", "the body is not JSON"), T("UTF-8 的 JSON", "JSON in UTF-8"), where=Place(field="body"))], error.status_code)


@api.exception_handler(Exception)
def fault(request: HttpRequest, error: Exception) -> HttpResponse:
    """A fault of ours: a number, never the inside."""
    number = uuid.uuid4().hex[:8]
    log.exception("api fault %s", number)
    return door.problems([Problem("api.fault", T("系统出错，编号 {n}；没有留下改动", "a fault of ours, number {n}; nothing was changed", n=number),
                                  do=T("过一会儿用同一个键再发；还是这样，把编号告诉系统管理员", "send it again later with the same key; if it stays so, tell the administrator the number"))], 500)
