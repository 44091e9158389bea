#!/usr/bin/env python3
"""Four market data services in one, for the suites. Loopback only.

usage: feeds.py [--port-file FILE] [--market FILE.json] [--log FILE]

It listens on a free port of 127.0.0.1, puts it into the port file, and ends when the process
that started it is gone. The log has a line per request: its path. All services know the same
prices: that of a time t is a function of t alone, price(t), within one per cent of 100; a candle
goes from price(its start) to price(its end).

The market file is read anew for each request. It is an object; all keys are optional:
  now      epoch seconds: the time of the services (default: the clock)
  down     ["kraken", ...]: these answer 503
  factor   {"kraken:XBTUSD": "1.1"}: its prices, times that
  close    {"kraken:XBTUSD": {"START": "TEXT"}}: the close of the candle from START on
  gaps     {"coinbase:BTC-USD": [START, ...]}: candles that do not exist
  unknown  ["nocoin", ...]: ids that CoinGecko does not know
"""

import argparse
import datetime
import decimal
import http.server
import json
import os
import threading
import time
import urllib.parse

STEP = 300
ROWS = {"binance": 1000, "kraken": 720, "coinbase": 300}


def price(at):
    """The price at a time of the grid."""
    return 100 + decimal.Decimal(at // STEP * 7919 % 1000) / 1000


class Market:
    """What is so at the moment of a request."""

    def __init__(self, path):
        self.set = {}
        if path and os.path.exists(path):
            with open(path, encoding="utf-8") as f:
                self.set = json.load(f)
        self.now = self.set.get("now") or int(time.time())

    def price(self, name, at):
        """The price of a market of a service."""
        return price(at) * decimal.Decimal(self.set.get("factor", {}).get(name, "1"))

    def candle(self, name, start):
        """Open, high, low, close as text."""
        first, last = self.price(name, start), self.price(name, start + STEP)
        close = self.set.get("close", {}).get(name, {}).get(str(start), str(last))
        last = decimal.Decimal(close)
        high, low = max(first, last), min(first, last)
        return str(first), str(high), str(low), close

    def starts(self, name, first, last):
        """Of the candles that begin in a time and have begun, the last one is forming."""
        gaps = self.set.get("gaps", {}).get(name, [])
        first = -(-first // STEP) * STEP
        return [t for t in range(first, min(last, self.now) + 1, STEP) if t not in gaps]


def text(value):
    """A JSON string."""
    return json.dumps(value)


def binance(m, query):
    """Klines, oldest first, from startTime on."""
    name = query["symbol"]
    first, last = int(query["startTime"]) // 1000, int(query["endTime"]) // 1000
    rows = []
    for t in m.starts("binance:" + name, first, last)[:min(int(query["limit"]), ROWS["binance"])]:
        o, h, low, c = m.candle("binance:" + name, t)
        rows.append(f'[{t}000,"{o}","{h}","{low}","{c}","1.5",{t + STEP - 1}999,"1",1,"1","1","0"]')
    return 200, "[" + ",".join(rows) + "]"


def kraken(m, query):
    """The latest candles, oldest first, after since; errors are successes."""
    name = query["pair"]
    if name.startswith("NO"):
        return 200, '{"error":["EQuery:Unknown asset pair"]}'
    first = max(int(query["since"]) + 1, m.now - ROWS["kraken"] * STEP)
    rows = []
    starts = m.starts("kraken:" + name, first, m.now)
    for t in starts:
        o, h, low, c = m.candle("kraken:" + name, t)
        rows.append(f'[{t},"{o}","{h}","{low}","{c}","1","1.5",3]')
    return 200, '{"error":[],"result":{"X%s":[%s],"last":%d}}' % (
        name, ",".join(rows), starts[-2] if len(starts) > 1 else 0)


def seconds(iso):
    """Epoch seconds of a time in ISO 8601."""
    return int(datetime.datetime.fromisoformat(iso.replace("Z", "+00:00")).timestamp())


def coinbase(m, query, name):
    """Candles, newest first, numbers; low and high before open."""
    first, last = seconds(query["start"]), seconds(query["end"])
    if (last - first) // STEP >= ROWS["coinbase"]:
        return 400, '{"message":"granularity too small for the requested time range"}'
    rows = []
    for t in reversed(m.starts("coinbase:" + name, first, last)):
        o, h, low, c = m.candle("coinbase:" + name, t)
        rows.append(f"[{t},{low},{h},{o},{c},1.5]")
    return 200, "[" + ",".join(rows) + "]"


def chart(m, query, name):
    """Prices of a day, and that of now."""
    assert query["days"] == "1"
    if name in m.set.get("unknown", []):
        return 404, '{"error":"coin not found"}'
    rows = [f"[{t}041,{m.price('coingecko:' + name, t)}]"
            for t in m.starts("coingecko:" + name, m.now - 86400, m.now)]
    rows.append(f"[{m.now}682,99]")
    return 200, '{"prices":[%s],"market_caps":[],"total_volumes":[]}' % ",".join(rows)


def quotes(m, query):
    """Prices of many coins."""
    coins = [f'{text(c)}:{{"{query["vs_currencies"]}":{m.price("coingecko:" + c, m.now)},'
             f'"last_updated_at":{m.now}}}'
             for c in query["ids"].split(",") if c not in m.set.get("unknown", [])]
    return 200, "{" + ",".join(coins) + "}"


def answer(m, path):
    """Status and body."""
    where, _, rest = path.partition("?")
    query = dict(urllib.parse.parse_qsl(rest))
    parts = where.split("/")
    route = {"api": ("binance", lambda: binance(m, query)),
             "0": ("kraken", lambda: kraken(m, query)),
             "products": ("coinbase", lambda: coinbase(m, query, parts[2])),
             "coins": ("coingecko", lambda: chart(m, query, parts[2])),
             "simple": ("coingecko", lambda: quotes(m, query))}.get(parts[1])
    if route is None:
        return 404, "{}"
    if route[0] in m.set.get("down", []):
        return 503, "down"
    return route[1]()


def main():
    """Serve until the parent is gone."""
    parser = argparse.ArgumentParser()
    for name in ("--port-file", "--market", "--log"):
        parser.add_argument(name)
    args = parser.parse_args()
    # pylint: disable-next=consider-using-with
    log = open(args.log or os.devnull, "a", buffering=1, encoding="utf-8")

    class Handler(http.server.BaseHTTPRequestHandler):
        """One connection."""
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do_GET(self):  # pylint: disable=invalid-name
            """Log, then answer."""
            log.write(self.path + "\n")
            status, body = answer(Market(args.market), self.path)
            data = body.encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args):  # pylint: disable=arguments-differ
            """There is a log."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    if args.port_file:
        with open(args.port_file + ".new", "w", encoding="utf-8") as f:
            f.write(str(server.server_address[1]))
        os.rename(args.port_file + ".new", args.port_file)
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(0.2)


if __name__ == "__main__":
    main()
