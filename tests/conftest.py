"""What every test has: a data folder and a database of its own, and servers or a loud skip."""

import gc
import os
import shutil
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import django
import pytest
from hypothesis import HealthCheck, Phase, settings

from requirements.system import PROGRAMS, program

# Nothing that is imported or collected is garbage; to look for some took a sixth of that time.
gc.disable()
# Django reads its settings once, so the environment is set before it wakes up.
DATA = Path(tempfile.mkdtemp(prefix="assay-test-"))
os.environ["ASSAY_DATA"] = str(DATA)  # noqa: TID251 - the tests' own data folder
os.environ["ASSAY_LEAST_FINAL_EXAMPLES"] = "5"  # noqa: TID251 - small slices, quick tests
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")  # noqa: TID251
os.environ.setdefault("OMP_NUM_THREADS", "1")  # noqa: TID251 - pytest runs in several processes
django.setup()

from django.conf import settings as house_settings  # noqa: E402 - after the environment
from django.db import connections  # noqa: E402 - the same
from django.test import TransactionTestCase  # noqa: E402 - the same

from assay import keys, notes  # noqa: E402 - the same
from assay.witness import Memory, Witness, logs_of, server  # noqa: E402 - the same
from evaluator.libraries import TRAINING, has  # noqa: E402 - the same
from ledger import log  # noqa: E402 - the same
from tests.emptying import empty_tables  # noqa: E402 - the same
from tests.servers import serving  # noqa: E402 - the same

TransactionTestCase._fixture_teardown = empty_tables
# A password costs the site a quarter of a second, on purpose; here it is only a password.
house_settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# A site that a test starts, or merely imports, collects its files into the data folder. Pages that
# are rendered here must not take up its names, whichever test ran first.
house_settings.STORAGES["staticfiles"] = {
    "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
}

NEEDED = frozenset(filter(None, os.environ.get("ASSAY_NEED", "").split(",")))  # noqa: TID251
IS_CI = "CI" in os.environ  # noqa: TID251
ON_POSTGRES = os.environ.get("DATABASE_URL", "").startswith("postgres")  # noqa: TID251
CROWD_LIMIT_S = 900

settings.register_profile(
    "house",
    deadline=None,
    derandomize=IS_CI,
    database=None,
    phases=[one for one in Phase if one is not Phase.explain],  # it traces every line: minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("house")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Let each test process read its settings here, as this one did.

    With the variable inherited, pytest-django reads them before this file gives the process a
    folder of its own: all of them would store their blobs, keys and uploads in this one's.
    """
    os.environ.pop("DJANGO_SETTINGS_MODULE")  # noqa: TID251


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take longest come first: else one process plays a journey at the end alone.

    Journeys wait for the most part, so browsers, which never do, are beside them.
    """
    for item in items:
        is_law = "laws" in item.path.parts
        assert is_law or not item.get_closest_marker("postgres"), f"{item.nodeid}: see tests/run.py"
    marked = [{item.path for item in items if item.get_closest_marker(name)}
              for name in ("journey", "chromium", "slow")]  # fmt: skip
    items.sort(key=lambda one: [one.path not in paths for paths in marked])


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Skip a file that needs what trains, in an install that is without: README.md has them."""
    report = yield
    missing = (one for one in TRAINING if not has(one))
    named = next((one for one in missing if f"No module named '{one}'" in report.longreprtext), "")
    if report.failed and named:
        report.outcome = "skipped"
        report.longrepr = (report.nodeid, 0, f"Skipped: needs {named}: make setup SET=train")
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """From here on there is garbage; a million objects that stay are not looked at again."""
    gc.freeze()
    gc.enable()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a program that is not here; fail instead when ASSAY_NEED names it."""
    if item.get_closest_marker("training") and not has(*TRAINING):
        pytest.skip(f"needs {', '.join(TRAINING)}: make setup SET=train")
    for name in ("postgres", "redis", "chromium"):
        if not item.get_closest_marker(name):
            continue
        if program(name).path() is None:
            answer = pytest.fail if name in NEEDED else pytest.skip
            answer(program(name).absence())
        if name == "postgres" and not ON_POSTGRES:
            pytest.skip("runs on PostgreSQL: `make test`, or set DATABASE_URL")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name every absent program, so that nothing is left out quietly."""
    reports = terminalreporter.stats.get("skipped", [])
    reasons = [report.longrepr[2].removeprefix("Skipped: ") for report in reports]
    for each in PROGRAMS:
        if each.path() is None:
            count = reasons.count(each.absence())
            terminalreporter.write_line(f"LEFT OUT ({count} tests skipped)  {each.absence()}")
    absences = {each.absence() for each in PROGRAMS}
    for reason, count in Counter(each for each in reasons if each not in absences).items():
        terminalreporter.write_line(f"SKIPPED ({count} tests)  {reason}")


def pytest_unconfigure() -> None:
    """Take the data folder away."""
    shutil.rmtree(DATA, ignore_errors=True)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Give each test process a database of its own: a file, since threads cannot share memory."""
    default = connections["default"]
    if default.vendor == "sqlite":
        file = tmp_path_factory.mktemp("database") / "test.sqlite3"
        default.settings_dict["TEST"]["NAME"] = str(file)
        # It need not survive a power cut: each commit waited 3 ms for the disk.
        options = default.settings_dict["OPTIONS"]
        assert "synchronous=FULL" in options["init_command"]
        quick = options["init_command"].replace("synchronous=FULL", "synchronous=OFF")
        default.settings_dict["OPTIONS"] = {**options, "init_command": quick}
    else:
        worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")  # noqa: TID251 - set by xdist
        default.settings_dict["TEST"]["NAME"] = f"test_assay_{worker}"


@pytest.fixture(autouse=True)
def tiles_of_its_own(settings: Any) -> None:
    """Each test begins a log of its own, so its tiles lie in a folder of its own."""
    settings.STORAGES = tiles_apart(settings.STORAGES)


def tiles_apart(storages: dict[str, Any]) -> dict[str, Any]:
    """STORAGES for one more log: its tiles lie in a folder of their own."""
    folder = DATA / "tiles" / uuid4().hex  # made when the first tile is written
    options = {**storages["tiles"]["OPTIONS"], "location": str(folder)}
    return {**storages, "tiles": {**storages["tiles"], "OPTIONS": options}}


@pytest.fixture
def crowd() -> Callable[..., list[Exception]]:
    """Run a job in eight threads at once; answer with the errors that it raised.

    crowd(job, size=8)   job(number) is called once per thread, all through one gate
    """

    def run(job: Callable[[int], object], size: int = 8) -> list[Exception]:
        errors: list[Exception] = []
        gate = threading.Barrier(size)

        def one(number: int) -> None:
            gate.wait()
            try:
                job(number)
            except Exception as error:  # noqa: BLE001 - handed to the test
                errors.append(error)
            finally:
                connections.close_all()

        threads = [
            threading.Thread(target=one, args=(number,), daemon=True) for number in range(size)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(CROWD_LIMIT_S)
        assert not any(thread.is_alive() for thread in threads), "a thread of the crowd hangs"
        return errors

    return run


@pytest.fixture(scope="session")
def house() -> Path:
    """The folder of the whole house: where manage.py is."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture
def vectors(house: Path) -> Iterator[Path]:
    """The folder of published test vectors."""
    return house / "tests" / "vectors"


@pytest.fixture
def log_key(settings):
    """The verifier key of this site's log."""
    public = log.signing_key("log").public_key().public_bytes_raw()
    return notes.verifier_key(settings.LOG_ORIGIN, notes.LOG_KEY, public)


@pytest.fixture
def witness(tmp_path, log_key, settings):
    """A witness that answers over HTTP, and that the site asks."""
    mine = Witness("w.example", keys.new_key(), logs_of([log_key]), Memory(tmp_path / "w.db"))
    with server(mine, "127.0.0.1", 0) as door, serving(door) as url:
        settings.WITNESSES = ((mine.vkey, url),)
        yield mine
