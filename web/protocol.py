"""HTTP as uvicorn speaks it, with an end to waiting. It is loaded before Django is awake."""

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADERS_S = 10.0  # from the first byte of a request to the end of its headers


class Protocol(H11Protocol):
    """uvicorn's own (`--http web.protocol:Protocol`), but for how long headers may take to come."""

    _headers_end: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_for_headers()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._wait_for_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_no_more()
        super().connection_lost(exc)

    def _wait_for_headers(self) -> None:
        if self.conn.their_state is not h11.IDLE:
            self._wait_no_more()
        elif self._headers_end is None:
            self._headers_end = self.loop.call_later(HEADERS_S, self._end)

    def _wait_no_more(self) -> None:
        if self._headers_end is not None:
            self._headers_end.cancel()
            self._headers_end = None

    def _end(self) -> None:
        self._headers_end = None
        if self.conn.their_state is h11.IDLE and not self.transport.is_closing():
            self.transport.close()
