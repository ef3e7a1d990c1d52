"""An HTTP server on loopback that does what servers, proxies and networks do at their worst; it counts what it gave."""

import hashlib
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Resource:
    """One file, and how it is given. Lists are used up one request after the other, then all is well."""
    data: bytes = b""
    etag: str = ""  # without quotes; "" = by the content
    no_etag: bool = False
    ranges: bool = True
    honest_if_range: bool = True
    drop_after: list = field(default_factory=list)  # bytes after which the connection breaks, for each request
    stall_after: list = field(default_factory=list)  # bytes after which nothing comes any more
    status: list = field(default_factory=list)  # (status, headers, body) in the place of the file; None = the file
    redirect: str = ""
    chunked: bool = False
    range_shift: int = 0  # gives another range than it says
    lie_length: int = 0  # says so many bytes more than there are
    rate: int = 0  # bytes a second
    headers: dict = field(default_factory=dict)


@dataclass
class Seen:
    path: str
    headers: dict
    status: int = 0
    sent: int = 0


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        server = self.server.owner
        seen = Seen(self.path, dict(self.headers))
        with server.lock:
            server.seen.append(seen)
            resource = server.resources.get(self.path.split("?")[0])
            odd = resource.status.pop(0) if resource and resource.status else None
        try:
            if resource is None:
                self.answer(seen, 404, {}, b"<!DOCTYPE html><h1>Not found</h1>")
            elif odd:
                self.answer(seen, *odd)
            elif resource.redirect:
                self.answer(seen, 302, {"Location": resource.redirect}, b"")
            else:
                self.give(seen, resource, server)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def answer(self, seen, status, headers, body):
        seen.status = status
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def give(self, seen, resource, server):
        data = resource.data
        etag = f'"{resource.etag or hashlib.md5(data).hexdigest()}"'
        with server.lock:
            drop = resource.drop_after.pop(0) if resource.drop_after else None
            stall = resource.stall_after.pop(0) if resource.stall_after else None
        headers = dict(resource.headers)
        if not resource.no_etag:
            headers["ETag"] = etag
            if self.headers.get("If-None-Match") == etag:
                self.answer(seen, 304, headers, b"")
                return
        first = self.first_byte(resource, etag)
        status, body = 200, data
        if first:
            if first >= len(data):
                self.answer(seen, 416, {**headers, "Content-Range": f"bytes */{len(data)}"}, b"")
                return
            status, body = 206, data[first + resource.range_shift:] if resource.range_shift else data[first:]
            at = first + resource.range_shift
            headers["Content-Range"] = f"bytes {at}-{len(data) - 1}/{len(data)}"
        seen.status = status
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if resource.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(len(body) + resource.lie_length))
        self.end_headers()
        self.send_body(seen, resource, body, drop, stall)

    def first_byte(self, resource, etag):
        wanted = self.headers.get("Range", "")
        if not resource.ranges or not wanted.startswith("bytes="):
            return 0
        condition = self.headers.get("If-Range")
        if resource.honest_if_range and condition and condition != etag:
            return 0
        return int(wanted.removeprefix("bytes=").split("-")[0])

    def send_body(self, seen, resource, body, drop, stall):
        step = min(256 << 10, resource.rate // 10) if resource.rate else 256 << 10
        end = len(body) if drop is None else min(drop, len(body))
        for at in range(0, end, step):
            piece = body[at:min(at + step, end)]
            if stall is not None and at + len(piece) > stall:
                self.server.owner.released.wait(60)
                self.close_connection = True
                return
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if resource.chunked else piece)
            seen.sent += len(piece)
            if resource.rate:
                time.sleep(len(piece) / resource.rate)
        if drop is not None and drop < len(body) or resource.lie_length:
            self.close_connection = True
        elif resource.chunked:
            self.wfile.write(b"0\r\n\r\n")


class HostileServer:
    def __init__(self, tls=None, address="127.0.0.1"):
        self.resources = {}
        self.seen = []
        self.lock = threading.Lock()
        self.released = threading.Event()
        self.http = ThreadingHTTPServer((address, 0), Handler)
        self.http.daemon_threads = True
        self.http.owner = self
        self.scheme = "http"
        if tls:
            self.scheme = "https"
            self.http.socket = tls.wrap_socket(self.http.socket, server_side=True)
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.released.set()
        self.http.shutdown()
        self.http.server_close()

    @property
    def base(self):
        return f"{self.scheme}://{self.http.server_address[0]}:{self.http.server_port}"

    def serve(self, path, data=b"", **how):
        self.resources[path] = Resource(data=data, **how)
        return self.base + path

    def requests(self, path):
        return [seen for seen in self.seen if seen.path.split("?")[0] == path]

    def sent(self, path):
        return sum(seen.sent for seen in self.requests(path))
