#!/usr/bin/env python3
"""A scripted HTTP/1.1 server that fails on demand, for the suites. Loopback only.

usage: faultd.py [--script FILE.json] [--fixtures DIR] [--tls CERT KEY] [--log FILE.jsonl]
                 [--port-file FILE] [--refused-file FILE] [--port N] [--stay]

It listens on a free port of 127.0.0.1, prints the port as a line and, when it can be connected
to, puts it into the port file (written whole, so wait until the file is there). It ends by
SIGTERM, and by itself when the process that started it is gone (not with --stay). --refused-file
gets a second port, which is held but refuses every connection.

The script is an object. A key is "[METHOD ]/PATH[#TEXT]": the step list of requests whose path
begins with PATH (longest first), that have that method, and whose body contains TEXT (such keys
before those without). "@accept" is for connections instead: its faults strike as soon as one is
accepted; only reset_before and hang make sense there, {} is a step that does nothing. Steps are
used one after another, the last one again and again. A path without steps gets a 404.

A step is an object; all keys are optional:
  status      200
  reason      the text after the status
  headers     {"Name": "value" or ["several", "values"]}
  body        a string, sent as it is; anything else is sent as JSON
  body_file   a file with the body, relative to the script
  body_base64 bytes
  echo        true: the body is {"method","path","headers","body"} of the request
  delay_ms    wait so long before anything is sent
  gzip        true: compress the body and say so
  chunked     true: chunked encoding instead of Content-Length
  close       true: Connection: close, and close
  no_length   true: neither length nor chunks, the body ends with the connection
  fault       one of
    refuse          reset, and refuse connections for "for_ms" (for ever if absent)
    reset_before    reset when the header has been read and before the body is (of a request
                    without a body: before the answer)
    reset_after     reset after the whole request was read
    hang            never answer
    drip            the header, then the body one byte every "drip_ms" (1000)
    cut             half of the body, then close
    reset_body      half of the body, then reset
    wrong_length    Content-Length is wrong by "by" (-5): all bytes are sent; the connection
                    stays open
    bad_gzip        says gzip, sends the plain body
    gzip_bomb       48 KB that unpack to 50 MB
    endless_headers header lines until the client gives up
    endless_body    a body without end
    garbage         bytes that are no HTTP
    redirect        status 302 (or "status") with Location: "location" (default "/elsewhere")

/FIX/API/NAME... answers with DIR/API/NAME.json (status and headers) and DIR/API/NAME.body;
whatever follows NAME in the path is ignored, so /FIX/openai/200-text is good as a base URL.

/__stats answers {"requests":N,"connections":N,"open":N,"peak":N,"paths":{path:N}} and is not
counted; peak is the largest number of requests in work at the same time.

The log has a line per request, written before its answer: {"n","connection","at_ms","method",
"path","headers":{lower-case name: value},"body"} with "body_base64" if it is no UTF-8; path is
with the query. at_ms counts from the start of the server.
"""

import argparse
import asyncio
import base64
import functools
import gzip
import json
import os
import signal
import socket
import ssl
import struct
import sys
import time

HEADER_MAX = 1 << 20
BODY_MAX = 64 << 20


@functools.lru_cache
def bomb():
    """48 KB of gzip that become 50 MB."""
    return gzip.compress(bytes(50_000_000), 9, mtime=0)


class Server:
    """What all connections share."""

    def __init__(self, args):
        self.fixtures = args.fixtures
        self.script, self.base = {}, "."
        if args.script:
            with open(args.script, encoding="utf-8") as f:
                self.script = json.load(f)
            self.base = os.path.dirname(os.path.abspath(args.script))
        # pylint: disable-next=consider-using-with
        self.log = open(args.log, "a", buffering=1, encoding="utf-8") if args.log else None
        self.begin = time.monotonic()
        self.used = {}
        self.paths = {}
        self.requests = self.connections = self.open = self.busy = self.peak = 0
        self.listener = None
        self.context = None
        self.port = args.port

    async def listen(self):
        """(Again) on the port; the first time on a free one."""
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", self.port))
        self.port = s.getsockname()[1]
        loop = asyncio.get_running_loop()
        self.listener = await loop.create_server(lambda: Connection(self), sock=s, backlog=4096,
                                                 ssl=self.context)

    def refuse(self, for_ms):
        """Close the listener, for a time or for ever."""
        self.listener.close()
        if for_ms is not None:
            loop = asyncio.get_running_loop()
            loop.call_later(for_ms / 1000, lambda: loop.create_task(self.listen()))

    def next_step(self, key):
        """The step of a list whose turn it is."""
        steps = self.script[key]
        if isinstance(steps, dict):
            steps = [steps]
        at = self.used.get(key, 0)
        self.used[key] = at + 1
        return steps[min(at, len(steps) - 1)]

    def find(self, method, path, body):
        """The step for a request, None if the script says nothing."""
        best = None
        for key in self.script:
            if key.startswith("@"):
                continue
            where, _, text = key.partition("#")
            verb, _, prefix = where.rpartition(" ")
            if verb and verb != method or not path.startswith(prefix):
                continue
            if text and text.encode() not in body:
                continue
            rank = (bool(text), len(prefix), bool(verb))
            if best is None or rank > best[0]:
                best = (rank, key)
        return self.next_step(best[1]) if best else None

    def fixture(self, path):
        """A recorded reply as a step."""
        parts = path.partition("?")[0].split("/")
        if self.fixtures is None or len(parts) < 4:
            return {"status": 404, "body": "no such fixture"}
        api, name = parts[2], parts[3]
        stem = os.path.join(self.fixtures, api, name)
        if api.startswith(".") or name.startswith(".") or not os.path.exists(stem + ".json"):
            return {"status": 404, "body": "no such fixture"}
        with open(stem + ".json", encoding="utf-8") as f:
            reply = json.load(f)["response"]
        skip = ("content-length", "transfer-encoding", "content-encoding", "connection")
        headers = {k: v for k, v in (reply.get("headers") or {}).items()
                   if k.lower() not in skip}
        step = {"status": reply["status"], "headers": headers}
        if os.path.exists(stem + ".body"):
            step["body_file"] = os.path.abspath(stem + ".body")
        return step

    def count(self, connection, request):
        """One more request: into the counters and the log."""
        self.requests += 1
        self.paths[request.path] = self.paths.get(request.path, 0) + 1
        if self.log is None:
            return
        line = {"n": self.requests, "connection": connection,
                "at_ms": int((time.monotonic() - self.begin) * 1000),
                "method": request.method, "path": request.path, "headers": request.headers}
        try:
            line["body"] = request.body.decode()
        except UnicodeDecodeError:
            line["body_base64"] = base64.b64encode(request.body).decode()
        self.log.write(json.dumps(line) + "\n")

    def stats(self):
        """The answer of /__stats."""
        return {"body": {"requests": self.requests, "connections": self.connections,
                         "open": self.open, "peak": self.peak, "paths": self.paths}}


class Request:
    """One request; the body is filled in later."""

    def __init__(self, head):
        lines = head.decode("latin-1").split("\r\n")
        self.method, self.path, _ = lines[0].split(" ", 2)
        self.headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.headers[name.lower()] = value.strip()
        self.length = int(self.headers.get("content-length", 0))
        self.body = b""


class Connection(asyncio.Protocol):
    """One connection: requests one after another, kept alive."""

    def __init__(self, server):
        self.server = server
        self.transport = None
        self.data = bytearray()
        self.request = None
        self.step = None
        self.busy = False
        self.deaf = False
        self.gone = False
        self.number = 0
        self.loop = asyncio.get_running_loop()

    def connection_made(self, transport):
        self.transport = transport
        self.server.connections += 1
        self.server.open += 1
        self.number = self.server.connections
        if "@accept" in self.server.script:
            fault = self.server.next_step("@accept").get("fault")
            self.deaf = fault == "hang"
            if fault == "reset_before":
                self.reset()

    def connection_lost(self, exc):
        self.gone = True
        self.server.open -= 1
        self.idle()

    def data_received(self, data):
        if not self.deaf:
            self.data += data
            self.advance()

    def advance(self):
        """Take the next request out of what has arrived, if it is whole."""
        if self.busy or self.gone or not self.data:
            return
        if self.request is None and not self.take_head():
            return
        if len(self.data) < self.request.length:
            return
        self.request.body = bytes(self.data[:self.request.length])
        del self.data[:self.request.length]
        self.take_request()

    def take_head(self):
        end = self.data.find(b"\r\n\r\n")
        if end < 0:
            if len(self.data) > HEADER_MAX:
                self.reset()
            return False
        try:
            self.request = Request(self.data[:end])
        except ValueError:
            self.send(self.head({"status": 400, "close": True}, 0))
            self.transport.close()
            return False
        del self.data[:end + 4]
        if self.request.headers.get("expect", "").lower() == "100-continue":
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        return self.request.length <= BODY_MAX and not self.reset_early()

    def reset_early(self):
        """reset_before of a request with a body, which is not read."""
        request = self.request
        keys = [k for k in self.server.script
                if not k.startswith("@") and "#" not in k
                and request.path.startswith(k.rpartition(" ")[2])
                and k.rpartition(" ")[0] in ("", request.method)]
        if not keys or not request.length:
            return False
        key = max(keys, key=lambda k: len(k.rpartition(" ")[2]))
        steps = self.server.script[key]
        steps = [steps] if isinstance(steps, dict) else steps
        step = steps[min(self.server.used.get(key, 0), len(steps) - 1)]
        if step.get("fault") != "reset_before":
            return False
        self.server.next_step(key)
        self.server.count(self.number, request)
        self.reset()
        return True

    def take_request(self):
        request, server = self.request, self.server
        self.busy = True
        if request.path == "/__stats":
            step = server.stats()
        else:
            server.busy += 1
            server.peak = max(server.peak, server.busy)
            server.count(self.number, request)
            if request.path.startswith("/FIX/"):
                step = server.fixture(request.path)
            else:
                step = server.find(request.method, request.path, request.body)
        self.step = step if step is not None else {"status": 404, "body": "no step"}
        delay = self.step.get("delay_ms", 0)
        if delay > 0:
            self.loop.call_later(delay / 1000, self.answer)
        else:
            self.answer()

    def idle(self):
        """The request in work is over."""
        if self.busy and self.request is not None and self.request.path != "/__stats":
            self.server.busy -= 1
        self.busy = False
        self.request = None

    def reset(self):
        """RST instead of FIN."""
        s = self.transport.get_extra_info("socket")
        if s is not None:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.deaf = True
        self.transport.abort()

    def send(self, data):
        if not self.gone:
            self.transport.write(data)

    def body(self):
        """The bytes of the step's body, compressed if it says so, and its media type."""
        step, request = self.step, self.request
        if step.get("echo"):
            data = json.dumps({"method": request.method, "path": request.path,
                               "headers": request.headers,
                               "body": request.body.decode("utf-8", "replace")}).encode()
        elif "body_file" in step:
            with open(os.path.join(self.server.base, step["body_file"]), "rb") as f:
                data = f.read()
        elif "body_base64" in step:
            data = base64.b64decode(step["body_base64"])
        elif isinstance(step.get("body", ""), str):
            data = step.get("body", "").encode()
        else:
            data = json.dumps(step["body"]).encode()
        return gzip.compress(data, mtime=0) if step.get("gzip") else data

    @staticmethod
    def head(step, length):
        """Status line and headers."""
        status = step.get("status", 200)
        lines = [f"HTTP/1.1 {status} {step.get('reason', 'Status')}"]
        given = set()
        for name, values in (step.get("headers") or {}).items():
            given.add(name.lower())
            for value in values if isinstance(values, list) else [values]:
                lines.append(f"{name}: {value}")
        if "content-type" not in given:
            lines.append("Content-Type: application/json")
        if step.get("gzip"):
            lines.append("Content-Encoding: gzip")
        if step.get("close") or step.get("no_length"):
            lines.append("Connection: close")
        if step.get("chunked"):
            lines.append("Transfer-Encoding: chunked")
        elif not step.get("no_length") and status not in (204, 304):
            lines.append(f"Content-Length: {length}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def answer(self):
        """The step's turn, after its delay."""
        if self.gone:
            return
        fault = self.step.get("fault")
        if fault is None:
            self.plain()
        else:
            getattr(self, "fault_" + fault)()

    def plain(self):
        step, data = self.step, self.body()
        sent = data
        if step.get("chunked"):
            half = (len(data) + 1) // 2
            sent = b"".join(b"%x\r\n%s\r\n" % (len(part), part)
                            for part in (data[:half], data[half:]) if part) + b"0\r\n\r\n"
        close = step.get("close") or step.get("no_length")
        head = self.head(step, len(data))
        self.send(head if self.request.method == "HEAD" else head + sent)
        self.idle()
        if close:
            self.transport.close()
        elif self.data:
            self.loop.call_soon(self.advance)

    def fault_refuse(self):
        self.server.refuse(self.step.get("for_ms"))
        self.reset()

    def fault_reset_before(self):
        self.reset()

    def fault_reset_after(self):
        self.reset()

    def fault_hang(self):
        pass

    def fault_drip(self):
        data = self.body()
        self.send(self.head(self.step, len(data)))
        self.drip(data, self.step.get("drip_ms", 1000) / 1000)

    def drip(self, data, pause):
        if self.gone:
            return
        if not data:
            self.idle()
            return
        self.send(data[:1])
        self.loop.call_later(pause, self.drip, data[1:], pause)

    def half(self):
        data = self.body()
        self.send(self.head(self.step, len(data)) + data[:len(data) // 2])

    def fault_cut(self):
        self.half()
        self.transport.close()

    def fault_reset_body(self):
        self.half()
        self.loop.call_later(0.1, self.reset)

    def fault_wrong_length(self):
        data = self.body()
        self.send(self.head(self.step, max(0, len(data) + self.step.get("by", -5))) + data)
        self.idle()

    def fault_bad_gzip(self):
        data = self.body()
        step = dict(self.step, gzip=True)
        self.send(self.head(step, len(data)) + data)
        self.idle()

    def fault_gzip_bomb(self):
        data = bomb()
        self.send(self.head(dict(self.step, gzip=True), len(data)) + data)
        self.idle()

    def fault_endless_headers(self):
        self.send(b"HTTP/1.1 200 OK\r\n")
        self.endless(b"X-Filler: " + b"a" * 1000 + b"\r\n")

    def fault_endless_body(self):
        self.send(self.head(dict(self.step, no_length=True), 0))
        self.endless(b"a" * 4096)

    def endless(self, piece):
        if self.gone:
            return
        self.send(piece)
        self.loop.call_later(0.0005, self.endless, piece)

    def fault_garbage(self):
        self.send(b"\x00\x01\x02 this is no HTTP\r\n\r\n")
        self.transport.close()

    def fault_redirect(self):
        step = dict(self.step)
        step.setdefault("status", 302)
        step["headers"] = dict(step.get("headers") or {},
                               Location=step.get("location", "/elsewhere"))
        self.step = step
        self.plain()


def write_whole(path, text):
    """So that who waits for the file never sees a part of it."""
    with open(path + ".new", "w", encoding="utf-8") as f:
        f.write(text)
    os.rename(path + ".new", path)


def refused_port(path):
    """A port that is bound and does not listen; the socket has to be kept."""
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.bind(("127.0.0.1", 0))
    write_whole(path, f"{s.getsockname()[1]}\n")
    return s


def arguments():
    """The command line."""
    p = argparse.ArgumentParser(description="a scripted HTTP server that fails on demand")
    p.add_argument("--script")
    p.add_argument("--fixtures")
    p.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"))
    p.add_argument("--log")
    p.add_argument("--port-file")
    p.add_argument("--refused-file")
    p.add_argument("--port", type=int, default=0)
    p.add_argument("--stay", action="store_true")
    return p.parse_args()


async def serve(args):
    """Until a signal, or until the parent is gone."""
    parent = os.getppid()
    server = Server(args)
    held = refused_port(args.refused_file) if args.refused_file else None
    if args.tls:
        server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.context.load_cert_chain(*args.tls)
    await server.listen()
    print(server.port, flush=True)
    if args.port_file:
        write_whole(args.port_file, f"{server.port}\n")
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(quiet)
    for sig in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sig, ended.set)
    while not ended.is_set() and (args.stay or os.getppid() == parent):
        try:
            await asyncio.wait_for(ended.wait(), 0.5)
        except asyncio.TimeoutError:
            pass
    if held is not None:
        held.close()


def quiet(loop, context):
    """A client that fails in the middle of a handshake is what is wanted here."""
    if not isinstance(context.get("exception"), OSError):
        loop.default_exception_handler(context)


if __name__ == "__main__":
    try:
        import resource
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (ValueError, OSError):
        pass
    asyncio.run(serve(arguments()))
    sys.exit(0)
