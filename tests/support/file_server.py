"""A web server that behaves as one of large files, and as the Hugging Face hub."""

import hashlib
import json
import re
import socket
import struct
from urllib.parse import quote

from support.web_server import Answer, Behaviour, WebServer, reply


def served(body: bytes, most: int | None = None, ranges: bool = True) -> Behaviour:
    """Return the behaviour of a server that has the file `body`.

    It breaks the connection after `most` bytes, if given, and answers a request for a part with the
    whole if it knows no `ranges`.
    """

    def behave(handler):
        asked = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
        begin = int(asked[1]) if asked and ranges else 0
        if begin >= len(body):
            handler.send_response(416)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        handler.send_response(206 if asked and ranges else 200)
        if asked and ranges:
            handler.send_header("Content-Range", f"bytes {begin}-{len(body) - 1}/{len(body)}")
        handler.send_header("Content-Length", str(len(body) - begin))
        handler.end_headers()
        if handler.command == "HEAD":
            return
        sent = body[begin:] if most is None else body[begin : begin + most]
        handler.wfile.write(sent)
        handler.wfile.flush()
        handler.server.web.sent[handler.path] += len(sent)
        if len(sent) < len(body) - begin:
            # Without a linger, so that what was sent arrives before the connection breaks.
            handler.connection.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 0, 0)
            )
            handler.close_connection = True

    return behave


def as_hub(web: WebServer, repository: str, revision: str, files: dict[str, bytes]) -> None:
    """Let `web` have the data set `repository` at `revision`, in the ways of the hub.

    Files are listed folder by folder, and each address of a file leads to another, below /store.
    """
    folders: dict[str, list[dict]] = {}
    for path, body in files.items():
        digest = hashlib.sha256(body).hexdigest()
        folders.setdefault(path.rpartition("/")[0], []).append(
            {
                "type": "file",
                "path": path,
                "size": len(body),
                "oid": hashlib.sha1(body).hexdigest(),
                "lfs": {"oid": digest, "size": len(body), "pointerSize": 134},
            }
        )
        address = f"/datasets/{repository}/resolve/{revision}/{path}"
        web.answers[address] = reply(status=302, Location=f"{web.url}/store/{digest}?signed=1")
        web.answers[f"/store/{digest}"] = served(body)
    for folder, entries in folders.items():
        readme = {"type": "file", "path": "README.md", "size": 5, "oid": "0" * 40}
        within = f"/{quote(folder, safe='')}" if folder else ""
        web.answers[f"/api/datasets/{repository}/tree/{revision}{within}"] = Answer(
            json.dumps([readme, *entries]).encode(), headers={"Content-Type": "application/json"}
        )


def store(body: bytes) -> str:
    """Return the path below which the hub keeps `body`."""
    return f"/store/{hashlib.sha256(body).hexdigest()}"
