"""A client of `lmms_eval.llm_judge` that answers from a list."""

from __future__ import annotations

import threading

import pytest
from lmms_eval import llm_judge
from lmms_eval.llm_judge import Request, Response


class FakeServer:
    """Gives its replies in turn, the last one for ever; an exception among them is raised.

    `requests` are those that came.
    """

    def __init__(self, *replies: str | Exception) -> None:
        self.requests: list[Request] = []
        self._replies = replies
        self._lock = threading.Lock()

    def is_available(self) -> bool:
        return True

    def evaluate(self, request: Request) -> Response:
        with self._lock:
            reply = self._replies[min(len(self.requests), len(self._replies) - 1)]
            self.requests.append(request)
        if isinstance(reply, Exception):
            raise reply
        return Response(content=reply, model_used="fake")


def use_judge(monkeypatch: pytest.MonkeyPatch, server: FakeServer) -> FakeServer:
    """Lets lmms-eval hand out this client."""
    monkeypatch.setenv("OPENAI_API_KEY", "a key that nobody has")
    monkeypatch.setattr(llm_judge, "get_server", lambda server_name, config=None: server)
    return server
