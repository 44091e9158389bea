#!/usr/bin/env python3
"""Open a page in headless Chromium and report what a reader would meet.

    page.py FILE [--shot DIR] [--eval EXPRESSION]

Speaks the DevTools protocol over a pair of pipes. Prints one JSON object: console (messages,
errors and violations of the policy), requests (addresses asked for besides the page), and views:
by width and theme what MEASURE says, and the value of EXPRESSION before.
"""

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time

WIDTHS = (375, 768, 1280)
THEMES = ("light", "dark")

MEASURE = r"""(() => {
  const rgb = (c) => { const m = c.match(/[\d.]+/g).map(Number); return m; };
  const light = ([r, g, b]) => { const f = (v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b); };
  const ground = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor);
    if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
  let low = 99, where = "";
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || e.closest("script,style,title") || !e.getClientRects().length) continue;
    const s = getComputedStyle(e), ink = light(rgb(e instanceof SVGElement ? s.fill : s.color)), back = light(ground(e));
    const c = (Math.max(ink, back) + 0.05) / (Math.min(ink, back) + 0.05);
    if (c < low) { low = c; where = e.outerHTML.slice(0, 120); }
  }
  return { overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    contrast: low, contrast_at: where,
    lines: [...document.querySelectorAll("#lines path")].filter((p) => p.getTotalLength() > 0).map((p) => p.dataset.a).sort(),
    ground: getComputedStyle(document.body).backgroundColor,
    tall: document.documentElement.scrollHeight };
})()"""


class Browser:
    def __init__(self, home):
        command = next((c for c in ("chromium", "chromium-browser", "google-chrome") if shutil.which(c)), None)
        if command is None:
            sys.exit("no chromium")
        to_read, self.out = os.pipe()
        self.into, to_write = os.pipe()

        def place():
            a, b = os.dup(to_read), os.dup(to_write)
            os.dup2(a, 3)
            os.dup2(b, 4)

        self.process = subprocess.Popen(
            [command, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
             "--user-data-dir=" + home, "--remote-debugging-pipe", "about:blank"],
            preexec_fn=place, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(to_write)
        self.buffer, self.number, self.events, self.session = b"", 0, [], None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def receive(self, until):
        while b"\0" not in self.buffer:
            if not select.select([self.into], [], [], max(0, until - time.monotonic()))[0]:
                return None
            data = os.read(self.into, 1 << 20)
            if not data:
                sys.exit("the browser went away")
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(line)

    def call(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        until = time.monotonic() + 60
        while (m := self.receive(until)) is not None:
            if m.get("id") == self.number:
                if "error" in m:
                    sys.exit(f"{method}: {m['error']}")
                return m["result"]
            self.events.append(m)
        sys.exit(f"{method}: no answer")

    def settle(self, seconds=0.1):
        until = time.monotonic() + seconds
        while (m := self.receive(until)) is not None:
            self.events.append(m)

    def visit(self, url):
        seen = len(self.events)
        self.call("Page.navigate", url=url)
        until = time.monotonic() + 60
        while not any(m.get("method") == "Page.loadEventFired" for m in self.events[seen:]):
            m = self.receive(until)
            if m is None:
                sys.exit("the page does not load")
            self.events.append(m)
        self.settle()

    def value(self, expression):
        r = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        return r["result"].get("value", r.get("exceptionDetails", {}).get("text"))

    def end(self):
        self.process.terminate()
        self.process.wait()


def complaints(events):
    out = []
    for m in events:
        p = m.get("params", {})
        if m.get("method") == "Runtime.consoleAPICalled":
            out.append(" ".join(str(a.get("value")) for a in p["args"]))
        elif m.get("method") == "Runtime.exceptionThrown":
            out.append(p["exceptionDetails"].get("exception", {}).get("description", "exception"))
        elif m.get("method") == "Log.entryAdded":
            out.append(p["entry"]["text"])
    return out


def look(browser, url, shots, expression):
    result = {}
    for theme in THEMES:
        browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
        for width in WIDTHS:
            browser.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1,
                         mobile=width < 500)
            browser.visit(url)
            value = browser.value(expression) if expression else None
            result[f"{width}-{theme}"] = measured = browser.value(MEASURE)
            measured["value"] = value
            if shots:
                picture = browser.call("Page.captureScreenshot", format="png", captureBeyondViewport=True,
                                       clip={"x": 0, "y": 0, "width": width, "height": measured["tall"], "scale": 1})
                with open(f"{shots}/{width}-{theme}.png", "wb") as f:
                    f.write(base64.b64decode(picture["data"]))
    return result


def main():
    page = os.path.abspath(sys.argv[1])
    options = dict(zip(sys.argv[2::2], sys.argv[3::2]))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        browser = Browser(home)
        for domain in ("Page", "Runtime", "Log", "Network"):
            browser.call(domain + ".enable")
        out = {"views": look(browser, "file://" + page, options.get("--shot"), options.get("--eval"))}
        browser.settle()
        asked = {m["params"]["request"]["url"] for m in browser.events
                 if m.get("method") == "Network.requestWillBeSent"}
        out["requests"] = sorted(u for u in asked if u != "file://" + page and not u.startswith("data:"))
        out["console"] = complaints(browser.events)
        browser.end()
    print(json.dumps(out))


main()
