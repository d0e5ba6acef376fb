"""A person at the web site: a browser without a screen, using the same forms as everybody."""

import re
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2

from config.demo.telling import StoryBroken

PASSWORD = "plain-demo-words-7"  # noqa: S105 - printed for whoever looks around afterwards
WAIT_S = 3600.0  # a machine that is busy with other things


class Visitor:
    """One person's session. Every page is checked; forms are posted with their token."""

    def __init__(self, url: str, name: str) -> None:
        self.name = name
        self._http = httpx2.Client(base_url=url, follow_redirects=True, timeout=300.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def get(self, path: str) -> httpx2.Response:
        """A page. raises StoryBroken unless it is answered well"""
        return self._good(self._http.get(path))

    def finds(self, path: str) -> bool:
        """Whether an address is answered well."""
        return self._http.get(path).is_success

    def post(
        self, path: str, fields: dict[str, str], files: dict[str, Path] | None = None
    ) -> httpx2.Response:
        """Send a form from the page it stands on. raises StoryBroken unless it is taken"""
        if "csrftoken" not in self._http.cookies:
            self.get("/account/sign-in/")
        token = self._http.cookies.get("csrftoken") or ""
        headers = {"X-CSRFToken": token, "Referer": str(self._http.base_url)}
        parts = {name: (path.name, path.read_bytes()) for name, path in (files or {}).items()}
        return self._good(self._http.post(path, data=fields, files=parts or None, headers=headers))

    def sign_up(self, *, play_money: bool = False) -> None:
        """Open an account; with play money, press the faucet's button."""
        self.post("/account/sign-up/", {"username": self.name, "password1": PASSWORD})
        if play_money:
            self.post(f"/accounts/{self.name}/play-money/", {})

    def wait_for(self, path: str, field: str, wanted: tuple[str, ...]) -> dict[str, Any]:
        """Ask an address of the API until a field has one of the values.

        raises StoryBroken when that takes too long
        """
        until_s = time.monotonic() + WAIT_S
        while time.monotonic() < until_s:
            found: dict[str, Any] = self.get(path).json()
            if found.get(field) in wanted:
                return found
            time.sleep(0.5)
        raise StoryBroken(f"{path}: {field} is still {found.get(field)}")

    def _good(self, answer: httpx2.Response) -> httpx2.Response:
        if answer.is_success:
            return answer
        said = re.sub(r"<[^>]+>|\s+", " ", answer.text)[:2000]
        said = re.sub(r"\s+", " ", said)
        where = f"{answer.request.method} {answer.request.url.path}"
        raise StoryBroken(f"{self.name}: {where} answers {answer.status_code}: {said}")
