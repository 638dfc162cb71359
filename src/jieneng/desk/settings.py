"""Settings. A fresh checkout runs on SQLite with none given; everything else is named in the environment.

JIENENG_HOME          the workspace: database, received files, snapshots, secret key
JIENENG_DATABASE_URL  postgresql://user:password@host:port/name instead of SQLite
JIENENG_ENGINE        duckdb: (default), or spark://host:7077 for sums on a cluster (jieneng[spark])
JIENENG_HOSTS         host names the site answers to, comma separated
JIENENG_TLS           1 when served behind TLS: secure cookies, HSTS
JIENENG_DEBUG         1 for developers
JIENENG_MAIL          e-mail, off unless named: smtp://user:password@host:port, smtps://…, file (into outbox/ of the workspace) or console
JIENENG_MAIL_FROM     the sender's address
JIENENG_WEBHOOK       one address that reminders are posted to, off unless named
JIENENG_PROXIES       addresses of proxies whose X-Forwarded-For is believed, comma separated
JIENENG_PROFILE       dengbao2 (password rules of GB/T 22239) or asvs (those of OWASP ASVS)
"""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

# faults.md X1: the SQLite that Python brings may be older than 3.51.3 (WAL-reset bug); a wheel with a newer one wins.
try:
    import pysqlite3
    import pysqlite3.dbapi2

    sys.modules["sqlite3"] = pysqlite3
    sys.modules["sqlite3.dbapi2"] = pysqlite3.dbapi2
except ImportError:
    pass


def _flag(name: str) -> bool:
    value = os.environ.get(name, "0")
    if value not in ("0", "1"):
        raise SystemExit(f"{name}={value!r}: write 0 or 1 / 应写 0 或 1")
    return value == "1"


def _engine() -> str:
    from jieneng.engine import check_address

    try:
        return check_address(os.environ.get("JIENENG_ENGINE", ""))
    except ValueError as error:
        raise SystemExit(f"JIENENG_ENGINE: {error} / 应为 duckdb: 或 spark://主机:7077") from None


ENGINE = _engine()
HOME = Path(os.environ.get("JIENENG_HOME", "jieneng-home")).resolve()
DEBUG = _flag("JIENENG_DEBUG")
TLS = _flag("JIENENG_TLS")
ALLOWED_HOSTS = os.environ.get("JIENENG_HOSTS", "localhost,127.0.0.1,[::1]").split(",")


def _secret() -> str:
    """The workspace's own key; a process without a workspace gets one that dies with it."""
    path = HOME / "secret.key"
    if path.exists():
        return path.read_text().strip()
    return secrets.token_urlsafe(50)


SECRET_KEY = _secret()

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "axes",
    "jieneng.people",
    "jieneng.records",
    "jieneng.registry",
    "jieneng.returns",
    "jieneng.review",
    "jieneng.exchange",
    "jieneng.filling",
    "jieneng.figures",
    "jieneng.fieldwork",
    "jieneng.reports",
    "jieneng.sitting",
    "jieneng.desk",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "jieneng.desk.middleware.Headers",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "jieneng.desk.middleware.Language",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "jieneng.desk.middleware.SignedIn",
    "jieneng.desk.middleware.Refusals",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "jieneng.desk.urls"
WSGI_APPLICATION = "jieneng.desk.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["jieneng.desk.templatetags.jn", "jieneng.desk.templatetags.rooms"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "jieneng.desk.context.page",
            ],
        },
    }
]


def _database() -> dict[str, object]:
    url = os.environ.get("JIENENG_DATABASE_URL", "")
    if not url:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": HOME / "records.sqlite3",
            "CONN_MAX_AGE": 600,
            "OPTIONS": {
                "timeout": 20,
                "transaction_mode": "IMMEDIATE",
                # FULL: an acknowledged write survives a power cut (faults.md X2)
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
            },
        }
    parts = urlsplit(url)
    if parts.scheme not in ("postgresql", "postgres"):
        raise SystemExit(f"JIENENG_DATABASE_URL: {parts.scheme!r}: expected postgresql://user:password@host:port/name")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": parts.port or 5432,
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
    }


DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "people.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = ["jieneng.people.passwords.GatedArgon2"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
     "OPTIONS": {"user_attributes": ["username", "name"]}},
    {"NAME": "jieneng.people.passwords.Kinds"},
    {"NAME": "jieneng.people.passwords.LocalWords"},
    {"NAME": "jieneng.people.passwords.NotAgain"},
]
JIENENG_PROFILE = os.environ.get("JIENENG_PROFILE", "dengbao2")
if JIENENG_PROFILE not in ("dengbao2", "asvs"):
    raise SystemExit(f"JIENENG_PROFILE={JIENENG_PROFILE!r}: write dengbao2 or asvs / 应写 dengbao2 或 asvs")
TRUSTED_PROXIES = tuple(p.strip() for p in os.environ.get("JIENENG_PROXIES", "").split(",") if p.strip())
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign-in"

# five tries, then 15 minutes; the key is name and address together (faults.md X9)
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_TEMPLATE = "registration/locked.html"
AXES_VERBOSE = False
AXES_CLIENT_IP_CALLABLE = "jieneng.people.origin.address"

SESSION_COOKIE_AGE = 12 * 3600
"""Absolute: after that one signs in again however busy one was (SignedIn counts from the sign-in, not from the last click)."""
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = TLS
SESSION_IDLE = 30 * 60
CSRF_FAILURE_VIEW = "jieneng.desk.errors.csrf"
SECURE_HSTS_SECONDS = 31536000 if TLS else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

LANGUAGE_CODE = "zh-hans"
TIME_ZONE = "Asia/Shanghai"
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = Path(__file__).parent / "collected"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

UPLOAD_LIMIT = 50 << 20
DATA_UPLOAD_MAX_MEMORY_SIZE = 8 << 20
DATA_UPLOAD_MAX_NUMBER_FIELDS = 3000
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 << 20

# no connection leaves the machine except those written here (faults.md P15)
MAIL_URL = os.environ.get("JIENENG_MAIL", "")
WEBHOOK_URL = os.environ.get("JIENENG_WEBHOOK", "")
DEFAULT_FROM_EMAIL = SERVER_EMAIL = os.environ.get("JIENENG_MAIL_FROM", "jieneng@localhost")
if WEBHOOK_URL and urlsplit(WEBHOOK_URL).scheme not in ("http", "https"):
    raise SystemExit(f"JIENENG_WEBHOOK={WEBHOOK_URL!r}: http:// or https:// / 应以 http:// 或 https:// 开头")


def _mail() -> dict[str, object]:
    """Django's mail settings out of JIENENG_MAIL."""
    known = {"": "dummy", "file": "filebased", "console": "console"}
    if MAIL_URL in known:
        return {"EMAIL_BACKEND": f"django.core.mail.backends.{known[MAIL_URL]}.EmailBackend", "EMAIL_FILE_PATH": HOME / "outbox"}
    parts = urlsplit(MAIL_URL)
    if parts.scheme not in ("smtp", "smtps", "smtp+tls") or not parts.hostname:
        raise SystemExit(f"JIENENG_MAIL: {parts.scheme!r}: smtp://user:password@host:port, smtps://…, file, console")
    return {"EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend", "EMAIL_HOST": parts.hostname, "EMAIL_TIMEOUT": 10,
            "EMAIL_PORT": parts.port or (465 if parts.scheme == "smtps" else 25), "EMAIL_USE_SSL": parts.scheme == "smtps",
            "EMAIL_USE_TLS": parts.scheme == "smtp+tls", "EMAIL_HOST_USER": unquote(parts.username or ""), "EMAIL_HOST_PASSWORD": unquote(parts.password or "")}


globals().update(_mail())

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "loggers": {"jieneng": {"handlers": ["console"], "level": "INFO"}, "axes": {"level": "ERROR"}},
}
SILENCED_SYSTEM_CHECKS = ["axes.W006"]
