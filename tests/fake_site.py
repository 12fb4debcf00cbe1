"""A web server on this machine that answers as a test says: files with ranges, pages of a listing, broken connections."""

from __future__ import annotations

import contextlib
import http.server
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass(frozen=True)
class Answer:
    """What the server sends for a request; `ranges` cuts the body as the request asks."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    ranges: bool = False


@dataclass
class Site:
    """The server's address, what it was asked, and what goes wrong."""

    answer: Callable[[str, dict[str, str]], Answer]
    """Takes the path and the query."""
    url: str = ""
    asked: list[str] = field(default_factory=list)
    """"GET /path bytes=7-" for every request, without the query."""
    drop_after: list[int] = field(default_factory=list)
    """Bytes after which the next answers to GET with a body in ranges break off."""


def _respond(handler: http.server.BaseHTTPRequestHandler, site: Site) -> None:
    url = urlsplit(handler.path)
    path, wanted = unquote(url.path), handler.headers.get("Range")
    site.asked.append(" ".join(filter(None, (handler.command, path, wanted))))
    answer = site.answer(path, {name: values[0] for name, values in parse_qs(url.query).items()})
    status, body, headers = answer.status, answer.body, dict(answer.headers)
    if answer.ranges and wanted and status == 200:
        start = int(wanted.removeprefix("bytes=").split("-")[0])
        status, headers["Content-Range"] = 206, f"bytes {start}-{len(body) - 1}/{len(body)}"
        body = body[start:]
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    if handler.command == "GET":
        cut = site.drop_after.pop(0) if site.drop_after and answer.ranges else len(body)
        handler.wfile.write(body[:cut])


@contextlib.contextmanager
def serve(answer: Callable[[str, dict[str, str]], Answer]) -> Iterator[Site]:
    """A running server."""
    site = Site(answer)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            _respond(self, site)

        do_HEAD = do_GET

        def log_message(self, *args):
            """Keep the test's output clean."""

    with running(Handler) as site.url:
        yield site


@contextlib.contextmanager
def running(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[str]:
    """The address of a server that is answered for by `handler`."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()
