"""A site for strangers is not started with settings for play, open secrets or endless logs."""

import os
import subprocess
import sys

import pytest

from config import env
from web import profile
from web.risks import RISKS
from workers import logs, modes, site
from workers.supervisor import Child, Plan, Supervisor


@pytest.fixture
def public(settings):
    """A site that strangers reach, with every setting as it comes."""
    settings.ALLOWED_HOSTS = ["assay.example", "127.0.0.1"]
    settings.ACCEPTED_RISKS = frozenset()
    settings.FAUCET_NANO = int(env.Environment.assay_faucet)
    settings.DISPUTE_LEAST_S = 0
    return settings


def found(host="127.0.0.1"):
    return {one.name for one in profile.risks(host)}


def test_a_site_for_play_on_its_own_machine_is_asked_nothing(settings):
    settings.ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
    for host in ("127.0.0.1", "::1", "localhost"):
        profile.check(host)


def test_a_site_for_strangers_is_refused_until_each_risk_is_changed_or_accepted(public):
    with pytest.raises(profile.Unsafe) as refused:
        profile.check()
    assert found() == {"no-https", "usual-origin", "faucet", "no-dispute-window"}
    for name in found():
        assert name in str(refused.value)
        assert RISKS[name] in str(refused.value)
    public.ACCEPTED_RISKS = env.accepted("faucet, no-https")
    assert found() == {"usual-origin", "no-dispute-window"}
    public.LOG_ORIGIN, public.DISPUTE_LEAST_S = "assay.example/log", 172_800
    profile.check()


def test_https_needs_a_named_proxy_and_debugging_is_a_risk(public):
    public.IS_HTTPS, public.DEBUG = True, True
    assert {"no-proxy", "debug"} <= found()
    public.TRUSTED_PROXIES = ("127.0.0.1",)
    assert "no-proxy" not in found()


def test_an_address_that_others_reach_counts_as_a_host(settings):
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    assert found("127.0.0.1") == set()
    assert "no-https" in found("0.0.0.0")


def test_only_risks_that_there_are_can_be_accepted():
    with pytest.raises(env.SettingInvalid, match="ASSAY_ACCEPT"):
        env.read({"ASSAY_ACCEPT": "faucet,everything"})


@pytest.mark.parametrize("listed", ["accounts", "accounts=x", "nothing=1", "accounts@moon=1"])
def test_only_budgets_that_there_are_can_be_set(listed):
    with pytest.raises(env.SettingInvalid, match="ASSAY_BUDGETS"):
        env.read({"ASSAY_BUDGETS": listed})


def test_a_budget_is_set_by_its_name():
    told = env.budgets("accounts@address=500, log_bytes=1")
    assert (told["accounts"].address, told["log_bytes"].account) == (500, 1)


def test_the_web_server_believes_no_forwarded_address_and_has_a_most_of_connections(tmp_path):
    (web,) = (one for one in site.site_plan(tmp_path, "127.0.0.1", 0, {}).children
              if one.name == "web")  # fmt: skip
    assert {"--no-proxy-headers", "--limit-concurrency", "web.protocol:Protocol"} <= {*web.command}


def test_what_the_web_server_loads_first_needs_no_django_that_is_awake(house):
    """It reads its options before the application; with more than this it would not start."""
    asks = "import sys, web.protocol; sys.exit('django' in sys.modules)"
    subprocess.run([sys.executable, "-c", asks], cwd=house, check=True)


def test_sponsors_files_are_read_by_another_worker_than_entries(tmp_path):
    plan = site.site_plan(tmp_path, "127.0.0.1", 0, {})
    told = {one.name: one.command[one.command.index("-Q") + 1].split(",")
            for one in plan.children if "-Q" in one.command}  # fmt: skip
    assert told["read"] == ["preview", "prepare"]
    assert told["evaluate"] == ["evaluate"]
    assert not {"preview", "prepare", "evaluate"} & {*told["default"]}


def test_secrets_that_others_could_read_are_closed_and_said(tmp_path):
    keys = tmp_path / "keys"
    keys.mkdir(mode=0o755)
    for path in (keys / "log.key", tmp_path / "assay.db"):
        path.write_text("secret")
        path.chmod(0o644)
    (tmp_path / "tiles").mkdir(mode=0o755)
    tmp_path.chmod(0o755)
    said = modes.mend(tmp_path, keys)
    assert len(said) == 4
    assert all(str(tmp_path) in line for line in said)
    closed = (tmp_path, keys, keys / "log.key", tmp_path / "assay.db")
    assert [path.stat().st_mode & 0o077 for path in closed] == [0, 0, 0, 0]
    assert modes.mend(tmp_path, keys) == []


def test_a_log_is_cut_while_its_process_writes_it(tmp_path):
    path = tmp_path / "web.log"
    with path.open("ab", buffering=0) as log:
        for number in range(6):
            log.write(str(number).encode() * 1000)
            assert logs.cut(path, most_bytes=900)
            assert path.stat().st_size == 0
        log.write(b"goes on")
        assert not logs.cut(path, most_bytes=900)
    assert path.read_bytes() == b"goes on"
    kept = sorted(one.name for one in tmp_path.iterdir())
    assert kept == ["web.log", *(f"web.log.{number}" for number in range(1, logs.KEPT + 1))]
    assert (tmp_path / "web.log.1").read_bytes()[:1] == b"5"


def test_what_a_child_writes_is_its_own(tmp_path):
    made = tmp_path / "made"
    child = Child("a", ("/bin/sh", "-c", f"touch {made}; sleep 600"), made.exists, stop_s=5)
    plan = Plan(tmp_path, tmp_path, (child,), {"PATH": os.defpath}, "")
    with Supervisor(plan):
        assert made.stat().st_mode & 0o077 == 0
