"""Builds the wheel of a client: with the engine, so it needs no compiler, and without the site.

A site runs from a checkout, which `make setup` installs editable. pyproject.toml has the rest.
"""

import re
import sys
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))

from evaluator.engine import build  # noqa: E402 - found beside this file

# The rooms, and their floors, that know no Django.
CLIENT = re.compile(
    r"(assay|audit|evaluator)(\..*)?"
    r"|(competitions|licensing|ledger)(\.(rules|errors|commands)(\..*)?)?"
)


class WithEngine(build_py):
    """A client's files, and the engine for every processor of this kind."""

    def run(self) -> None:
        """Build what is not there, and copy it; an editable install does so at set-up instead."""
        if self.editable_mode:
            super().run()
            return
        self.packages = [one for one in self.packages if CLIENT.fullmatch(one)]
        self.package_data = {**self.package_data, "": ["py.typed"]}  # no templates
        vars(self).pop("data_files", None)  # found before, for all packages
        super().run()
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
