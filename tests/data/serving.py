"""A real web server on this machine, and what tests need to point a data set at it."""

from __future__ import annotations

import hashlib
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from course_utils.data.files import PublishedFiles

NOBODY_LISTENS = "http://127.0.0.1:9/"  # port 9 (discard): refused at once


class Server:
    """A folder served on 127.0.0.1.

    Attributes:
        asked: the paths that were requested.
        breaks_off: names of files of which only the first half is sent.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[str] = []
        self.breaks_off: set[str] = set()
        asked, breaks_off = self.asked, self.breaks_off

        class Handler(SimpleHTTPRequestHandler):
            def log_message(self, *args):
                asked.append(self.path)

            def copyfile(self, source, outputfile):
                content = source.read()
                half = self.path.lstrip("/") in breaks_off
                outputfile.write(content[: len(content) // 2] if half else content)

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
        self.address = f"http://127.0.0.1:{self.http.server_port}/"
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    def publish(self, folder: str, *names: str, md5: bool = False) -> PublishedFiles:
        """These files of the served folder, as a data set would name them."""
        hashes, size = {}, 0
        for name in names:
            content = (self.folder / name).read_bytes()
            sha256 = hashlib.sha256(content).hexdigest()
            hashes[name] = f"md5:{hashlib.md5(content).hexdigest()}" if md5 else sha256
            size += len(content)
        return PublishedFiles(folder, (self.address,), hashes, size)

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()
