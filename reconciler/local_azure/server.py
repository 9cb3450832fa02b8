"""An HTTPS proxy on the loopback interface: CONNECT to a host of Azure's ends TLS here, any other host is refused."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from urllib.parse import parse_qsl, unquote, urlsplit

from reconciler.local_azure.tls import Authority
from reconciler.local_azure.wire import Request, Response

App = Callable[[Request], Response]
ALLOWED_SUFFIXES = (
    "management.azure.com",
    "login.microsoftonline.com",
    ".blob.core.windows.net",
    ".dfs.core.windows.net",
    ".api.azureml.ms",
    ".inference.ml.azure.com",
)
IDLE_S = 120


def is_allowed(host: str) -> bool:
    return any(host == suffix or (suffix.startswith(".") and host.endswith(suffix)) for suffix in ALLOWED_SUFFIXES)


class Server(ThreadingMixIn, TCPServer):
    """One thread a connection. Close it with `shutdown` and `server_close`."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, app: App, authority: Authority, port: int = 0) -> None:
        self.app, self.authority = app, authority
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up, or that does not trust us, is not our mistake; http.server would print a traceback."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = IDLE_S
    server: Server
    _host = ""

    def setup(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().setup()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  http.server's own name
        """Quiet: exchanges are written to the recording, when one was asked for."""

    def do_CONNECT(self) -> None:
        host = self.path.partition(":")[0].lower()
        if not is_allowed(host):
            self._refuse_host(host)
            return
        self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        self.wfile.flush()
        try:
            self.connection = self.server.authority.context(host).wrap_socket(self.request, server_side=True)
        except (ssl.SSLError, ConnectionError):
            self.close_connection = True
            return
        self._host = host
        self.rfile = self.connection.makefile("rb", -1)
        self.wfile = self.connection.makefile("wb", 0)
        self.close_connection = False

    def _refuse_host(self, host: str) -> None:
        body = f"The embedded Azure serves Azure's hosts only, not {host}.\n".encode()
        self.send_response(403)
        self.send_header("content-length", str(len(body)))
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def _serve(self) -> None:
        if not self._host:
            self._refuse_host(urlsplit(self.path).hostname or self.path)
            return
        response = self.server.app(self._request())
        self._send(response)

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _serve  # noqa: N815  http.server's names

    def _request(self) -> Request:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        return Request(self.command, self._host, unquote(parts.path), query, headers, self._body(headers))

    def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            chunks = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(chunks)
        return self.rfile.read(int(headers.get("content-length") or 0))

    def _send(self, response: Response) -> None:
        """Head and body in one write: two packets would wait for each other."""
        body = response.body
        headers = {"content-length": str(len(body)), **response.headers}
        lines = [f"HTTP/1.1 {response.status} {self.responses.get(response.status, ('',))[0]}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        self.wfile.write(head if self.command == "HEAD" else head + body)
        self.wfile.flush()


def serve_in_thread(server: Server) -> threading.Thread:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="proxy", daemon=True)
    thread.start()
    return thread
