"""Requests to a WSGI application in this process, without a socket: a second instance of our own server as an EHR."""

from collections.abc import Callable
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse
from werkzeug.test import Client


class WsgiAdapter(BaseAdapter):
    """Mount it on a session for the base URL that the application believes to have."""

    def __init__(self, app: Callable[..., Any]) -> None:
        super().__init__()
        self.client = Client(app, use_cookies=False)

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        url = urlsplit(str(request.url))
        path = f"{url.path or '/'}{'?' + url.query if url.query else ''}"
        base = f"{url.scheme}://{url.netloc}"
        answer = self.client.open(
            path, base_url=base, method=request.method, headers=list(request.headers.items()), data=request.body
        )
        response = requests.Response()
        response.status_code, response.url, response.request = answer.status_code, str(request.url), request
        response.headers.update(answer.headers)
        response.raw = HTTPResponse(BytesIO(answer.data), response.headers, preload_content=False)
        return response

    def close(self) -> None:
        """Nothing is held open."""
