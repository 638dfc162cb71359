"""What the description promises, tried with made-up requests: never a fault of ours, never an undescribed answer, never half a write."""

from __future__ import annotations

import json
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from jieneng.desk.api.pages import described
from jieneng.returns.models import Return
from tests.api.make import Api
from tests.api.test_api import state
from tests.people_by_name import JINGXIAN

pytestmark = pytest.mark.django_db
SCHEMA = schemathesis.openapi.from_dict(json.loads(json.dumps(described(), default=str)))
OPERATIONS = [(o.ok().method.upper(), o.ok().path) for o in SCHEMA.get_all_operations()]
QUICK = settings(max_examples=15, deadline=None, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate],
                 suppress_health_check=list(HealthCheck))


def send(api: Api, case: Any, number: list[int]) -> Any:
    """One made-up request, as a client would send it; a fresh key for each write."""
    number[0] += 1
    headers = {k: v for k, v in (case.headers or {}).items() if isinstance(v, str) and v.isascii() and v.isprintable()}
    if case.method.upper() == "POST":
        headers |= {"Idempotency-Key": f"schema-{number[0]:06d}"}
    query = [(k, str(v).lower() if isinstance(v, bool) else v) for k, v in (case.query or {}).items() if v is not None]
    from urllib.parse import urlencode

    url = case.formatted_path + ("?" + urlencode(query, doseq=True, errors="replace") if query else "")
    body = {} if case.method.upper() == "GET" else {"data": json.dumps(case.body) if not isinstance(case.body, bytes) else case.body, "content_type": "application/json"}
    return api.client.generic(case.method.upper(), url, headers={**headers, **api.head}, REMOTE_ADDR="10.7.0.1", **body)


@pytest.mark.parametrize("method, path", OPERATIONS)
@pytest.mark.parametrize("mode", ["positive", "negative"])
def test_no_fault_and_nothing_undescribed(stage: dict[str, Any], api: Any, method: str, path: str, mode: str) -> None:
    operation = SCHEMA[path][method]
    number = [0]
    chosen = schemathesis.GenerationMode.POSITIVE if mode == "positive" else schemathesis.GenerationMode.NEGATIVE
    city = api("city")

    @given(case=operation.as_strategy(generation_mode=chosen))
    @QUICK
    def try_(case: Any) -> None:
        before = state() if method == "POST" else None
        answer = send(city, case, number)
        assert answer.status_code < 500, (case.formatted_path, answer.content)
        text = answer.content.decode()
        assert "Traceback" not in text and 'File "' not in text
        if answer.status_code not in (304, 405):
            described_codes = set(operation.definition.raw["responses"])
            assert str(answer.status_code) in described_codes or answer.status_code == 404, answer.status_code
            body = answer.json()
            if answer.status_code >= 400:
                assert body["problems"] and all(p["found"]["zh"] and p["found"]["en"] for p in body["problems"])
        if method == "POST" and answer.status_code >= 400:
            assert state() == before

    try_()
    assert number[0] >= 5


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4), max_leaves=12)
ENTRY = st.fixed_dictionaries({}, optional={"institution": st.text(max_size=20) | JSON, "period": st.sampled_from(["2023-03", "2022", "0000", "99"]) | JSON,
                                           "revision": st.integers(-2, 3) | JSON, "answers": st.dictionaries(st.sampled_from(["electricity_kwh", "x"]), JSON, max_size=3) | JSON})


@settings(max_examples=80, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(body=JSON | st.fixed_dictionaries({"office": st.sampled_from([JINGXIAN, "x"]), "entries": st.lists(ENTRY, max_size=3)}))
def test_bodies_of_any_shape_are_refused_whole_or_taken_whole(stage: dict[str, Any], body: Any) -> None:
    before = state()
    answer = Api(stage["tokens"]["county"]).post("answers", json.dumps(body), key="shape-00001")
    assert answer.status_code < 500, answer.content
    if answer.status_code != 200:
        assert answer.json()["problems"] and state() == before


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b'"\\ud800"', b'{"reason": "\\u0000"}', b"[" * 100_000, b"NaN", b'{"reason": ' + b'"' + b"x" * 400 + b'"}', b'{"keep": "maybe"}', b'{"reason": 1}',
                                  b"{" + b'"a":' * 3 + b"1}"])
def test_raw_bodies_are_told_what_they_are(stage: dict[str, Any], api: Any, ret: Return, body: bytes) -> None:
    before = state()
    answer = api("county").post(f"returns/{ret.pk}/send_back", body, key="raw-000001", match=f'"{ret.pk}-1-filed"')
    assert answer.status_code in (400, 422), answer.content
    assert answer.json()["problems"][0]["found"]["zh"] and state() == before


def test_a_body_beyond_the_limit_is_told_so(api: Any, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    answer = api("county").post("answers", b'{"office": "' + b"x" * 2000 + b'"}', key="raw-000002")
    assert answer.status_code == 413 and answer.json()["problems"][0]["code"] == "api.size"
