"""Signing in: the log, the gate before argon2, names that are slowed and never locked from elsewhere, sessions, the second factor
(faults.md S1–S3, S6, X7, X9)."""

from __future__ import annotations

import base64
import datetime as dt
import re
import threading
import time
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth import authenticate
from django.contrib.auth.password_validation import validate_password
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.test import Client, RequestFactory
from django.utils import timezone
from django_otp.oath import totp

from jieneng.core.problem import Refused
from jieneng.desk import accounts, factors, signing
from jieneng.people import origin, passwords
from jieneng.people.models import FactorRule, OpenSession, RecoveryCode, SecondFactor, SignIn, User
from jieneng.records import events
from jieneng.records.models import Event
from tests.people_by_name import JINGXIAN, PASSWORD, ROOT

pytestmark = pytest.mark.django_db
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"


def sign(username: str, password: str = PASSWORD, address: str = "10.0.0.1", client: Client | None = None, agent: str = CHROME) -> tuple[Client, Any]:
    client = client or Client()
    return client, client.post("/sign-in/", {"username": username, "password": password}, REMOTE_ADDR=address, HTTP_USER_AGENT=agent)


def results() -> list[str]:
    return list(SignIn.objects.order_by("pk").values_list("result", flat=True))


def text(response: Any) -> str:
    return response.content.decode()


# ---- the log ----

def test_a_sign_in_is_logged_and_is_an_event(city: dict[str, Any]) -> None:
    client, answer = sign("zhoumin")
    assert answer.status_code == 302 and client.get("/").status_code == 200
    row = SignIn.objects.get()
    assert (row.result, row.user, row.address, origin.device(row.agent)) == ("ok", city["people"]["zhoumin"], "10.0.0.1", "Chrome 120 · Windows 10/11")
    event = Event.objects.latest("seq")
    assert (event.verb, event.object_id, event.data) == ("account.sign_in", "zhoumin", {"from": "10.0.0.1", "device": "Chrome 120 · Windows 10/11"})
    assert events.faults()[1] == []


def test_a_wrong_password_is_logged_and_what_was_typed_is_not(city: dict[str, Any]) -> None:
    sign("zhoumin", "guess")
    sign("my-secret-typed-in-the-wrong-box", "zhoumin")
    assert results() == ["wrong", "wrong"] and [r.username for r in SignIn.objects.order_by("pk")] == ["zhoumin", "—"]
    assert "my-secret" not in str(list(SignIn.objects.values())) and Event.objects.filter(verb="account.sign_in").count() == 0


def test_known_and_unknown_names_are_answered_alike(city: dict[str, Any]) -> None:
    def words(answer: Any) -> str:
        return re.sub(r'name="(csrfmiddlewaretoken|username)" value="[^"]*"', "", text(answer))
    assert words(sign("zhoumin", "guess")[1]) == words(sign("nobody", "guess")[1])


# ---- lock-out, slowing, unlocking ----

def test_five_failures_lock_the_name_at_that_address_only(city: dict[str, Any], sign_in: Any) -> None:
    for _ in range(5):
        sign("wangli", "guess")
    assert sign("wangli")[1].status_code == 429
    assert sign("wangli", address="10.0.0.2")[1].status_code == 302, "X9: the same name elsewhere, another name here"
    assert sign("zhoumin")[1].status_code == 302
    assert Event.objects.filter(verb="account.lock").count() == 1 and Event.objects.get(verb="account.lock").object_id == "wangli"
    page = text(sign_in("qianan").get("/accounts/sign-ins/"))
    assert "现在锁定的" in page and "10.0.0.1" in page
    assert sign_in("qianan").post("/accounts/unlock/", {"username": "wangli"}).status_code == 302
    assert Event.objects.latest("seq").verb == "account.unlock" and sign("wangli")[1].status_code == 302


def test_names_that_do_not_exist_make_no_events(city: dict[str, Any]) -> None:
    before = Event.objects.count()
    for _ in range(7):
        sign("ghost", "guess")
    assert Event.objects.count() == before and AccessAttempt.objects.filter(username="ghost").exists()


def test_guessing_from_many_addresses_slows_the_name_but_not_where_it_is_known(city: dict[str, Any]) -> None:
    sign("wangli", address="10.9.9.9")
    for n in range(signing.SLOW_AFTER):
        sign("wangli", "guess", address=f"10.1.0.{n}")
    answer = sign("wangli", address="10.1.1.1")[1]
    assert answer.status_code == 429 and 0 < int(answer.headers["Retry-After"]) <= 10 and 'value="wangli"' in text(answer)
    assert sign("wangli", address="10.9.9.9")[1].status_code == 302, "nobody can lock another out of his own place"
    SignIn.objects.update(at=timezone.now() - dt.timedelta(seconds=11))
    assert sign("wangli", address="10.1.1.2")[1].status_code == 302, "slowed, never locked"


def test_only_a_listed_proxy_may_say_where_one_comes_from(settings: Any) -> None:
    def where(**more: str) -> str:
        return origin.address(RequestFactory().get("/", **more))
    assert where(REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR="1.2.3.4") == "10.0.0.1"
    settings.TRUSTED_PROXIES = ("10.0.0.1", "10.0.0.2")
    assert where(REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR="9.9.9.9, 1.2.3.4, 10.0.0.2") == "1.2.3.4"
    assert where(REMOTE_ADDR="10.0.0.3", HTTP_X_FORWARDED_FOR="1.2.3.4") == "10.0.0.3"
    assert where(REMOTE_ADDR="", HTTP_X_FORWARDED_FOR="x") == "0.0.0.0" == where(REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR="no address")


# ---- the gate ----

def test_no_more_than_the_gate_lets_through_hash_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_gate", threading.BoundedSemaphore(2))
    now, most, lock = 0, 0, threading.Lock()

    def slow(self: Any, password: str, salt: str) -> str:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.02)
        with lock:
            now -= 1
        return "x"

    monkeypatch.setattr(passwords.Argon2PasswordHasher, "encode", slow)
    threads = [threading.Thread(target=passwords.GatedArgon2().encode, args=("p", "s")) for _ in range(12)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert most == 2


def test_who_waits_too_long_is_told_to_come_back(city: dict[str, Any], settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PASSWORD_HASHERS = ["jieneng.people.passwords.GatedArgon2"]
    full = threading.BoundedSemaphore(1)
    full.acquire()
    monkeypatch.setattr(passwords, "_gate", full)
    monkeypatch.setattr(passwords, "WAIT", 0.01)
    answer = sign("nobody")[1]
    assert answer.status_code == 503 and answer.headers["Retry-After"] == "30" and "登录的人太多" in text(answer)


def test_the_products_hasher_is_the_gated_one_and_one_time_passwords_are_quick() -> None:
    from jieneng.desk import settings as product

    assert product.PASSWORD_HASHERS == ["jieneng.people.passwords.GatedArgon2"] and passwords.AT_ONCE >= 2


def test_a_one_time_password_is_hashed_quickly_and_again_at_sign_in(city: dict[str, Any], settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["jieneng.people.passwords.GatedArgon2"]
    began = time.monotonic()
    user, password = accounts.create_user(None, "kuai", "快")
    assert time.monotonic() - began < 1 and user.password.startswith("argon2$argon2id$v=19$m=8192")
    assert authenticate(RequestFactory().post("/"), username="kuai", password=password) == user
    assert "m=102400" in User.objects.get(pk=user.pk).password
    assert authenticate(RequestFactory().post("/"), username="kuai", password="x" + password) is None


# ---- password rules ----

@pytest.mark.parametrize("password, code", [
    ("short-1A", "password_too_short"), ("onlysmallletters", "password_kinds"), ("ALLCAPS-AND-SIGNS", "password_kinds"), ("Jieneng-2022", "password_local"),
    ("Zhoumin-2022", "password_local"), ("341800-341800-Ab", "password_local"), (PASSWORD, "password_again")])
def test_passwords_that_are_refused(city: dict[str, Any], password: str, code: str) -> None:
    with pytest.raises(ValidationError) as told:
        validate_password(password, city["people"]["zhoumin"])
    assert code in [e.code for e in told.value.error_list]


def test_rules_follow_the_profile_and_the_last_five_are_not_taken_again(city: dict[str, Any], settings: Any) -> None:
    zhou = city["people"]["zhoumin"]
    for n in range(6):
        accounts.set_password(zhou, zhou, f"Quite-different-{n}x{n}", one_time=False)
    with pytest.raises(ValidationError):
        validate_password("Quite-different-1x1", zhou)
    validate_password("Quite-different-9x9", zhou)
    validate_password(PASSWORD, zhou)  # seven passwords ago
    settings.JIENENG_PROFILE = "asvs"
    validate_password("correct horse battery staple", zhou)
    validate_password("Quite-different-5x5", zhou)


def test_after_180_days_the_password_is_changed_first(city: dict[str, Any], settings: Any) -> None:
    zhou = city["people"]["zhoumin"]
    client, _ = sign("zhoumin")
    User.objects.filter(pk=zhou.pk).update(password_at=timezone.now() - dt.timedelta(days=181))
    assert client.get("/register/").headers["Location"] == "/password/"
    settings.JIENENG_PROFILE = "asvs"
    assert client.get("/register/").status_code == 200


# ---- sessions ----

def test_own_sessions_are_listed_and_ended(city: dict[str, Any]) -> None:
    first, _ = sign("zhoumin", address="10.0.0.1")
    second, _ = sign("zhoumin", address="10.0.0.2", agent="Mozilla/5.0 (Linux; Android 12) Chrome/99.0 Mobile")
    other, _ = sign("wangli")
    page = text(first.get("/me/"))
    assert "10.0.0.2" in page and "Chrome 99 · Android 12" in page and "这一处" in page
    row = OpenSession.objects.get(address="10.0.0.2")
    assert other.post("/me/sessions/end/", {"session": row.pk}).status_code == 422, "not another's"
    assert second.get("/").status_code == 200
    assert first.post("/me/sessions/end/", {"session": row.pk}).status_code == 302
    assert second.get("/").headers["Location"].startswith("/sign-in/") and first.get("/").status_code == 200
    assert Event.objects.latest("seq").verb == "account.end_session"


def test_all_others_end_together_and_a_changed_password_ends_them_too(city: dict[str, Any]) -> None:
    clients = [sign("zhoumin", address=f"10.0.0.{n}")[0] for n in range(3)]
    clients[0].post("/me/sessions/end/", {"all": "1"})
    assert [c.get("/").status_code for c in clients] == [200, 302, 302]
    again, _ = sign("zhoumin", address="10.0.0.9")
    clients[0].post("/password/", {"old": PASSWORD, "new": "Another-long-one-9", "again": "Another-long-one-9"})
    assert clients[0].get("/me/").status_code == 200 and again.get("/").status_code == 302
    assert [s.address for s in signing.sessions_of(city["people"]["zhoumin"])] == ["10.0.0.0"]


def test_sessions_end_when_idle_and_after_twelve_hours_however_busy(city: dict[str, Any]) -> None:
    client, _ = sign("zhoumin")
    session = client.session
    session["seen"] -= 31 * 60
    session.save()
    assert client.get("/").headers["Location"].startswith("/sign-in/")
    client, _ = sign("zhoumin")
    session = client.session
    session["began"] -= 12 * 3600 + 1
    session.save()
    assert client.get("/").headers["Location"].startswith("/sign-in/")
    assert client.get("/register/").headers["Location"].startswith("/sign-in/")


def test_signing_out_ends_it_on_the_server_and_clears_the_browser(city: dict[str, Any]) -> None:
    client, _ = sign("zhoumin")
    cookie = client.cookies["sessionid"].value
    answer = client.post("/sign-out/")
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"' and not Session.objects.filter(session_key=cookie).exists()
    stolen = Client()
    stolen.cookies["sessionid"] = cookie
    assert stolen.get("/").status_code == 302 and not OpenSession.objects.exists()


def test_a_session_id_from_before_is_worth_nothing_after(city: dict[str, Any]) -> None:
    client = Client()
    client.post("/language/", {"language": "en"})
    before = client.cookies["sessionid"].value
    sign("zhoumin", client=client)
    assert client.cookies["sessionid"].value != before


def test_the_security_administrator_ends_anothers_sessions(city: dict[str, Any], sign_in: Any) -> None:
    client, _ = sign("wangli")
    assert sign_in("qianan").post("/accounts/", {"verb": "end", "user": city["people"]["wangli"].pk}).status_code == 302
    assert client.get("/").status_code == 302 and Event.objects.latest("seq").verb == "account.end_sessions"


# ---- the second factor ----

def code_of(user: User, at: float | None = None) -> str:
    row = SecondFactor.objects.get(user=user)
    seed = factors.open_seed(row.seed)
    assert seed is not None
    return f"{totp(seed, t0=int(time.time()) - int(at if at is not None else time.time())):06d}"


@pytest.fixture
def guarded(city: dict[str, Any]) -> tuple[User, list[str]]:
    """周敏 with a second factor, and her recovery codes. The code that turned it on was of the step before."""
    zhou = city["people"]["zhoumin"]
    factors.begin(zhou)
    return zhou, factors.confirm(zhou, code_of(zhou, time.time() - 30))


def test_turning_it_on_by_the_page(city: dict[str, Any], sign_in: Any) -> None:
    zhou, client = city["people"]["zhoumin"], sign_in("zhoumin")
    page = text(client.get("/me/factor/"))
    assert "<svg" in page and "style=" not in page and "<script" not in page.split("qr-box")[1].split("</div>")[0]
    seed = base64.b32decode(re.search(r"<code class=\"otp\">([A-Z2-7 ]+)</code>", page)[1].replace(" ", ""))  # type: ignore[index]
    assert seed == factors.open_seed(SecondFactor.objects.get(user=zhou).seed) and base64.b16encode(seed).decode() not in SecondFactor.objects.get(user=zhou).seed
    assert client.post("/me/factor/", {"verb": "confirm", "code": code_of(zhou), "password": "wrong"}).status_code == 302 and not factors.active(zhou)
    page = text(client.post("/me/factor/", {"verb": "confirm", "code": code_of(zhou), "password": PASSWORD}))
    codes = re.findall(r"<code class=\"otp\">(\w{5}-\w{5})</code>", page)
    assert len(codes) == 10 and factors.active(zhou) and Event.objects.latest("seq").verb == "account.factor_on"
    kept = str(list(RecoveryCode.objects.values())) + str(list(Event.objects.values()))
    assert not any(c in kept for c in codes) and codes[0] not in text(client.get("/me/factor/"))


def test_the_password_alone_opens_nothing_then(guarded: tuple[User, list[str]]) -> None:
    zhou, _ = guarded
    client, answer = sign("zhoumin")
    assert answer.headers["Location"] == "/sign-in/code/" and client.get("/register/").status_code == 302
    assert client.post("/sign-in/code/", {"code": "000000"}).status_code == 200 and client.get("/register/").status_code == 302
    assert client.post("/sign-in/code/", {"code": code_of(zhou)}, HTTP_USER_AGENT=CHROME).status_code == 302
    assert client.get("/register/").status_code == 200 and results() == ["code", "code_wrong", "ok"]


def test_a_code_is_good_once(guarded: tuple[User, list[str]]) -> None:
    zhou, _ = guarded
    code = code_of(zhou)
    assert factors.check(zhou, code) == "code" and factors.check(zhou, code) == ""
    assert factors.check(zhou, code_of(zhou, time.time() - 90)) == "" and factors.check(zhou, "１２３４５６") == "" and factors.check(zhou, "") == ""


def test_a_recovery_code_is_good_once_and_is_counted(guarded: tuple[User, list[str]]) -> None:
    zhou, codes = guarded
    client, _ = sign("zhoumin")
    assert client.post("/sign-in/code/", {"code": codes[3].lower() if codes[3].lower() == codes[3] else codes[3]}).status_code == 302
    assert "还剩 9 个" in text(client.get("/"))
    assert factors.check(zhou, codes[3]) == "" and factors.check(zhou, codes[4].replace("-", " ")) == "recovery"


def test_five_wrong_codes_and_the_door_is_shut_for_a_while(guarded: tuple[User, list[str]]) -> None:
    zhou, _ = guarded
    client, _ = sign("zhoumin")
    statuses = [client.post("/sign-in/code/", {"code": f"{n:06d}"}).status_code for n in range(5)]
    assert statuses == [200, 200, 200, 200, 429]
    client, _ = sign("zhoumin", address="10.3.3.3")
    assert client.post("/sign-in/code/", {"code": code_of(zhou)}).status_code == 429 and client.get("/register/").status_code == 302


def test_the_code_page_is_nothing_without_a_right_password_lately(guarded: tuple[User, list[str]]) -> None:
    zhou, _ = guarded
    assert Client().post("/sign-in/code/", {"code": code_of(zhou)}).headers["Location"] == "/sign-in/"
    client, _ = sign("zhoumin")
    session = client.session
    session["pending"] = {**session["pending"], "at": time.time() - 301}
    session.save()
    assert client.post("/sign-in/code/", {"code": code_of(zhou)}).headers["Location"] == "/sign-in/"
    client, _ = sign("zhoumin")
    accounts.set_password(None, zhou, "another-password-9Z", one_time=True)
    assert client.post("/sign-in/code/", {"code": code_of(zhou)}).headers["Location"] == "/sign-in/", "a changed password ends what was pending"


def test_an_office_asks_it_of_a_role_and_never_of_reporters(city: dict[str, Any], sign_in: Any) -> None:
    qian, county = city["people"]["qianan"], city["offices"][JINGXIAN]
    factors.ask(qian, "county", county, True)
    assert sign_in("wangli").get("/register/").headers["Location"] == "/me/factor/" and sign_in("heping").get("/register/").status_code == 200
    assert sign_in("wangli").get("/me/factor/").status_code == 200 and sign_in("wangli").post("/sign-out/").status_code == 302
    with pytest.raises(Refused) as told:
        factors.ask(qian, "reporter", city["offices"][ROOT], True)
    assert told.value.problems[0].code == "factor.reporter"
    FactorRule.objects.create(role="reporter", office=city["offices"][ROOT])  # planted past the verb: still never asked
    assert sign_in("wangxiuying").get("/register/").status_code == 200
    wang = city["people"]["wangli"]
    factors.begin(wang)
    factors.confirm(wang, code_of(wang))
    assert sign_in("wangli").get("/register/").status_code == 200
    with pytest.raises(Refused):
        factors.turn_off(wang, wang)
    factors.turn_off(qian, wang)
    factors.ask(qian, "county", county, False)
    assert not factors.required(wang) and [e.verb for e in Event.objects.filter(verb__startswith="account.factor").order_by("seq")] == [
        "account.factor_rule", "account.factor_on", "account.factor_off", "account.factor_rule"]


def test_a_seed_sealed_with_another_key_says_so(guarded: tuple[User, list[str]], settings: Any) -> None:
    zhou, codes = guarded
    settings.SECRET_KEY = "the key of another machine"
    client, answer = sign("zhoumin")
    page = text(client.get(answer.headers["Location"]))
    assert "服务器换过密钥" in page and factors.check(zhou, codes[0]) == "recovery"
