"""Walks through the pages as a reader of the pseudo-language does: from link to link, a few pages of each address."""

import re
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from tests.desk.language.pseudo import LANGUAGE

ASKING = {"Accept-Language": LANGUAGE, "Accept": "text/html"}
# What of a query makes a page another: which act's form, which list, which step.
TELLING = ("act", "do", "tab", "step", "by", "kind", "measure", "term", "letter", "of", "done")
FORM = re.compile(r"<form\b([^>]*)>(.*?)</form>", re.S)
FIELD = re.compile(r"<(?:input|select|textarea)\b([^>]*)>")
ATTRIBUTE = re.compile(r"""([\w-]+)=(?:"([^"]*)"|'([^']*)')""")
LINK = re.compile(r'\b(?:href|hx-get)="(/[^"]*)"')
UNSAFE = ("/sign-out", "/account/", "/jobs", "/sessions", "/language", "/assets", "/people")


@dataclass
class Walk:
    """One person's way through the application: each page that was opened, once."""

    app: Flask
    client: FlaskClient
    always: Mapping[str, str] = field(default_factory=dict)  # asked for with each page
    most: int = 1  # pages that show one and the same thing of an address: it, a part of its query, an act
    opened: Counter[tuple[Any, ...]] = field(default_factory=Counter)
    forms: dict[tuple[str, tuple[str, ...]], tuple[str, dict[str, str], list[str]]] = field(default_factory=dict)

    def pages(self, *starts: str) -> Iterator[tuple[str, TestResponse]]:
        """Each page that leads from these on: its address and the answer."""
        waiting = deque(starts)
        while waiting:
            path = waiting.popleft()
            if not self._wanted(path):
                continue
            answer = self._get(path)
            yield path, answer
            if answer.mimetype == "text/html":
                page = answer.get_data(as_text=True)
                self._note(path, page)
                waiting.extend(urljoin(path, unescape(each)).partition("#")[0] for each in LINK.findall(page))
            if answer.location:
                waiting.append(urlsplit(urljoin(path, answer.location))._replace(scheme="", netloc="").geturl())

    def refusals(self) -> Iterator[tuple[str, TestResponse]]:
        """What each form that was met says to somebody who sends it empty, then filled with what is none."""
        for action, fixed, fields in list(self.forms.values()):
            for filling in ("", "?"):
                sent = {**fixed, **dict.fromkeys(fields, filling), **self.always}
                answer = self.client.post(action, data=sent, headers=ASKING)
                yield f"POST {action} {filling}", answer
                if answer.location and answer.status_code == 303:
                    after = urlsplit(urljoin(action, answer.location))._replace(scheme="", netloc="").geturl()
                    yield f"POST {action} {filling} > {after}", self._get(after)

    def at(self, path: str) -> Iterator[tuple[str, TestResponse]]:
        """One page, whether there is one or not."""
        yield path, self._get(path)

    def _get(self, path: str) -> TestResponse:
        parts = urlsplit(path)
        query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *self.always.items()])
        return self.client.get(f"{parts.path}?{query}", headers=ASKING)

    def _wanted(self, path: str) -> bool:
        parts = urlsplit(path)
        try:
            endpoint, _ = self.app.url_map.bind("localhost").match(parts.path)
        except HTTPException:
            return False
        if parts.path.startswith(("/assets", "/fhir")):
            return False
        asked = dict(parse_qsl(parts.query, keep_blank_values=True))
        new = [(endpoint,), *((endpoint, name) for name in asked)]
        new += [(endpoint, name, value) for name, value in asked.items() if name in TELLING]
        wanted = any(self.opened[each] < self.most for each in new)
        self.opened.update(new if wanted else ())
        return wanted

    def _note(self, path: str, page: str) -> None:
        for head, body in FORM.findall(page):
            given = _attributes(head)
            if given.get("method", "get").lower() != "post":
                continue
            action = urljoin(path, given.get("action", path))
            fixed, typed = {}, []
            for one in FIELD.findall(body):
                each = _attributes(one)
                if each.get("type") == "hidden":
                    fixed[each.get("name", "")] = each.get("value", "")
                elif each.get("name") and each.get("type") not in ("file", "submit"):
                    typed.append(each["name"])
            if typed and not action.startswith(UNSAFE):
                try:
                    endpoint, found = self.app.url_map.bind("localhost").match(urlsplit(action).path, method="POST")
                except HTTPException:
                    continue
                self.forms.setdefault((f"{endpoint} {found.get('verb', '')}", tuple(typed)), (action, fixed, typed))


def _attributes(tag: str) -> Mapping[str, str]:
    return {name: unescape(one or other) for name, one, other in ATTRIBUTE.findall(tag)}
