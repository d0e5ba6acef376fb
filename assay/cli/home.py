"""What the command line keeps on this machine: settings, keys, tokens. Files of mode 0600.

ASSAY_HOME holds all of it when it is set. Otherwise it lies in the platform's configuration folder,
and tokens go into the system's keyring where there is one that works.
"""

import importlib
import json
import os
import secrets
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import platformdirs

from assay.errors import AssayError, did_you_mean

SETTINGS = MappingProxyType(
    {
        "url": "address of the site",
        "account": "your account's name there",
        "competition": "the competition that commands mean when none is named",
    }
)
DEFAULTS = MappingProxyType({"url": "http://127.0.0.1:8000"})
KEYRING_SERVICE = "assay"


class SettingUnknown(AssayError):
    """There is no such setting. Facts: name."""

    code, status = "cli.setting_unknown", 422
    next_step = "`assay config view` lists the settings."


class SettingsDamaged(AssayError):
    """A file of the settings cannot be read. Facts: path."""

    code, status = "cli.settings_damaged", 422
    next_step = "Correct the file, or delete it and run `assay auth login`."


@dataclass(frozen=True)
class Home:
    """The folder of everything. is_own: ASSAY_HOME named it, so nothing is kept elsewhere."""

    folder: Path
    is_own: bool

    @property
    def settings_path(self) -> Path:
        return self.folder / "config.toml"

    @property
    def tokens_path(self) -> Path:
        return self.folder / "tokens.json"

    @property
    def logs_path(self) -> Path:
        return self.folder / "logs.json"

    def key_path(self, name: str) -> Path:
        return self.folder / "keys" / f"{name}.key"

    def cache_path(self, sha256: str) -> Path:
        return self.folder / "cache" / sha256

    def key_names(self) -> list[str]:
        return sorted(path.stem for path in (self.folder / "keys").glob("*.key"))

    def settings(self) -> dict[str, str]:
        """raises SettingsDamaged"""
        try:
            found = tomllib.loads(self.settings_path.read_text())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            path = str(self.settings_path)
            raise SettingsDamaged(f"{path} cannot be read: {error}.", path=path) from error
        return {name: str(value) for name, value in found.items()}

    def change(self, **changes: str | None) -> None:
        """Write settings; None takes one away. raises SettingUnknown, SettingsDamaged"""
        for name in changes:
            need_setting(name)
        wanted = {**self.settings(), **changes}
        lines = (f"{name} = {_quoted(value)}\n" for name, value in wanted.items() if value)
        _write(self.settings_path, "".join(lines))

    def token(self, url: str) -> str:
        """The token for a site; a token never goes to another site."""
        if ring := self._keyring():
            return ring.get_password(KEYRING_SERVICE, url) or self._tokens().get(url, "")
        return self._tokens().get(url, "")

    def keep_token(self, url: str, token: str) -> None:
        if ring := self._keyring():
            ring.set_password(KEYRING_SERVICE, url, token)
        else:
            _write(self.tokens_path, json.dumps({**self._tokens(), url: token}, indent=1))

    def forget_token(self, url: str) -> None:
        left = {one: token for one, token in self._tokens().items() if one != url}
        if self.tokens_path.exists():
            _write(self.tokens_path, json.dumps(left, indent=1))
        if (ring := self._keyring()) and ring.get_password(KEYRING_SERVICE, url):
            ring.delete_password(KEYRING_SERVICE, url)

    def origin(self, url: str) -> str:
        """The name of a site's log as it was learned here; empty when it was not yet."""
        return _read(self.logs_path).get(url, "")

    def keep_origin(self, url: str, origin: str) -> None:
        _write(self.logs_path, json.dumps({**_read(self.logs_path), url: origin}, indent=1))

    def keep_opening(self, commitment: str, told: Mapping[str, str]) -> None:
        """Keep what opens an entry's commitment: without it only the site can show the files."""
        text = json.dumps({"commitment": commitment, **told}, indent=1)
        _write(self._opening_path(commitment), f"{text}\n")

    def opening(self, commitment: str) -> Mapping[str, str]:
        """What was kept of an entry's commitment; empty: it was made somewhere else."""
        return _read(self._opening_path(commitment))

    def openings(self) -> list[Mapping[str, str]]:
        """All that was kept, by commitment."""
        return [_read(path) for path in sorted((self.folder / "openings").glob("*.json"))]

    def _opening_path(self, commitment: str) -> Path:
        return self.folder / "openings" / f"{commitment}.json"

    def training_seed(self) -> int:
        """A seed of one's own, drawn once: it trains the same adapter again, and nobody else's."""
        path = self.folder / "seed"
        if not path.exists():
            _write(path, f"{secrets.randbelow(2**31)}\n")
        text = path.read_text().strip()
        if not (text.isascii() and text.isdecimal()):
            raise SettingsDamaged(f"{path} holds no seed.", path=str(path))
        return int(text)

    def _tokens(self) -> Mapping[str, str]:
        return _read(self.tokens_path)

    def _keyring(self) -> Any:
        """The system's keyring, or None: with a home of its own, or where none works.

        The package is found by name and late: it is slow to load, and only this needs it.
        """
        if self.is_own:
            return None
        ring = importlib.import_module("keyring").get_keyring()
        return ring if ring.priority >= 1 and "fail" not in type(ring).__module__ else None


def need_setting(name: str) -> None:
    """raises SettingUnknown"""
    if name not in SETTINGS:
        hint = did_you_mean(name, list(SETTINGS))
        raise SettingUnknown(f"There is no setting {name!r}.", next_step=hint, name=name)


def home_at(folder: Path | None) -> Home:
    """The home in this folder, or the platform's place for it."""
    if folder is not None:
        return Home(folder.expanduser(), is_own=True)
    return Home(Path(platformdirs.user_config_dir("assay")), is_own=False)


def _quoted(value: str) -> str:
    """A TOML basic string, which JSON's escapes fit."""
    return json.dumps(value, ensure_ascii=False)


def _read(path: Path) -> Mapping[str, str]:
    """A file of names and texts. raises SettingsDamaged"""
    try:
        found: dict[str, str] = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise SettingsDamaged(f"{path} cannot be read: {error}.", path=str(path)) from error
    return found


def _write(path: Path, text: str) -> None:
    """Replace a file as a whole; nobody else may read it."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    part.replace(path)
