"""A miner at the command line: every step is the `assay` command in a process of its own."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.demo.telling import StoryBroken


@dataclass(frozen=True)
class Miner:
    """A folder of settings and keys, and the site's address."""

    name: str
    url: str
    home: Path

    def assay(self, *words: str, refused: bool = False) -> dict[str, Any]:
        """Run one command with --json; its one object.

        refused  the command must end with exit 5; the answer is then its error
        raises   StoryBroken when it ends otherwise
        """
        done = self.run(*words, "--json")
        wanted = 5 if refused else 0
        if done.returncode != wanted:
            said = (done.stdout + done.stderr)[-1500:]
            command = " ".join(words)
            raise StoryBroken(f"{self.name}: assay {command} exits {done.returncode}: {said}")
        lines = (done.stderr if refused and not done.stdout.strip() else done.stdout).splitlines()
        found: dict[str, Any] = json.loads(next(one for one in reversed(lines) if one.strip()))
        return found

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run one command as it is. What it says of its progress is in `said` meanwhile."""
        given = {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")}  # noqa: TID251
        home = {"ASSAY_HOME": str(self.home), "ASSAY_URL": self.url}
        command = [str(Path(sys.executable).with_name("assay")), *words]
        with self.said.open("w") as errors:
            done = subprocess.run(
                command,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                check=False,
                env={**given, **home},
            )
        done.stderr = self.said.read_text(errors="replace")
        return done

    @property
    def said(self) -> Path:
        """The file of what the running command has written to stderr."""
        self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self.home / "said"

    def last_words(self) -> str:
        """The last line of it."""
        text = self.said.read_text(errors="replace") if self.said.exists() else ""
        lines = [one.strip() for one in text.replace("\r", "\n").split("\n") if one.strip()]
        return lines[-1][:100] if lines else ""
