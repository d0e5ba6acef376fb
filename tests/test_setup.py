"""The first command on a machine that is not ours: another Python, no uv, nothing optional."""

import shutil
import subprocess
import sys

import pytest

from requirements import install, system

OTHER_PYTHON = f"""#!/bin/sh
[ "$1" = -c ] && exit 1
exec {sys.executable} -c '
import platform, runpy, sys
sys.executable, sys.argv = sys.argv[1], sys.argv[2:]
platform.python_version = lambda: "3.13.0"
runpy.run_path(sys.argv[0], run_name="__main__")
' "$0" "$@"
"""


def test_another_python_than_3_11_is_told_the_command_that_gets_it(house, tmp_path):
    shutil.copytree(house / "requirements", tmp_path / "house" / "requirements")
    shutil.copy(house / "pyproject.toml", tmp_path / "house")
    python = tmp_path / "bin" / "python3"
    python.parent.mkdir()
    python.write_text(OTHER_PYTHON)
    python.chmod(0o755)
    script = tmp_path / "house" / "requirements" / "install.py"
    done = subprocess.run(
        [python, script, "worker"],
        env={"PATH": str(python.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert f"Found: {python}, 3.13.0." in done.stderr
    assert "apt-get install python3.11 python3.11-venv" in done.stderr
    assert "uv python install 3.11" in done.stderr
    assert not (tmp_path / "house" / ".venv").exists()


def test_what_pip_is_told_about_places_uv_is_told_too(monkeypatch, tmp_path):
    """uv reads nothing of what pip is told: alone it knows no index but the public one."""
    here, gone = tmp_path / "wheels", tmp_path / "gone"
    here.mkdir()
    told = (
        f":env:.find-links='{here} {gone}'",
        "global.cert='/etc/ca.crt'",
        f"global.extra-index-url='https://a.example/simple {gone} https://b.example/simple'",
        "global.find-links='/another'",
        "install.index-url='https://c.example/simple'",
        "global.default-timeout='180'",
    )
    answer = subprocess.CompletedProcess([], 0, "\n".join(told), "")
    monkeypatch.setattr(install, "_run", lambda *_: answer)
    for name in install.AS_UV_SAYS.values():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", "/told/to/uv")
    assert install._places() == {
        "UV_FIND_LINKS": str(here),
        "UV_INDEX": "https://a.example/simple https://b.example/simple",
        "UV_DEFAULT_INDEX": "https://c.example/simple",
    }


def test_where_uv_fails_pip_is_asked(monkeypatch, capsys, tmp_path):
    asked = []
    monkeypatch.setattr(install, "_pip", lambda *words: asked.append(words))
    install.Tool(None)("check")
    broken = tmp_path / "uv"
    broken.write_text("#!/bin/sh\necho no such index >&2; exit 2\n")
    broken.chmod(0o755)
    monkeypatch.setattr(install, "_places", dict)
    install.Tool(broken)("install", "a==1")
    assert asked == [("check",), ("install", "a==1")]
    assert "no such index" in capsys.readouterr().out


@pytest.mark.parametrize("one", system.PROGRAMS, ids=lambda one: one.name)
def test_a_bare_machine_finds_nothing_optional(one, monkeypatch, tmp_path):
    """Guards the demo of CI: it shall be what a person sees who has installed nothing."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for command in (*one.commands, "awk"):
        (programs / command).write_text("#!/bin/sh\n")
        (programs / command).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    assert one.path() is not None
    system.main(["--bare", str(tmp_path / "bare")])
    assert [one.name for one in (tmp_path / "bare").iterdir()] == ["awk"]
    monkeypatch.setenv("ASSAY_BARE", "1")
    assert one.path() is None
