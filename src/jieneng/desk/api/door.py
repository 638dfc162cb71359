"""At the door of the API: token, rate, bodies that cannot be right, errors in four parts, ETags, and writes done once."""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import inspect
import json
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, get_type_hints

from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from ninja.security import HttpBearer

from jieneng.core.problem import Place, Problem, Refused, refuse
from jieneng.core.words import T
from jieneng.people.models import ApiAnswer, ApiClient
from jieneng.people.origin import address
from jieneng.people.scope import Scope, forbidden, scope
from jieneng.records.events import action

from .. import clients

WRONG_TOKENS = 30
"""Requests with no good token that one address may make in a minute."""
KEY = re.compile(r"[A-Za-z0-9_.:-]{8,100}")


def problems(found: Iterable[Problem], status: int) -> JsonResponse:
    """The one form of every error."""
    response = JsonResponse({"problems": [p.as_json() for p in found]}, status=status, json_dumps_params={"ensure_ascii": False})
    response.headers["X-Content-Type-Options"] = "nosniff"
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if status in (429, 503):
        response.headers["Retry-After"] = "30" if status == 503 else "60"
    return response


def no_token() -> Refused:
    return refuse("api.token", T("没有令牌，或令牌不对、已到期、已停用", "no token, or one that is wrong, over or revoked"),
                  T("请求头 Authorization: Bearer jn_…", "the header Authorization: Bearer jn_…"), T("请安全管理员发令牌", "ask the security administrator for a token"))


def missing() -> JsonResponse:
    return problems([Problem("api.missing", T("没有这一项", "there is no such thing"), do=T("核对编号；不在您范围里的也是这个答复", "check the id; what lies outside your scope is answered alike"))], 404)


class Rate:
    """A bucket for each key: ``per_minute`` requests, filled again evenly. Kept by each process for itself."""

    def __init__(self) -> None:
        self.lock, self.left = threading.Lock(), {}  # type: ignore[var-annotated]

    def take(self, key: str, per_minute: int) -> bool:
        """Whether one more is allowed now."""
        now = time.monotonic()
        with self.lock:
            if len(self.left) > 10_000:
                self.left = {k: v for k, v in self.left.items() if now - v[1] < 60}
            level, at = self.left.get(key, (float(per_minute), now))
            level = min(float(per_minute), level + (now - at) * per_minute / 60)
            self.left[key] = (level - 1 if level >= 1 else level, now)
            return level >= 1


RATE = Rate()


class Token(HttpBearer):
    """``Authorization: Bearer jn_…``. The request then acts as the client's own account: its role, its scope, its rate."""

    def __call__(self, request: HttpRequest) -> Any:
        found = super().__call__(request)
        if found is None and not RATE.take("address " + address(request), WRONG_TOKENS):
            raise _too_many()
        return found

    def authenticate(self, request: HttpRequest, token: str) -> ApiClient | None:
        client = clients.by_token(token.strip())
        if client is None or clients.shown(client) != "on" or not client.user.is_active:
            return None
        if not RATE.take(f"client {client.pk}", client.per_minute):
            raise _too_many()
        clients.used(client, address(request))
        request.user = client.user
        _possible(request)
        return client


def _too_many() -> Refused:
    return refuse("api.too_many", T("请求太多", "too many requests"), T("不超过每分钟的上限", "no more than the limit a minute"), T("等 Retry-After 秒再发", "wait Retry-After seconds"))


def _possible(request: HttpRequest) -> None:
    """Refuse texts that no record can hold: NUL, halves of characters, nesting without end."""
    if "\x00" in request.path or any("\x00" in v or "\x00" in k for k, vs in request.GET.lists() for v in vs):
        raise refuse("api.text", T("网址里有空字符", "the address holds a NUL"))
    if request.method not in ("POST", "PUT", "PATCH") or not request.body:
        return
    try:
        text = json.dumps(json.loads(request.body), ensure_ascii=False)
        text.encode()
    except (UnicodeError, RecursionError, ValueError) as error:
        raise refuse("api.body", T("内容不是可用的 JSON", "the body is not usable JSON"), T("UTF-8 的 JSON", "JSON in UTF-8"), where=Place(field="body")) from error
    if "\\u0000" in text:
        raise refuse("api.text", T("内容里有空字符", "the body holds a NUL"), where=Place(field="body"))


_SAID = {"missing": T("没有给", "is missing"), "extra_forbidden": T("不认识这个字段", "is not known"), "string_too_long": T("太长", "is too long"),
         "too_long": T("项数太多", "has too many entries"), "string_pattern_mismatch": T("写法不对", "is not written as it should be")}


def invalid(error: Mapping[str, Any]) -> Problem:
    """One thing that the schema does not allow, in words."""
    kind, message = str(error.get("type", "")), str(error.get("msg", ""))[:200].replace("{", "(").replace("}", ")")
    place = ".".join(str(p) for p in error.get("loc", ()) if p not in ("query", "body", "path", "filters", "given"))[:200]
    if kind in _SAID:
        words = _SAID[kind]
        found = T("{p} {w}", "{p} {e}", p=place, w=words.zh, e=words.en)
    else:
        found = T("{p} 不对：{m}", "{p} is not right: {m}", p=place, m=message)
    return Problem("api.invalid", found, do=T("照接口说明（openapi.json）改", "see the documentation (openapi.json)"), where=Place(field=place))


def only(request: HttpRequest, known: Iterable[str]) -> None:
    """Refuse parameters that the operation does not know, and one given twice: a misspelt filter must not show everything."""
    names = set(known)
    wrong = [k for k, vs in request.GET.lists() if k not in names or len(vs) > 1]
    if wrong:
        raise refuse("api.parameter", T("参数不认识或给了两次：{p}", "parameters not known, or given twice: {p}", p="、".join(w[:40] for w in wrong[:5])), T("{k}", "{k}", k="、".join(sorted(names)) or "—"))


def reach(request: HttpRequest, *verbs: str) -> Scope:
    """The scope of the first verb that the client holds. Raises ``Refused`` when none."""
    for verb in verbs:
        if mine := scope(request.user, verb):
            return mine
    raise forbidden(request.user, verbs[0])


def etag(*parts: Any) -> str:
    return '"' + "-".join(str(p) for p in parts) + '"'


def unchanged(request: HttpRequest, tag: str) -> bool:
    """Whether the client holds this version already (If-None-Match)."""
    return tag in [t.strip() for t in request.headers.get("If-None-Match", "").split(",")]


def matched(request: HttpRequest, tag: str) -> None:
    """The client must have seen what it changes (P4): 428 without If-Match, 412 when it has changed since."""
    given = request.headers.get("If-Match", "").strip()
    if not given:
        raise refuse("api.if_match", T("没有 If-Match", "no If-Match"), T("读的时候给的 ETag", "the ETag that came with it when you read it"), T("先读一次，再改", "read it first, then change it"))
    if given != tag:
        raise refuse("api.stale", T("您读过以后别人改过了", "somebody changed it since you read it"), T("{t}", "{t}", t=tag), T("重新读，核对以后再改", "read it again, check, then change it"))


def _fingerprint(request: HttpRequest) -> str:
    said = [request.method, request.get_full_path(), request.headers.get("If-Match", ""), hashlib.sha256(request.body).hexdigest()]
    return hashlib.sha256("\n".join(map(str, said)).encode("utf-8", "surrogateescape")).hexdigest()


Write = Callable[..., tuple[dict[str, Any], str]]


def once(allowed: Callable[..., Any]) -> Callable[[Write], Callable[..., HttpResponse]]:
    """A write that happens once for each ``Idempotency-Key``: whole, in one transaction with the answer that is kept for it.

    ``write`` returns the answer's body and its ETag. A refusal keeps nothing, so that the same key may be used once it is mended.
    ``allowed`` gets what ``write`` gets and refuses whom its answer is not (or no longer) for: a kept answer is given out only after it.
    """

    def wrap(write: Write) -> Callable[..., HttpResponse]:
        @functools.wraps(write)
        def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            client, key, said = request.auth, _key_of(request), _fingerprint(request)
            with action():
                row, fresh = _claim(client, key, said)
                if fresh:
                    _clear(client)
                    row.body, row.etag = write(request, *args, **kwargs)
                    row.save(update_fields=["body", "etag"])
                else:
                    allowed(request, *args, **kwargs)
            if row.request != said:
                raise refuse("api.key_reused", T("这个 Idempotency-Key 已经用在别的内容上", "this Idempotency-Key was used for something else"), do=T("换一个新的键", "use a new key"))
            # keys in one order: a database may give them back in another, and the same answer is the same to the byte
            response = JsonResponse(row.body, json_dumps_params={"ensure_ascii": False, "sort_keys": True})
            if row.etag:
                response.headers["ETag"] = row.etag
            if not fresh:
                response.headers["Idempotent-Replayed"] = "true"
            return response

        # ninja reads the parameters' types from here: resolved in the module of the write, not in this one
        hints = get_type_hints(write, include_extras=True)
        signature = inspect.signature(write)
        inner.__dict__["__signature__"] = signature.replace(
            parameters=[p.replace(annotation=hints.get(n, p.annotation)) for n, p in signature.parameters.items()])
        return inner

    return wrap


def _key_of(request: HttpRequest) -> str:
    """The key of a client that may write. Raises ``Refused``."""
    client: ApiClient = request.auth
    if not client.writes:
        raise refuse("api.read_only", T("这个令牌只能读", "this token may only read"), do=T("请安全管理员新建能写的接口", "ask the security administrator for one that may write"))
    key: str = request.headers.get("Idempotency-Key", "")
    if not KEY.fullmatch(key):
        raise refuse("api.key", T("没有 Idempotency-Key，或写法不对", "no Idempotency-Key, or not written as it should be"),
                     T("8 到 100 个字母、数字或 _ . : -，每件事一个新的", "8 to 100 letters, digits or _ . : -, a new one for each thing done"))
    return key


KEPT = dt.timedelta(days=30)
"""How long the answer to a key is kept: long enough for any repeat after a broken line."""


def _clear(client: ApiClient) -> None:
    """Forget the client's answers that are older; when it writes, so that a table nobody writes to costs nothing."""
    ApiAnswer.objects.filter(client=client, at__lt=timezone.now() - KEPT).delete()


def _claim(client: ApiClient, key: str, said: str) -> tuple[ApiAnswer, bool]:
    """The row of a key, and whether it is ours to fill. Two at one moment: the second waits here for the first to end."""
    found = ApiAnswer.objects.filter(client=client, key=key).first()
    if found is not None:
        return found, False
    try:
        with transaction.atomic():
            return ApiAnswer.objects.create(client=client, key=key, request=said, at=timezone.now()), True
    except IntegrityError:
        return ApiAnswer.objects.get(client=client, key=key), False
