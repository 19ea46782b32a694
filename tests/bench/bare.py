"""The yardstick for a read: a bare Flask route, the same bytes from the same database, and nothing else."""

import os
import sqlite3
import threading

from flask import Flask, Response

app = Flask(__name__)
_local = threading.local()


def _connection() -> sqlite3.Connection:
    if not hasattr(_local, "connection"):
        _local.connection = sqlite3.connect(os.environ["BARE_DATABASE"])
    return _local.connection


@app.get("/")
def up() -> str:
    """Says that the server has started."""
    return "up"


@app.get("/fhir/<kind>/<id>")
def read(kind: str, id: str) -> Response:
    """The stored bytes of one resource."""
    row = _connection().execute("SELECT body FROM resource WHERE type = ? AND id = ?", (kind, id)).fetchone()
    return Response(row[0], mimetype="application/fhir+json") if row else Response(status=404)
