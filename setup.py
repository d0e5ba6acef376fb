"""Builds the engine into the wheel: a client needs no compiler. pyproject.toml has the rest."""

import sys
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))

from evaluator.engine import build  # noqa: E402 - found beside this file


class WithEngine(build_py):
    """The package's files, and the engine for every processor of this kind."""

    def run(self) -> None:
        """Build what is not there, and copy it; an editable install does so at set-up instead."""
        super().run()
        if self.editable_mode:
            return
        folder = Path(self.build_lib) / "evaluator" / "engine" / "built"
        folder.mkdir(parents=True, exist_ok=True)
        for variant in build.variants_here():
            (folder / build.file_of(variant).name).write_bytes(build.built(variant).read_bytes())


class ForOneKind(Distribution):
    """A wheel with a library in it is one system's."""

    def has_ext_modules(self) -> bool:
        """There is code that was compiled."""
        return True


setup(cmdclass={"build_py": WithEngine}, distclass=ForOneKind)
