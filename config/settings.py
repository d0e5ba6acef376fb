"""Django's settings, built from config/env.py alone."""

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import dj_database_url
from csp.constants import NONE, SELF

from assay.keys import public_hex, read_or_make_key
from config import env
from workers import crew, doorbell, files

ENV = env.read()
HOUSE = env.HOUSE
DATA = (HOUSE / ENV.assay_data).resolve()
KEYS_FOLDER = Path(ENV.keys_folder) if ENV.keys_folder else DATA / "keys"
RUN_FOLDER = DATA / "run"
BASES_FOLDER = Path(ENV.assay_bases).resolve() if ENV.assay_bases else DATA / "bases"
env.hand_down("ASSAY_BASES", str(BASES_FOLDER))
DATA.mkdir(parents=True, exist_ok=True, mode=0o700)

DEBUG = ENV.assay_debug == "1"
SECRET_KEY = ENV.secret_key or public_hex(read_or_make_key(DATA / "keys" / "django.key"))
ALLOWED_HOSTS = ENV.assay_hosts.split(",")
IS_HTTPS = ENV.assay_https == "1"
TRUSTED_PROXIES = env.proxies(ENV.assay_trusted_proxies)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = IS_HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]  # the supervisor asks without HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if IS_HTTPS else 0
CSRF_TRUSTED_ORIGINS = [f"https://{host}" for host in ALLOWED_HOSTS] if IS_HTTPS else []
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# --- the house ------------------------------------------------------------------------------------
LOG_ORIGIN, USUAL_ORIGIN = ENV.assay_origin, env.Environment.assay_origin
ACCEPTED_RISKS = env.accepted(ENV.assay_accept)  # web/profile.py
FAUCET_NANO = int(ENV.assay_faucet) * 10**9
FOLDS = ("licensing.rules.fold.licensing", "competitions.rules.fold.fold")  # as a replay runs them
BRIDGE = "ledger.actions.faucet.Faucet"  # where money comes in and goes out
TICK_S = int(ENV.assay_tick_s)
LEASE_S = int(ENV.assay_lease_s)
DISPUTE_LEAST_S = int(ENV.assay_dispute_least_s)
SLOTS = crew.size(int(ENV.assay_slots))
EXPECTED_OWNERS = int(ENV.assay_expected_owners)
LEAST_FINAL_EXAMPLES = int(ENV.assay_least_final_examples)
BLOB_LIMIT_BYTES = 64 << 20
BLOB_QUOTA_BYTES = int(ENV.assay_quota_mib) << 20
BUDGETS = env.budgets(ENV.assay_budgets)
PASSWORD_WAIT_S = 1.0  # that a sign-in waits for its turn to be hashed
WITNESSES = env.witnesses(ENV.assay_witnesses)
UPLOAD_LIMIT_BYTES = 1 << 30
UPLOAD_PART_BYTES = 8 << 20  # S3 takes no part below 5 MiB but the last
DATA_FILE_LIMIT_BYTES = 32 << 20
ASSAY_BODY_LIMITS = {
    "/": 1 << 20,
    "/api/messages": 128 << 10,
    "/api/blobs": BLOB_LIMIT_BYTES,
    "/api/uploads": UPLOAD_PART_BYTES,
    "/sponsor/": 4 * DATA_FILE_LIMIT_BYTES + (1 << 20),
}

# --- Django ---------------------------------------------------------------------------------------
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "template_partials",
    "django_htmx",
    "django.forms",
    "web",
    "allauth",
    "allauth.account",
    "axes",
    "csp",
    "ledger",
    "licensing",
    "competitions",
    "workers",
    "config",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "web.middleware.Compression",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_permissions_policy.PermissionsPolicyMiddleware",
    "web.middleware.Door",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "axes.middleware.AxesMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "ledger.views.record_context",
            ],
        },
    }
]
PASSWORD_HASHERS = ["web.passwords.Hasher"]
AUTHENTICATION_BACKENDS = [
    "web.passwords.Attempts",
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]

# --- tables ---------------------------------------------------------------------------------------
DATABASES = {"default": dj_database_url.parse(ENV.database_url or f"sqlite:///{DATA / 'assay.db'}")}
SQLITE_OPTIONS = {
    "timeout": 20,
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
}
IS_SQLITE = DATABASES["default"]["ENGINE"].endswith("sqlite3")
if IS_SQLITE:
    DATABASES["default"]["ENGINE"] = "config.sqlite3"
    DATABASES["default"]["OPTIONS"] = SQLITE_OPTIONS
    # A file, not memory: the tests' threads and processes must all see it.
    DATABASES["default"]["TEST"] = {"NAME": str(DATA / "test.db")}
else:
    # Each statement is planned once per connection, not at each use: half of an insert's time.
    DATABASES["default"]["OPTIONS"] = {"server_side_binding": True, "prepare_threshold": 2}

# --- bytes ----------------------------------------------------------------------------------------


def _blob_storage(url: str) -> dict[str, object]:
    """Where blobs lie: a folder, or a bucket named by s3://bucket?endpoint=URL."""
    if not url:
        return {
            "BACKEND": "ledger.blobs.folder.FolderStorage",
            "OPTIONS": {"location": str(DATA / "blobs"), "allow_overwrite": True},
        }
    parts = urlsplit(url)
    asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
    return {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": parts.netloc,
            "endpoint_url": asked.get("endpoint"),
            "signature_version": "s3v4",  # its addresses can hold a part to its checksum
        },
    }


def _tile_storage(url: str) -> dict[str, object]:
    """Where the tiles of the log lie: a folder beside the blobs, or the same bucket."""
    if url:
        blobs = _blob_storage(url)
        return {**blobs, "OPTIONS": {**blobs["OPTIONS"], "location": "log"}}  # type: ignore[dict-item]
    return {
        "BACKEND": "ledger.blobs.folder.FolderStorage",
        "OPTIONS": {
            "location": str(DATA / "tiles"),
            "allow_overwrite": True,
            "file_permissions_mode": 0o644,  # a front may serve the folder as it is
        },
    }


STORAGES = {
    "default": _blob_storage(ENV.storage_url),
    "tiles": _tile_storage(ENV.storage_url),
    "staticfiles": {"BACKEND": "web.files.StaticFiles"},
}
STATIC_URL = "/static/"
STATIC_ROOT = DATA / "static"
STATIC_ROOT.mkdir(exist_ok=True, mode=0o700)
WHITENOISE_USE_FINDERS = True
FILE_UPLOAD_TEMP_DIR = None
DATA_UPLOAD_MAX_MEMORY_SIZE = 1 << 20  # of a form without its files; other bodies are streamed

# --- the doorbell ---------------------------------------------------------------------------------
CELERY_BROKER_URL = ENV.celery_broker_url or "filesystem://localhost"
_FILES = {
    "data_folder_in": str(DATA / "broker"),
    "data_folder_out": str(DATA / "broker"),
    "processed_folder": str(DATA / "broker-done"),
    "control_folder": str(DATA / "broker-control"),
    "store_processed": False,
    "polling_interval": files.LOOK_S,
}
_REDIS = {
    "visibility_timeout": 4 * 3600,
    "unacked_restore_interval": 10,
    "unacked_restore_throttle": 1,
    "socket_connect_timeout": 2,
    # A bell that does not answer is not rung twice: the sweep finds the work.
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0,
    "interval_max": 0,
}
CELERY_BROKER_TRANSPORT_OPTIONS = (
    _FILES
    if CELERY_BROKER_URL.startswith("filesystem")
    else _REDIS
    if CELERY_BROKER_URL.startswith("redis")
    else {}
)
if CELERY_BROKER_TRANSPORT_OPTIONS is _FILES:
    CELERY_BROKER_TRANSPORT = "workers.files:Transport"
    (DATA / "broker").mkdir(exist_ok=True, mode=0o700)
    (DATA / "broker-control").mkdir(exist_ok=True, mode=0o700)
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 30.0
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {bell: {"queue": queue} for bell, queue in doorbell.QUEUES.items()}
CELERY_TASK_TIME_LIMIT = 1800
CELERY_BEAT_SCHEDULE = {
    "tick": {"task": "workers.clock.tick", "schedule": float(TICK_S)},
    "sweep": {"task": "workers.clock.sweep", "schedule": 5.0},
    "bridge": {"task": "workers.record.cross_bridge", "schedule": 10.0},
    "sweep files": {"task": "workers.record.sweep_files", "schedule": 3600.0},
}
if WITNESSES:
    CELERY_BEAT_SCHEDULE["witnesses"] = {
        "task": "workers.record.ask_witnesses",
        "schedule": float(TICK_S),
    }

# --- sign-in --------------------------------------------------------------------------------------
ASSAY_OPEN_ACCOUNT = "ledger.actions.open_account_for"
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "web.auth.Adapter"
ACCOUNT_FORMS = {
    "login": "web.entrance.SignInForm",
    "signup": "web.entrance.SignUpForm",
    "change_password": "web.entrance.ChangePasswordForm",
    "set_password": "web.entrance.SetPasswordForm",
}
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_USERNAME_VALIDATORS = "web.auth.HANDLE_VALIDATORS"
ACCOUNT_USERNAME_MIN_LENGTH = 2
ACCOUNT_PRESERVE_USERNAME_CASING = False
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_EMAIL_VERIFICATION = "none"
AXES_LOCKOUT_CALLABLE = "web.views.locked_out"
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = 10
LOCKED_OUT_S = 900
AXES_COOLOFF_TIME = LOCKED_OUT_S / 3600  # hours
AXES_RESET_ON_SUCCESS = True
AXES_ENABLE_ADMIN = False
AXES_DISABLE_ACCESS_LOG = True  # a row for each sign-in, for ever, that nobody reads
AXES_CLIENT_IP_CALLABLE = "web.budgets.ip_of"
CSRF_FAILURE_VIEW = "web.views.form_expired"
FORM_RENDERER = "web.forms.Renderer"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": name}
    for name in (
        "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "web.auth.LongEnough",
        "django.contrib.auth.password_validation.CommonPasswordValidator",
        "django.contrib.auth.password_validation.NumericPasswordValidator",
    )
]
SESSION_ENGINE = "web.sessions"

# --- headers --------------------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
PERMISSIONS_POLICY: dict[str, list[str]] = {
    name: [] for name in ("camera", "geolocation", "microphone", "payment", "usb")
}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["stderr"], "level": "INFO" if DEBUG else "WARNING"},
}
