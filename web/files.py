"""Scripts, styles and fonts by names that hold their hash, so that browsers keep them for good."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticFiles(CompressedManifestStaticFilesStorage):
    """Hashed, compressed copies in STATIC_ROOT, which config/asgi.py makes when the site starts.

    Where nobody collected, as in tests, names stay plain, and the files come from the source.
    """

    def stored_name(self, name: str) -> str:
        return str(super().stored_name(name)) if self.hashed_files else name
