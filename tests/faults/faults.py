#!/usr/bin/env python3
"""The fault matrices: kill, error, memory, power, races, clock.

Called by run.sh. A point is one run with one fault, one run without, and a comparison with the race
that nothing disturbed. Every point starts from a copy of a race that was prepared once.
"""
import argparse
import calendar
import concurrent.futures
import hashlib
import json
import mmap
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time

CALLS_MAX = 65536
HEAD = 32
STATE_SIZE = HEAD + 2 * CALLS_MAX
TIMEOUT_S = 60
OPENING_STRIDE = 10  # one in so many allocations of opening a race: another tool tries them all
# one in so many of those that lay the schema, and of a cycle, which costs all its stages
LONG_STRIDE = {"tr-init": 6, "tr-cycle": 3}
REMOTE_STRIDE = 3  # one in so many failing calls of a window with remote agents
# README and tr-tools(7) list these
STATUSES = {1, 3, 64, 65, 66, 69, 70, 71, 74, 75, 77, 78}
SPACE = 256 << 20
SECTOR = 512
SECTOR_HEADS = 32  # its short lines would cross a boundary of 512 in one window of five only
AGENT = """#!/bin/sh
cat >/dev/null
echo '{"orders":[{"asset":"%s","side":"%s","notional":"%d"}]}'
"""
# stands in the place of tr-fetch, beside the other tools
FETCH = """#!/bin/sh
[ ! -e inject.env ] || . ./inject.env
exec "${0%/*}/real/tr-fetch" "$@"
"""
W0, W5, W10, W15 = (f"2024-07-23T00:{m:02}Z" for m in (0, 5, 10, 15))

# error number and the kinds of calls (see inject.c) that may give it
ERRORS = {
    "EIO": (5, "gwptscur"),
    "ENOSPC": (28, "wptsc"),
    "EMFILE": (24, "ocix"),
    "ENOMEM": (12, "ocixl"),
    "EAGAIN": (11, "x"),
    "EINTR": (4, "wWptsocl"),
    "short": ("short", "wWp"),
}
ONCE_ONLY = {"EINTR"}  # nothing is interrupted for ever

print_lock = threading.Lock()


class Failure(Exception):
    """A property does not hold."""


class Run:
    """What a command left behind."""

    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err


class Upstream:
    """A service with a model that answers each of five agents a little later than the one before.

    All places ask it, and are told apart by their keys."""

    AGENTS = "abcde"
    STEP_MS = 10

    def __init__(self, top):
        here = os.path.dirname(os.path.abspath(__file__))
        script, port = os.path.join(top, "upstream.json"), os.path.join(top, "upstream.port")
        self.log = os.path.join(top, "upstream.log")
        steps = {f"/v1#You are the agent {a}.": self.step(i * self.STEP_MS)
                 for i, a in enumerate(self.AGENTS, 1)}
        with open(script, "w", encoding="ascii") as f:
            json.dump(steps, f)
        self.server = subprocess.Popen([os.path.join(here, "..", "faultd.py"), "--script", script,
                                        "--log", self.log, "--port-file", port],
                                       stdout=subprocess.DEVNULL)
        until = time.monotonic() + TIMEOUT_S
        while not os.path.exists(port):
            if time.monotonic() > until or self.server.poll() is not None:
                raise Failure("the server does not start")
            time.sleep(0.02)
        with open(port, encoding="ascii") as f:
            self.base = f"http://127.0.0.1:{int(f.read())}/v1"

    @staticmethod
    def step(delay_ms):
        answer = {"reasoning": "up", "confidence": 0.7,
                  "orders": [{"asset": "BTC", "side": "buy", "quantity": None,
                              "notional": str(100 * delay_ms), "limit_price": None}]}
        message = {"role": "assistant", "content": json.dumps(answer), "refusal": None}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        usage = {"prompt_tokens": 1000, "completion_tokens": 50, "total_tokens": 1050}
        return {"delay_ms": delay_ms,
                "body": {"id": "x", "object": "chat.completion", "model": "m-2026",
                         "choices": [choice], "usage": usage}}

    def end(self):
        self.server.terminate()
        self.server.wait()

    def written(self):
        return os.path.getsize(self.log)

    def asked(self, place, since):
        """How often each agent of PLACE was asked, in what the log has from SINCE on."""
        with open(self.log, "rb") as f:
            f.seek(since)
            lines = f.read().splitlines(keepends=True)
        asked = dict.fromkeys(self.AGENTS, 0)
        for line in lines:
            if not line.endswith(b"\n") or place.key.encode() not in line:
                continue
            request = json.loads(line)
            if request["headers"]["authorization"] == "Bearer " + place.key:
                asked[re.search(r"You are the agent (.)\.", request["body"])[1]] += 1
        return asked


class Place:
    """A directory of one worker with a race that is reset for every point."""

    def __init__(self, bench, name):
        self.bench = bench
        self.dir = os.path.join(bench.top, name)
        os.mkdir(self.dir, 0o700)
        self.state_path = self.dir + ".state"
        self.reset_state()
        self.key = name + "-key"
        self.credentials = self.dir + ".keys"
        os.mkdir(self.credentials, 0o700)
        with open(os.path.join(self.credentials, "box"), "w", encoding="ascii",
                  opener=private) as f:
            f.write(self.key)

    def reset_state(self):
        with open(self.state_path, "wb") as f:
            f.truncate(STATE_SIZE)

    def reset(self, base):
        """Make the race the one that was prepared in BASE."""
        for name in os.listdir(self.dir):
            path = os.path.join(self.dir, name)
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
        for name in os.listdir(base):
            if not name.endswith("-shm"):
                shutil.copy(os.path.join(base, name), self.dir)

    def run(self, argv, stdin=b"", inject=None, env=None):
        """Run a tool here; INJECT has the settings of the library, without their prefix."""
        e = dict(self.bench.env, CREDENTIALS_DIRECTORY=self.credentials)
        e.update(env or {})
        if inject is not None:
            self.reset_state()
            e["LD_PRELOAD"] = self.bench.library
            e["INJECT_STATE"] = self.state_path
            e.update({"INJECT_" + k: str(v) for k, v in inject.items()})
        self.tell_fetch(e)
        out, err = self.dir + ".out", self.dir + ".err"
        with open(out, "wb") as o, open(err, "wb") as r:
            p = subprocess.Popen([os.path.join(self.bench.build, argv[0])] + argv[1:],
                                 cwd=self.dir, env=e, stdin=subprocess.PIPE, stdout=o, stderr=r,
                                 close_fds=False)
            try:
                try:
                    p.stdin.write(stdin)
                    p.stdin.close()
                except BrokenPipeError:
                    pass
                status = p.wait(TIMEOUT_S)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
                raise Failure(f"{' '.join(argv)}: hangs") from None
        with open(out, "rb") as o, open(err, "rb") as r:
            return Run(status, o.read(), r.read().decode(errors="replace").strip())

    def tell_fetch(self, env):
        """The settings for FETCH, which gets next to nothing of the environment."""
        with open(os.path.join(self.dir, "inject.env"), "w", encoding="ascii") as f:
            for name in env:
                if name.startswith(("INJECT_", "LD_")):
                    f.write(f"export {name}='{env[name]}'\n")

    def must(self, argv, statuses=(0,), **kw):
        """A run that succeeds, or the point fails."""
        r = self.run(argv, **kw)
        if r.status not in statuses:
            raise Failure(f"{' '.join(argv)}: status {r.status}: {r.err}")
        return r

    def dump(self):
        return self.must(["tr-db", "dump", "--logical", "-d", "race.db"]).out

    def state(self):
        with open(self.state_path, "rb") as f:
            return State(f.read())

    def untouched(self, base):
        """Whether the race is, byte for byte, the one that was prepared in BASE."""
        log = os.path.join(self.dir, "race.db-wal")
        return (content(os.path.join(self.dir, "race.db")) == content(os.path.join(base, "race.db"))
                and (not os.path.exists(log) or os.path.getsize(log) == 0))

    def has_race(self):
        return os.path.exists(os.path.join(self.dir, "race.db"))


class State:
    """What the library counted."""

    def __init__(self, data):
        self.calls, self.allocations, self.fired, self.crash = struct.unpack_from("<4I", data)
        self.kinds = data[HEAD:HEAD + CALLS_MAX].decode()
        self.makers = data[HEAD + CALLS_MAX:].decode()


class Bench:
    """Everything the matrices share."""

    def __init__(self, build, library, top, sample, seed):
        self.build, self.library, self.top = build, library, top
        self.sample, self.seed = sample, seed
        self.env = {k: v for k, v in os.environ.items()
                    if not k.startswith(("TR_", "INJECT_", "LD_"))}
        self.env.update(TZ="UTC", LC_ALL="C", PATH=build + ":" + os.environ["PATH"])
        self.upstream = None
        self.n_places = 0
        self.idle = []
        self.pool = concurrent.futures.ThreadPoolExecutor(max(2, os.cpu_count() or 2))
        self.passed = self.failed = 0

    def place(self, name=None):
        self.n_places += 1
        return Place(self, name or f"p{self.n_places}")

    def choose(self, points, matrix):
        """All points, or a seeded sample of them in their order."""
        points = list(points)
        if self.sample is None or len(points) <= self.sample:
            return points
        chosen = random.Random(f"{self.seed} {matrix}").sample(range(len(points)), self.sample)
        return [points[i] for i in sorted(chosen)]

    def one(self, check, point):
        with print_lock:
            place = self.idle.pop() if self.idle else None
            if place is None:
                place = self.place()
        try:
            check(place, point)
            return None
        except Failure as e:
            return f"{point}: {e}"
        finally:
            with print_lock:
                self.idle.append(place)

    def matrix(self, name, points, check):
        """Check every point; one line with the counts."""
        points = list(points)
        chosen = self.choose(points, name)
        start = time.monotonic()
        bad = [b for b in self.pool.map(lambda p: self.one(check, p), chosen) if b is not None]
        self.report(name, len(chosen), len(points), bad, time.monotonic() - start)

    def report(self, name, n, total, bad, took_s):
        self.passed += n - len(bad)
        self.failed += len(bad)
        of = f" of {total}" if n != total else ""
        print(f"{name}: {n}{of} points, {len(bad)} failed, {took_s:.1f} s", flush=True)
        for text in bad[:20]:
            print(f"  {text}", flush=True)
        if len(bad) > 20:
            print(f"  ... and {len(bad) - 20} more", flush=True)


def content(path):
    """The bytes of a file, None if there is none."""
    if not os.path.exists(path):
        return None
    with open(path, "rb") as f:
        return f.read()


def private(path, flags):
    return os.open(path, flags, 0o600)


def sha(data):
    return hashlib.sha256(data).hexdigest()


def cycle(window, now=None):
    return ["tr-cycle", "-q", "-d", "race.db", "-t", now or window.replace("Z", ":30Z"),
            "-w", window]


def tool(name, *args):
    """A tool at a fixed time, so that two runs write the same."""
    return [name, *args, "-d", "race.db", "-t", W15.replace("Z", ":30Z")]


def agents(place):
    for name, order in (("alpha", ("BTC", "buy", 500)), ("beta", ("ETH", "buy", 700))):
        path = os.path.join(place.dir, name)
        with open(path, "w", encoding="ascii") as f:
            f.write(AGENT % order)
        os.chmod(path, 0o700)
        place.must(["tr-agent", "-q", "-d", "race.db", "add", name, "--kind", "exec", "--",
                    "./" + name])


def from_file(place, symbol):
    """Take the prices of SYMBOL from a file instead of the simulation."""
    start = calendar.timegm(time.strptime(W0, "%Y-%m-%dT%H:%MZ")) - 300
    with open(os.path.join(place.dir, "candles.csv"), "w", encoding="ascii") as f:
        f.write("asset,quote,open_time_utc,interval_s,open,high,low,close,volume\n")
        for i in range(12):
            at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(start + 300 * i))
            price = 100 + i % 5
            f.write(f"{symbol},USD,{at},300,{price},{price},{price},{price},1\n")
    place.must(["tr-asset", "-q", "-d", "race.db", "set", symbol, "--feed", "csv:candles.csv"])


def closed(place):
    """No log and no index beside the file, so that a copy of it is the race."""
    place.must(["tr-db", "-q", "checkpoint", "-d", "race.db"])


def prepare_decision(bench):
    """6 assets, 8 rule agents and 2 programs, one decision window behind them."""
    p = bench.place("decision")
    p.must(["tr-init", "-q", "--demo", "--quote", "USD", "race.db"])
    agents(p)
    p.must(cycle(W0))
    from_file(p, "XRP")  # now, so that the next window reads it
    closed(p)
    return p


def prepare_waiting(bench, base):
    """The same with decisions of all agents, and of a person, that fill in the next window."""
    p = bench.place("waiting")
    p.reset(base.dir)
    p.must(["tr-config", "-q", "-d", "race.db", "set", "trade.fill", "next"])
    p.must(["tr-agent", "-q", "-d", "race.db", "add", "hand", "--kind", "manual"])
    p.must(cycle(W5))
    p.must(["tr-trade", "-q", "-d", "race.db", "-t", W5.replace("Z", ":40Z"), "--agent", "hand"],
           stdin=b'{"orders":[{"asset":"XRP","side":"buy","notional":"900"}]}')
    closed(p)
    return p


def prepare_remote(bench):
    """Five agents whose model is asked over the network, and paid."""
    p = bench.place("remote")
    p.must(["tr-init", "-q", "--bare", "--quote", "USD", "race.db"])
    p.must(tool("tr-asset", "-q", "add", "BTC", "--feed", "sim"))
    for key, value in (("context.candles", 5), ("guard.retry_base_ms", 1),
                       ("guard.retry_cap_ms", 5), ("budget.race_usd_day", 1000),
                       ("budget.agent_usd_day", 1000)):
        p.must(tool("tr-config", "-q", "set", key, str(value)))
    p.must(tool("tr-provider", "-q", "add", "box", "--kind", "openai", "--base",
                bench.upstream.base))
    p.must(tool("tr-provider", "-q", "key", "box", "--file", "credential:box"))
    p.must(tool("tr-provider", "-q", "price", "box/m", "--input", "10", "--output", "10"))
    for name in Upstream.AGENTS:
        p.must(tool("tr-agent", "-q", "add", name, "--kind", "llm", "--model", "box/m"))
    closed(p)
    return p


class Scenario:
    """A window to run, from a prepared race, and what it leads to undisturbed."""

    def __init__(self, bench, name, base, argv):
        self.name, self.base, self.argv = name, base.dir, argv
        p = bench.place("ref-" + name)
        p.reset(self.base)
        p.must(argv, inject={})
        self.state = p.state()
        dump = p.dump()
        self.want = sha(dump)
        self.want_text = dump
        self.heads = content(os.path.join(p.dir, "race.db.heads"))
        if self.state.calls >= CALLS_MAX:
            raise Failure(f"{name}: more calls than the library can note")

    def calls(self):
        for n in range(1, self.state.calls + 1):
            yield n, self.state.kinds[n], self.state.makers[n] == "r"

    def compare(self, place, what):
        got = place.dump()
        if sha(got) == self.want:
            return
        a, b = self.want_text.decode().splitlines(), got.decode().splitlines()
        gone, new = set(a) - set(b), set(b) - set(a)
        first = min(gone | new, default="the order of rows")[:300]
        raise Failure(f"{what}: the race differs, {len(gone)} rows gone, {len(new)} new: {first}")

    def again(self, place):
        """One undisturbed run leads to where the undisturbed race is."""
        r = place.run(self.argv)
        for _ in range(200):  # a stage whose parent was killed may be at work for a moment
            if r.status != 75:
                break
            time.sleep(0.05)
            r = place.run(self.argv)
        if r.status != 0:
            raise Failure(f"the run after it: status {r.status}: {r.err}")
        self.compare(place, "after the run after it")
        self.compare_heads(place)

    def compare_heads(self, place):
        """The head file has each line once, beside what torn writes have left of them."""
        lines = content(os.path.join(place.dir, "race.db.heads")).splitlines(keepends=True)
        want = self.heads.splitlines(keepends=True)
        whole = [line for line in lines if line in want]
        for line in lines:
            if line not in want and not any(w.startswith(line[:-1]) for w in want):
                raise Failure(f"the head file has a line {line!r}")
        if whole != want:
            raise Failure(f"the head file has {len(whole)} lines of {len(want)}")


class Remote(Scenario):
    """A decision window of agents that are asked over the network."""

    def check_kill(self, place, point):
        """A death at any call costs no answer that is stored, and no request is made twice unless
        it is counted as one that may have been billed twice."""
        n, _, what = point
        upstream = place.bench.upstream
        place.reset(self.base)
        since = upstream.written()
        r = place.run(self.argv, inject={"AT": n, "WHAT": what})
        state = place.state()
        if state.crash:
            raise Failure(f"a process ended by signal {state.crash}")
        if state.fired == 0 and r.status != 0:
            raise Failure(f"nothing was killed, status {r.status}: {r.err}")
        # another one is started in the place of a tr-fetch that dies
        if state.fired and r.status == 0 and (what != "kill" or state.makers[n] != "f"):
            raise Failure("status 0 although a process was killed")
        stored = self.stored(place)
        before = upstream.asked(place, since)
        if r.status == 0:
            self.compare(place, "after the death of tr-fetch")
        else:
            self.again(place)
        self.check_requests(place, since, stored, before)

    def check_error(self, place, point):
        """A call that fails costs no answer that is stored, and nobody's turn."""
        n, _, name, often = point
        upstream = place.bench.upstream
        value, kinds = ERRORS[name]
        place.reset(self.base)
        since = upstream.written()
        r = place.run(self.argv, inject={"AT": n, "WHAT": value, "KINDS": kinds,
                                         "PERSIST": int(often == "ever")})
        # what we lack ourselves is never charged to an agent
        if r.status == 3:
            raise Failure(f"an agent lost its turn: {r.err}")
        judge(r, place.state(), lambda: self.compare(place, "done without effect"))
        stored = self.stored(place)
        before = upstream.asked(place, since)
        place.must(self.argv)
        place.must(["tr-audit", "-q", "-d", "race.db"])
        self.compare(place, "after the run after it")
        self.check_requests(place, since, stored, before)

    @staticmethod
    def stored(place):
        rows = [json.loads(line) for line in place.dump().splitlines()]
        return {row["agent_id"] for row in rows if row["table"] == "decisions"}

    def check_requests(self, place, since, stored, before):
        """Nobody in STORED was asked since BEFORE; what was asked twice is counted."""
        asked = place.bench.upstream.asked(place, since)
        for agent in stored:
            if asked[agent] != before[agent]:
                raise Failure(f"the answer of {agent} was stored, and it was asked again")
        status = place.must(["tr-status", "-j", "-d", "race.db", "--since", W0, "--until", W5])
        counted = json.loads(status.out.splitlines()[0]).get("calls_doubtful", 0)
        if sum(n - 1 for n in asked.values() if n > 1) > counted:
            raise Failure(f"asked {asked}, tr-status counts {counted} in doubt")


# ---------------------------------------------------------------------- kill


def kill_points(s):
    for n, kind, in_root in s.calls():
        if kind == "g":
            continue  # nothing has happened since the call before
        yield n, kind, "kill"
        if not in_root:
            yield n, kind, "kill-tree"
            yield n, kind, "kill-root"


def check_kill(s):
    def check(place, point):
        n, _, what = point
        place.reset(s.base)
        r = place.run(s.argv, inject={"AT": n, "WHAT": what})
        state = place.state()
        if state.fired == 0:
            # two programs may answer in another order, which moves the last calls
            if r.status == 0 and n > state.calls:
                s.compare(place, "undisturbed")
                return
            raise Failure(f"nothing was killed, status {r.status}: {r.err}")
        if state.crash:
            raise Failure(f"a process ended by signal {state.crash}")
        if r.status == 0:
            raise Failure("status 0 although a process was killed")
        s.again(place)

    return check


def check_kill_twice(s):
    def check(place, point):
        place.reset(s.base)
        for n in point:
            place.run(s.argv, inject={"AT": n, "WHAT": "kill-tree"})
        s.again(place)

    return check


def matrix_kill(bench, scenarios, remote):
    for s in scenarios:
        bench.matrix(f"kill: {s.name} ({s.state.calls} calls)", kill_points(s), check_kill(s))
    bench.matrix(f"kill: {remote.name} ({remote.state.calls} calls)", kill_points(remote),
                 remote.check_kill)
    r = random.Random(bench.seed)
    s = scenarios[0]
    pairs = [(r.randint(1, s.state.calls), r.randint(1, s.state.calls)) for _ in range(300)]
    bench.matrix(f"kill twice: {s.name}", pairs, check_kill_twice(s))


# ---------------------------------------------------------------------- error


def error_points(s):
    for n, kind, _ in s.calls():
        for name, (_, kinds) in ERRORS.items():
            if kind not in kinds:
                continue
            yield n, kind, name, "once"
            if name not in ONCE_ONLY:
                yield n, kind, name, "ever"


def judge(r, state, finished):
    """A failed run says so with a documented status; one that says nothing has done its work."""
    if state.crash or r.status < 0 or r.status >= 128:
        raise Failure(f"ended by signal {state.crash or r.status}: {r.err}")
    if r.status == 0:
        finished()
    elif r.status not in STATUSES:
        raise Failure(f"status {r.status} is not documented: {r.err}")
    elif not r.err:
        raise Failure(f"status {r.status} without a word")


def check_error(s):
    def check(place, point):
        n, _, name, often = point
        value, kinds = ERRORS[name]
        place.reset(s.base)
        r = place.run(s.argv, inject={"AT": n, "WHAT": value, "KINDS": kinds,
                                      "PERSIST": int(often == "ever")})
        judge(r, place.state(), lambda: s.compare(place, "done without effect"))
        s.again(place)

    return check


def matrix_error(bench, scenarios, remote):
    for s in scenarios:
        bench.matrix(f"error: {s.name} ({s.state.calls} calls)", error_points(s), check_error(s))
    every = 1 if bench.sample is not None else REMOTE_STRIDE
    points = list(error_points(remote))[bench.seed % every::every]
    bench.matrix(f"error: {remote.name} ({remote.state.calls} calls, one in {every})", points,
                 remote.check_error)


# ---------------------------------------------------------------------- memory


class Case:
    """A tool, from a prepared race, whose allocations fail one by one."""

    def __init__(self, bench, base, argv, stdin=b""):
        self.base, self.argv, self.stdin, self.bench = base, argv, stdin, bench
        self.name = " ".join(a for a in argv[:3] if a not in ("-d", "race.db", "-t"))
        p = bench.place("case-" + str(bench.n_places))
        p.reset(base)
        self.inject = {"ONLY": argv[0]}
        r = p.must(argv, inject=self.inject, stdin=stdin)
        self.out, self.n = r.out, p.state().allocations
        self.want = sha(p.dump())
        self.reads = p.untouched(base)

    def finished(self, place, r):
        if r.out != self.out:
            raise Failure("status 0 with another output")
        if self.reads and place.untouched(self.base):
            return
        if sha(place.dump()) != self.want:
            raise Failure("done without effect")

    def points(self, opening):
        """Every allocation but for most of the first OPENING; half of the failures last."""
        stride = 1 if self.bench.sample is not None else LONG_STRIDE.get(self.argv[0], 1)
        first = self.bench.seed % OPENING_STRIDE + 1
        chosen = [*range(first, opening + 1, OPENING_STRIDE),
                  *range(opening + 1 + self.bench.seed % stride, self.n + 1, stride)]
        return [(n, "ever" if i % 2 else "once") for i, n in enumerate(chosen)]

    def check(self, place, point):
        n, often = point
        place.reset(self.base)
        r = place.run(self.argv, stdin=self.stdin,
                      inject={**self.inject, "MALLOC": n, "PERSIST": int(often == "ever")})
        judge(r, place.state(), lambda: self.finished(place, r))
        if r.status not in (0, 3, 70, 71, 74, 75):
            raise Failure(f"status {r.status} blames somebody else: {r.err}")
        if place.untouched(self.base):
            return  # and so it is sound, and a run of it ends where the first one did
        if place.has_race():
            place.must(["tr-db", "check", "-q", "-d", "race.db"], statuses=(0, 78))
        self.complete(place)

    def complete(self, place):
        # what was committed before the failure is not done twice
        r = place.run(self.argv, stdin=self.stdin)
        if sha(place.dump()) != self.want:
            raise Failure(f"the run after it: status {r.status}, another race: {r.err}")


def stage_cases(bench, base):
    """Every stage of a decision window, each from where the one before it ended."""
    stages = [tool("tr-ingest", "-q", "-w", W15), tool("tr-trade", "-q", "--settle", "-w", W15),
              tool("tr-snapshot", "-q", "--phase=pre", "-w", W15),
              tool("tr-decide", "-q", "-w", W15), tool("tr-trade", "-q", "-w", W15),
              tool("tr-snapshot", "-q", "--phase=post", "-w", W15)]
    p = bench.place("stages")
    p.reset(base)
    for i, argv in enumerate(stages):
        at = bench.place(f"stage{i}")
        at.reset(p.dir)
        yield Case(bench, at.dir, argv)
        p.must(argv)
        closed(p)


def memory_cases(bench, base, waiting):
    yield from stage_cases(bench, waiting.dir)
    yield Case(bench, base.dir, cycle(W15))
    for argv in (["tr-board"], ["tr-audit"], ["tr-db", "dump", "--logical"], ["tr-db", "check"],
                 ["tr-portfolio", "alpha"], ["tr-portfolio", "-j", "trend"],
                 ["tr-context", "alpha"],
                 ["tr-config", "set", "risk.max_orders", "4"],
                 ["tr-config", "list"], ["tr-agent", "list"], ["tr-halt", "--reason", "test"],
                 ["tr-agent", "add", "new", "--kind", "rule", "--strategy", "rsi"],
                 ["tr-asset", "add", "NEW", "--feed", "sim:5"]):
        yield Case(bench, base.dir, tool(*argv))


def matrix_memory(bench, base, waiting):
    def run_case(c, opening):
        bench.matrix(f"memory: {c.name} ({c.n} allocations)", c.points(opening), c.check)

    empty = bench.place("empty")
    run_case(Case(bench, empty.dir, ["tr-init", "--demo", "--quote", "USD", "race.db"]), 0)
    # does next to nothing but open the race, as every tool does
    opens = Case(bench, base.dir, tool("tr-db", "checkpoint"))
    run_case(opens, 0)
    for c in memory_cases(bench, base, waiting):
        run_case(c, opens.n)


# ---------------------------------------------------------------------- power


class Disk:
    """A file system that forgets: what was done since the last fsync of a file may be lost."""

    # what grows only; other tables change in place
    GROWING = {"settings_log", "agent_versions", "halts", "pins", "cycles", "batches", "prices",
               "decisions", "executions", "orders", "trades", "snapshots", "seals"}

    def __init__(self, base):
        self.files = {}
        for name in os.listdir(base):
            if name.startswith("race.db") and not name.endswith("-shm"):
                with open(os.path.join(base, name), "rb") as f:
                    self.files[name] = f.read()
        self.ops = []
        self.reported = [(0, frozenset(), "the start")]

    @staticmethod
    def rows(dump):
        return frozenset(line for line in dump.decode().splitlines()
                         if json.loads(line)["table"] in Disk.GROWING)

    def read_log(self, path):
        ops, at = [], 0
        with open(path, "rb") as f:
            data = f.read()
        while at < len(data):
            end = data.index(b"\n", at)
            op, offset, n, name = data[at:end].decode().split(" ", 3)
            ops.append((op, name, int(offset), data[end + 1:end + 1 + int(n)]))
            at = end + 1 + int(n)
        self.ops = ops
        return len(ops)

    def committed(self, at):
        return [r for r in self.reported if r[0] <= at][-1]

    def image(self, at, how, rng):
        """The files after a power loss behind the first AT operations."""
        last = {}  # of a file: where its last fsync is
        for i, (op, name, _, _) in enumerate(self.ops[:at]):
            if op == "s":
                last[name] = i
        files = {name: bytearray(data) for name, data in self.files.items()}
        for i, (op, name, offset, data) in enumerate(self.ops[:at]):
            if name == "." or not name.startswith("race.db") or name.endswith("-shm"):
                continue
            if op == "u":
                files.pop(name, None)
                continue
            if op == "c":
                # a new name lasts when its directory was synced
                if i < last.get(".", -1) or how == "kept" or (how == "torn" and rng.random() < .5):
                    files[name] = bytearray()
                continue
            if op == "r":
                old = data.decode()
                if old in files and (i < last.get(".", -1) or how == "kept"
                                     or (how == "torn" and rng.random() < .5)):
                    files[name] = files.pop(old)
                continue
            if name not in files:
                continue
            f = files[name]
            safe = i < last.get(name, -1)
            if op == "t" and (safe or how == "kept" or (how == "torn" and rng.random() < 0.5)):
                del f[offset:]
                f.extend(bytes(offset - len(f)))
            elif op == "w":
                self.write(f, offset, data, "kept" if safe else how, rng,
                           SECTOR_HEADS if name.endswith(".heads") else SECTOR)
        return files

    @staticmethod
    def write(f, offset, data, how, rng, sector):
        if how == "dropped":
            return
        at = offset
        while at < offset + len(data):
            end = min((at // sector + 1) * sector, offset + len(data))
            if how == "kept" or rng.random() < 0.5:
                if len(f) < end:
                    f.extend(bytes(end - len(f)))
                f[at:end] = data[at - offset:end - offset]
            at = end


def record_power(bench, base, steps, empty=False):
    """Run STEPS with every change of a file logged, and what each of them reported done."""
    p = bench.place("power-" + str(bench.n_places))
    if not empty:
        p.reset(base.dir)
    disk = Disk(p.dir)
    log = p.dir + ".log"
    if not empty:
        disk.reported[0] = (0, Disk.rows(p.dump()), "the start")
    for argv, stdin in steps:
        r = p.run(argv, stdin=stdin, inject={"LOG": log, "DIR": p.dir})
        if r.status != 0:
            raise Failure(f"{' '.join(argv)}: status {r.status}: {r.err}")
        disk.reported.append((disk.read_log(log), Disk.rows(p.dump()), " ".join(argv)))
    return disk


def check_power(disk):
    def check(place, point):
        at, how, seed = point
        position, rows, step = disk.committed(at)
        place.reset(place.bench.nothing)
        files = disk.image(at, how, random.Random(f"{place.bench.seed} {at} {seed}"))
        for name, data in files.items():
            with open(os.path.join(place.dir, name), "wb", opener=private) as f:
                f.write(data)
        if position == 0 and not rows:
            # no tool has reported anything yet: whatever is there, a race can be made of it
            place.must(["tr-init", "-q", "--demo", "--quote", "USD", "race.db"])
        r = place.run(["tr-db", "check", "-q", "-d", "race.db"])
        if r.status != 0:
            raise Failure(f"after {step}: check says {r.status}: {r.out.decode()} {r.err}")
        lost = rows - Disk.rows(place.dump())
        if lost:
            raise Failure(f"after {step}: {len(lost)} rows lost: {min(lost)[:200]}")
        if not files.get("race.db.heads", b"\n").endswith(b"\n"):
            # the torn line is ended and repeated
            place.must(cycle("latest", "2024-07-23T00:29Z"))
            audit = json.loads(place.must(["tr-audit", "-j", "-d", "race.db"]).out)
            if audit["heads"] != audit["seals"]:
                raise Failure(f"{audit['heads']} heads of {audit['seals']} seals")

    return check


def power_points(disk, torn):
    """Before and after every change; what was not synced dropped, kept or torn."""
    last = None
    for at in range(len(disk.ops) + 1):
        name = disk.ops[at - 1][1] if at else ""
        if at and not name.startswith("race.db"):
            continue  # changes nothing in an image
        if name.endswith((".cycle", ".lock")) and last is not None:
            continue
        last = at
        yield at, "dropped", 0
        yield at, "kept", 0
        for seed in range(torn):
            yield at, "torn", seed


def matrix_power(bench, base, waiting):
    bench.nothing = bench.place("nothing").dir
    stages = [(a, b"") for a in (
        tool("tr-ingest", "-q", "-w", W15), tool("tr-trade", "-q", "--settle", "-w", W15),
        tool("tr-snapshot", "-q", "--phase=pre", "-w", W15), tool("tr-decide", "-q", "-w", W15),
        tool("tr-trade", "-q", "-w", W15), tool("tr-snapshot", "-q", "--phase=post", "-w", W15),
        cycle(W15), tool("tr-config", "-q", "set", "risk.max_orders", "4"),
        tool("tr-halt", "-q", "--reason", "test"), tool("tr-db", "-q", "checkpoint"))]
    hand = (["tr-trade", "-q", "-d", "race.db", "-t", W15.replace("Z", ":50Z"), "--agent", "hand"],
            b'{"orders":[{"asset":"ADA","side":"buy","notional":"800"}]}')
    after = [(cycle("2024-07-23T00:20Z"), b""), (tool("tr-db", "-q", "checkpoint"), b""),
             (cycle("2024-07-23T00:25Z"), b"")]
    disk = record_power(bench, waiting, stages[:7] + [hand] + stages[7:] + after)
    bench.matrix(f"power: three windows by hand and by tr-cycle ({len(disk.ops)} changes)",
                 power_points(disk, 4), check_power(disk))
    init = ["tr-init", "-q", "--demo", "--quote", "USD", "race.db"]
    disk = record_power(bench, None, [(init, b""), (cycle(W0), b"")], empty=True)
    bench.matrix(f"power: tr-init and a first window ({len(disk.ops)} changes)",
                 power_points(disk, 4), check_power(disk))


# ---------------------------------------------------------------------- races


def spawn(place, argv, **kw):
    return subprocess.Popen([os.path.join(place.bench.build, argv[0])] + argv[1:], cwd=place.dir,
                            env=place.bench.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, **kw)


def race_window(s):
    def check(place, _):
        place.reset(s.base)
        processes = [spawn(place, s.argv) for _ in range(20)]
        statuses = []
        for p in processes:
            _, err = p.communicate(timeout=TIMEOUT_S)
            statuses.append(p.returncode)
            if p.returncode not in (0, 75):
                raise Failure(f"status {p.returncode}: {err.decode()}")
        if 0 not in statuses:
            raise Failure("none of 20 got through")
        s.compare(place, "after 20 at once")

    return check


class Loop(threading.Thread):
    """One tool again and again until the time is over; counts what it was told was done."""

    def __init__(self, place, until, argv_of, ok=(0,)):
        super().__init__(daemon=True)
        self.place, self.until, self.argv_of, self.ok = place, until, argv_of, ok
        self.done = self.busy = 0
        self.bad = None

    def run(self):
        i = 0
        while time.monotonic() < self.until and self.bad is None:
            p = spawn(self.place, self.argv_of(i))
            _, err = p.communicate()
            if p.returncode == 75:
                self.busy += 1
                continue  # the same again
            if p.returncode not in self.ok:
                self.bad = f"{' '.join(self.argv_of(i))}: status {p.returncode}: {err.decode()}"
            i += 1
            self.done = i


def toggle_halt(i):
    word = ["--reason", f"halt {i}"] if i % 2 == 0 else ["--release"]
    return tool("tr-halt", "-q", "--name", "loop", *word)


def set_setting(i):
    return tool("tr-config", "-q", "set", "window.settle_delay_s", str(i % 200 + 1))


def checkpoint_race(bench, base, seconds):
    """Checkpoints against writers: no row of a writer that was told 0 may be gone."""
    p = bench.place("checkpoint")
    p.reset(base.dir)
    before = Disk.rows(p.dump())
    until = time.monotonic() + seconds
    windows = [f"2024-07-23T{m // 60:02}:{m % 60:02}Z" for m in range(15, 1440, 5)]
    writers = {"settings_log": Loop(p, until, set_setting),
               "halts": Loop(p, until, toggle_halt)}
    others = [Loop(p, until, lambda i: tool("tr-db", "-q", "checkpoint")),
              Loop(p, until, lambda i: cycle(windows[i % len(windows)], "2024-07-24T01:00Z"))]
    for t in [*writers.values(), *others]:
        t.start()
    for t in [*writers.values(), *others]:
        t.join()
    bad = [t.bad for t in [*writers.values(), *others] if t.bad]
    r = p.run(["tr-db", "check", "-d", "race.db"])
    if r.status != 0:
        bad.append(f"check: status {r.status}: {r.out.decode()} {r.err}")
    rows = Disk.rows(p.dump())
    if not before <= rows:
        bad.append(f"{len(before - rows)} rows of before are gone")
    for table, t in writers.items():
        new = sum(json.loads(line)["table"] == table for line in rows - before)
        if new != t.done:
            bad.append(f"{table}: {new} rows, {t.done} were reported written")
    windows_done = sum(json.loads(line)["table"] == "seals" for line in rows - before)
    if windows_done != min(others[1].done, len(windows)):
        bad.append(f"seals: {windows_done} rows, {others[1].done} windows were reported run")
    what = ", ".join(f"{t.done} x {t.argv_of(0)[0]}" for t in [*writers.values(), *others])
    bench.report(f"races: checkpoints against writers ({what})", 1, 1,
                 ["; ".join(bad)] if bad else [], seconds)


def matrix_races(bench, scenarios, base):
    for s in scenarios:
        bench.matrix(f"races: 20 tr-cycles at once, {s.name}", range(25), race_window(s))
    checkpoint_race(bench, base, 60 if bench.sample is None else 3)


# ---------------------------------------------------------------------- clock


def at_time(place, when, argv):
    """A tool whose clock shows WHEN."""
    return subprocess.run(["faketime", "-f", "@" + when, os.path.join(place.bench.build, argv[0]),
                           *argv[1:]], cwd=place.dir, env=place.bench.env,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=TIMEOUT_S, check=False)


def check_steps(bench):
    def check(place, point):
        hours, zone = point
        place.reset(bench.quiet)
        env = bench.env
        bench_env = dict(env, TZ=zone, FAKETIME_DONT_FAKE_MONOTONIC="1")
        there = place
        there_bench = type("B", (), {"build": bench.build, "env": bench_env})
        there = type("P", (), {"bench": there_bench, "dir": place.dir})
        live = ["tr-cycle", "-q", "-d", "race.db"]
        r = at_time(there, "2024-07-23 12:01:00", live)
        if r.returncode != 0:
            raise Failure(f"the first window: status {r.returncode}: {r.stderr.decode()}")
        before = place.dump()
        hour = 12 + hours
        r = at_time(there, f"2024-07-23 {hour:02}:01:00", live)
        if hours < 0:
            if r.returncode != 75:
                raise Failure(f"going back: status {r.returncode}: {r.stderr.decode()}")
            if place.dump() != before:
                raise Failure("going back: the race has changed")
        elif r.returncode != 0:
            raise Failure(f"going on: status {r.returncode}: {r.stderr.decode()}")
        # when the clock is right again, the race goes on
        r = at_time(there, f"2024-07-23 {max(hour, 12):02}:06:00", live)
        if r.returncode != 0:
            raise Failure(f"afterwards: status {r.returncode}: {r.stderr.decode()}")
        place.must(["tr-audit", "-q", "-d", "race.db"])
        rows = [json.loads(line) for line in place.dump().decode().splitlines()]
        sealed = sum(row["table"] == "seals" for row in rows)
        if sealed != (2 if hours < 0 else 3):
            raise Failure(f"{sealed} windows were finished")

    return check


def check_day(bench):
    def check(place, day):
        place.reset(bench.quiet)
        env = {"TZ": "Europe/Paris"}
        start = f"{day}T00:00Z"
        hours = 24 if bench.sample is None else 2
        end = f"{day[:8]}{int(day[8:]) + 1}T00:00Z" if hours == 24 else f"{day}T02:00Z"
        argv = ["tr-cycle", "-q", "-d", "race.db", "--from", start, "--to", end]
        place.must(argv, env=env)
        rows = [json.loads(line) for line in place.dump().decode().splitlines()]
        for table in ("cycles", "batches", "seals"):
            at = [row["window_ms"] for row in rows if row["table"] == table]
            if len(set(at)) != 12 * hours:
                raise Failure(f"{table}: {len(set(at))} windows, not {12 * hours}")
            if any(b - a != 300000 for a, b in zip(at, at[1:])):
                raise Failure(f"{table}: the windows are not five minutes apart")

    return check


def matrix_clock(bench):
    p = bench.place("quiet")
    p.must(["tr-init", "-q", "--bare", "--quote", "USD", "race.db"])
    p.must(["tr-asset", "-q", "-d", "race.db", "add", "BTC", "--feed", "sim:60000"])
    p.must(["tr-config", "-q", "-d", "race.db", "set", "window.settle_delay_s", "0"])
    closed(p)
    bench.quiet = p.dir
    bench.matrix("clock: a UTC day in Europe/Paris has 288 windows", ["2026-03-29", "2026-10-25"],
                 check_day(bench))
    if shutil.which("faketime") is None:
        print("clock: steps: skipped, there is no faketime", flush=True)
        return
    steps = [(h, z) for h in (-2, 2) for z in ("UTC", "Europe/Paris")]
    bench.matrix("clock: steps of two hours", steps, check_steps(bench))


# ---------------------------------------------------------------------- main

MATRICES = ("kill", "error", "memory", "power", "races", "clock")


def run(bench, wanted):
    base = prepare_decision(bench)
    waiting = prepare_waiting(bench, base)
    scenarios = [Scenario(bench, "a decision window", base, cycle(W15)),
                 Scenario(bench, "settling, trade.fill=next", waiting, cycle(W15))]
    if "kill" in wanted or "error" in wanted:
        bench.upstream = Upstream(bench.top)
        remote = Remote(bench, "five remote agents", prepare_remote(bench),
                        [*cycle(W0), "--pay"])
    if "kill" in wanted:
        matrix_kill(bench, scenarios, remote)
    if "error" in wanted:
        matrix_error(bench, scenarios, remote)
    if "memory" in wanted:
        matrix_memory(bench, base, waiting)
    if "power" in wanted:
        matrix_power(bench, base, waiting)
    if "races" in wanted:
        matrix_races(bench, scenarios, base)
    if "clock" in wanted:
        matrix_clock(bench)


def runs_programs(path):
    """Whether PATH is a place for a race and its agents, and big enough for many."""
    if not os.access(path, os.W_OK):
        return False
    st = os.statvfs(path)
    return not st.f_flag & os.ST_NOEXEC and st.f_bavail * st.f_frsize >= SPACE


def link_tools(build):
    """A directory with the tools of BUILD and FETCH among them."""
    tools = tempfile.mkdtemp(prefix="bin.", dir=os.path.join(build, "faults"))
    os.mkdir(os.path.join(tools, "real"))
    for name in os.listdir(build):
        path = os.path.join(build, name)
        if name.startswith("tr-") and os.access(path, os.X_OK):
            os.link(path, os.path.join(tools, "real" if name == "tr-fetch" else "", name))
    with open(os.path.join(tools, "tr-fetch"), "w", encoding="ascii") as f:
        f.write(FETCH)
    os.chmod(os.path.join(tools, "tr-fetch"), 0o700)
    return tools


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", required=True)
    parser.add_argument("--library", required=True)
    parser.add_argument("--sample", type=int, metavar="N", help="N points of each matrix")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("matrix", nargs="*", help=", ".join(MATRICES))
    args = parser.parse_intermixed_args()
    unknown = set(args.matrix) - set(MATRICES)
    if unknown:
        parser.error(f"no such matrix: {min(unknown)}")
    os.umask(0o077)
    tools = link_tools(args.build)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    shm = "/dev/shm" if runs_programs("/dev/shm") else None
    top = tempfile.mkdtemp(prefix="tr-faults.", dir=shm)
    bench = Bench(tools, args.library, top, args.sample, args.seed)
    start = time.monotonic()
    try:
        run(bench, args.matrix or MATRICES)
    except Failure as e:
        bench.failed += 1
        print(f"not prepared: {e}")
    finally:
        if bench.upstream is not None:
            bench.upstream.end()
        shutil.rmtree(top, ignore_errors=True)
        shutil.rmtree(tools, ignore_errors=True)
    print(f"seed {args.seed}, {time.monotonic() - start:.0f} s")
    print(f"{bench.passed} passed, {bench.failed} failed")
    sys.exit(0 if bench.failed == 0 and bench.passed > 0 else 1)


if __name__ == "__main__":
    main()
