#!/usr/bin/env python3
"""The board a second time: board_ref.py DATABASE < tr.board/1

Recomputes every number of the record from the rows of the database and compares to 1e-9. Nothing
is shared with the C code, and the way is another one: each curve is spread over all windows of
its time, run or not, before anything is measured; sums are exact; every row is resampled by
itself. What is done with daily returns is that of stats_ref.py."""

import json
import math
import sqlite3
import sys

import stats_ref
from stats_ref import EULER, Stream, interval, moments, number, psr, regression, resampled

STEP_MS, DAY_MS = 300000, 86400000
K = 365.25 * 86400 / 300
DOLLARS = ("USD", "USDT", "USDC", "DAI", "FDUSD", "TUSD", "BUSD")


def window_ms(db, text):
    """market-cycle-YYYYMMDD-HHMM"""
    if text is None:
        return None
    d, t = text.split("-")[2:]
    return db.execute("SELECT unixepoch(?)", ("%s-%s-%s %s:%s" % (
        d[:4], d[4:6], d[6:], t[:2], t[2:]),)).fetchone()[0] * 1000


def units(text):
    whole, _, part = text.partition(".")
    return int(whole + part.ljust(8, "0"))


class Row:
    def __init__(self, db, board, record):
        self.first, self.last = window_ms(db, board["first"]), window_ms(db, board["last"])
        self.record = record
        self.id, = db.execute("SELECT id FROM agents WHERE name = ?", (record["agent"],)).fetchone()
        span = (self.id, self.first, self.last)
        self.start, = db.execute(
            "SELECT total FROM snapshots WHERE agent_id = ? AND window_ms < ? "
            "ORDER BY window_ms DESC, phase LIMIT 1", span[:2]).fetchone() or db.execute(
            "SELECT start_cash FROM portfolios WHERE agent_id = ?", span[:1]).fetchone()
        seen = {}
        for at, phase, total, value in db.execute(
                "SELECT window_ms, phase, total, positions_value FROM snapshots "
                "WHERE agent_id = ? AND window_ms BETWEEN ? AND ?", span):
            seen.setdefault(at, {})[phase] = (total, value)
        self.seen, self.run = seen.keys(), sorted(seen)
        # every window from the first to the last, with what it is worth
        self.grid, self.values = list(range(self.run[0], self.run[-1] + 1, STEP_MS)), []
        upcoming = iter(self.run)
        ahead = next(upcoming)
        for at in self.grid:
            if at > ahead:
                ahead = next(upcoming)
            both = seen[ahead]
            kind = ("post", "pre") if at == ahead else ("pre", "post")
            self.values.append(both.get(kind[0]) or both[kind[1]])
        self.equity = [self.start] + [v[0] for v in self.values]
        self.trades = db.execute(
            "SELECT asset_id, side, position_after, notional, fee, realised FROM trades "
            "WHERE agent_id = ? AND fill_ms BETWEEN ? AND ? ORDER BY seq", span).fetchall()
        self.answers = dict(db.execute(
            "SELECT status, count(*) FROM decisions WHERE agent_id = ? AND window_ms BETWEEN ? "
            "AND ? AND origin = 'agent' GROUP BY status", span))
        self.thinking, = db.execute(
            "SELECT coalesce(sum(cost), 0) FROM answers WHERE agent_id = ? AND window_ms "
            "BETWEEN ? AND ?", span).fetchone()

    def before(self, at):
        """The value at the end of the window before ${at}."""
        i = (at - self.grid[0]) // STEP_MS
        return self.equity[max(0, min(i, len(self.grid)))]


def drawdown(e):
    """Depth, and windows from the peak to recovery or the end."""
    peak, worst, at = e[0], 0.0, None
    for t, v in enumerate(e):
        peak = max(peak, v)
        if v / peak - 1 < worst:
            worst, at = v / peak - 1, t
    if at is None:
        return 0.0, None
    peak = max(e[:at])
    left = max(t for t in range(at) if e[t] == peak)
    back = next((t for t in range(at, len(e)) if e[t] >= peak), len(e) - 1)
    return worst, back - left


def trips(trades):
    closed, going = [], {}
    for asset, side, after, _, _, realised in trades:
        going.setdefault(asset, 0)
        if side == "sell":
            going[asset] += realised
        if after == 0:
            closed.append(going.pop(asset))
    return closed, len(going)


def yearly(row):
    e, n = row.equity, len(row.grid)
    r = [b / a - 1 for a, b in zip(e, e[1:])]
    out = dict.fromkeys(("volatility", "sharpe", "sharpe_error", "sortino", "cagr", "calmar"))
    out["too_early"] = len(row.run) * 300 < 30 * 86400
    if not out["too_early"]:
        mean = math.fsum(r) / n
        sd = math.sqrt(math.fsum((v - mean) ** 2 for v in r) / (n - 1))
        down = math.sqrt(math.fsum(v * v for v in r if v < 0) / n)
        out["volatility"] = sd * math.sqrt(K)
        if sd > 1e-12 * abs(mean):
            out["sharpe"] = s = mean / sd * math.sqrt(K)
            out["sharpe_error"] = math.sqrt((1 + s * s / (2 * K)) / (n / K))
        if down > 0:
            out["sortino"] = mean / down * math.sqrt(K)
    years = n * 300 / 86400 / 365.25
    if years * 365.25 >= 90:
        out["cagr"] = math.exp(math.log(e[-1] / e[0]) / years) - 1
        fall = drawdown(e)[0]
        out["calmar"] = out["cagr"] / -fall if fall else None
    return out


def metrics(row, hold, par):
    e, out = row.equity, yearly(row)
    deepest, lasted = drawdown(e)
    closed, going = trips(row.trades)
    losses = -sum(v for v in closed if v <= 0)
    fees = sum(t[4] for t in row.trades)
    due = sum(row.answers.values())
    valid = row.answers.get("ok", 0) + row.answers.get("hold", 0)
    start = max(row.grid[0], hold.grid[0])
    end = min(row.grid[-1], hold.grid[-1]) + STEP_MS
    out |= {
        "start_cash": row.start, "total": e[-1], "return": e[-1] / e[0] - 1,
        "vs_buy_and_hold": row.before(end) / row.before(start) - hold.before(end) /
        hold.before(start) if end > start else None,
        "max_drawdown": deepest, "drawdown_s": lasted and lasted * 300,
        "trades": len(row.trades), "fees": fees, "fees_ratio": fees / e[0],
        "win_rate": sum(v > 0 for v in closed) / len(closed) if closed else None,
        "profit_factor": sum(v for v in closed if v > 0) / losses if losses else None,
        "round_trips": len(closed), "open_trips": going,
        "turnover": sum(t[3] for t in row.trades) / (sum(e[1:]) / len(row.grid)),
        "exposure": math.fsum(v / t for t, v in row.values) / len(row.grid),
        "turns": due, "valid": valid, "reliability": valid / due if due else None,
        "thinking_usd": row.thinking,
        "net_return": (e[-1] - row.thinking) / e[0] - 1 if par or not row.thinking else None,
        "causes": {c: row.answers.get(c, 0) for c in row.record["causes"]},
    }
    return out


# ---- statistics


def days(row):
    """First day, returns, and how many of the days have a window."""
    last, run = {}, {}
    for at, v in zip(row.grid, row.equity[1:]):
        last[at // DAY_MS] = v
        if at in row.seen:
            run[at // DAY_MS] = v
    last |= run
    if (row.grid[-1] + STEP_MS) % DAY_MS:
        last.popitem()
    skip = row.grid[0] % DAY_MS > 0
    names = sorted(last)[skip:]
    e = [row.start] + [last[d] for d in sorted(last)]
    r = [b / a - 1 for a, b in zip(e, e[1:])][skip:]
    return names[0] if names else 0, r, len({at // DAY_MS for at in row.run} & set(names))


def common(several):
    first = max(d[0] for d in several)
    end = min(d[0] + len(d[1]) for d in several)
    return [d[1][first - d[0]:max(first, end) - d[0]] for d in several]


def resamples(plan, series):
    stream, n = Stream(int(plan["seed"])), len(series[0])
    for _ in range(plan["resamples"]):
        index = stream.draw(n, plan["block_days"])
        yield [resampled(r, index) for r in series]


def alone(plan, r):
    mean, sd, skew, kurtosis = moments(r)
    sr = float(number(mean) / sd) if sd else None
    year = None if sr is None else sr * math.sqrt(365)
    n, rows = len(r), [row[0] for row in resamples(plan, [r])]
    skew, kurtosis = (None if v is None else float(v) for v in (skew, kurtosis))
    span = [None if v is None else v * math.sqrt(365) for v in interval([v[3] for v in rows])]
    return {
        "sharpe": year, "skew": skew, "kurtosis": kurtosis, "psr": psr(sr, skew, kurtosis, n, 0),
        "sharpe_error": None if year is None else math.sqrt((1 + year * year / 730) / (n / 365)),
        "return_interval": list(interval([v[0] - 1 for v in rows])),
        "max_drawdown_interval": list(interval([v[1] for v in rows])), "sharpe_interval": span,
    }, (sr, skew, kurtosis, n)


def against(plan, r, h):
    out = dict.fromkeys(("beta", "alpha", "p_beats_hold", "p_value"))
    if len(r) < 30:
        return out
    rows = list(resamples(plan, [r, h]))
    out["beta"], out["alpha"] = regression(r, h)
    if out["alpha"] is not None:
        out["alpha"] *= 365
    out["p_beats_hold"] = sum((a[0] > b[0]) + 0.5 * (a[0] == b[0]) for a, b in rows) / len(rows)
    seen = math.fsum(r) / len(r) - math.fsum(h) / len(h)
    if r != h:
        out["p_value"] = (1 + sum(abs(a[2] - b[2] - seen) >= abs(seen) for a, b in rows)) / (
            len(rows) + 1)
    return out


def deflate(rows, results, shapes):
    """The bar is what the best of all rows but the baselines shows by luck."""
    tries = [a for a, r in rows.items() if not r.record["baseline"]]
    ratios = [shapes[a][0] for a in tries if a in shapes and shapes[a][0] is not None]
    bar, inverse = 0, stats_ref.statistics.NormalDist().inv_cdf
    if len(ratios) > 1:
        n = len(tries)
        bar = stats_ref.statistics.stdev(ratios) * (
            (1 - EULER) * inverse(1 - 1 / n) + EULER * inverse(1 - 1 / (n * math.e)))
    for a in results:
        known = a in tries and (len(tries) == 1 or len(ratios) > 1)
        results[a]["dsr"] = psr(*shapes[a], bar) if known else None
    return len(tries)


def crown(plan, results, ranges):
    last = max(d[0] + len(d[1]) for d in ranges.values())
    there = [a for a, d in ranges.items() if d[0] + len(d[1]) == last]
    series = common([ranges[a] for a in there])
    for a in results:
        results[a]["p_best"] = None
    if len(there) < 2 or len(series[0]) < 30:
        return 0
    won, n = dict.fromkeys(there, 0.0), 0
    for row in resamples(plan, series):
        most, n = max(o[0] for o in row), n + 1
        winners = [a for a, o in zip(there, row) if o[0] == most]
        for a in winners:
            won[a] += 1 / len(winners)
    for a in there:
        results[a]["p_best"] = won[a] / n
    return len(series[0])


def statistics(plan, rows, hold):
    ranges = {a: days(r) for a, r in rows.items()}
    early = {a for a, d in ranges.items() if d[2] < 30}
    results, shapes, p = {}, {}, {}
    for a in rows.keys() - early:
        results[a], shapes[a] = alone(plan, ranges[a][1])
        pair = (ranges[a][1][:0],) * 2
        if a != hold and hold not in early:
            pair = common([ranges[a], ranges[hold]])
        results[a] |= against(plan, *pair)
        if results[a]["p_value"] is not None:
            p[a] = results[a]["p_value"]
    for a, v in stats_ref.holm(p).items():
        results[a]["p_value"] = v
    whole = {"tries": deflate(rows, results, shapes), "common_days": 0}
    if results:
        whole["common_days"] = crown(plan, results, {a: ranges[a] for a in results})
    for a in early:
        results[a] = {k: [None, None] if k.endswith("_interval") else None
                      for k in rows[a].record["stats"]}
    for a in rows:
        results[a] |= {"days": ranges[a][2], "too_early": a in early}
    return results, whole


# ---- comparing


def differences(name, want, got):
    if isinstance(want, dict):
        return [d for k in want for d in differences("%s.%s" % (name, k), want[k], got[k])]
    if isinstance(want, list):
        return [d for i, v in enumerate(want) for d in differences("%s[%d]" % (name, i), v, got[i])]
    if isinstance(got, str):
        got = units(got)
    if want is None or got is None or isinstance(want, (bool, int)):
        same = want == got
    else:
        same = abs(want - got) <= 1e-9 * (1 + abs(want))
    return [] if same else ["%s: %r, not %r" % (name, got, want)]


def count(want):
    if isinstance(want, (dict, list)):
        return sum(count(v) for v in (want.values() if isinstance(want, dict) else want))
    return 1


def main():
    board = json.loads(sys.stdin.readline())
    db = sqlite3.connect("file:%s?mode=ro" % sys.argv[1], uri=True)
    quote, = db.execute("SELECT value FROM settings WHERE name = 'race.quote'").fetchone()
    rows = {a["agent"]: Row(db, board, a) for a in board["agents"] if a["first"]}
    hold = "buy-and-hold"
    want = {a: metrics(r, rows[hold], quote in DOLLARS) for a, r in rows.items()}
    bad = []
    if "stats" in board:
        results, whole = statistics(board["stats"], rows, hold)
        bad += differences("stats", whole, board["stats"])
        for a in rows:
            want[a]["stats"] = results[a]
    for a, r in rows.items():
        missing = r.record.keys() - want[a].keys() - {
            "rank", "agent", "kind", "baseline", "status", "version", "sha256", "first", "last", "fill"}
        bad += ["%s: %s is not recomputed" % (a, k) for k in missing]
        if "stats" in board:
            bad += ["%s: stats.%s is not recomputed" % (a, k)
                    for k in r.record["stats"].keys() - want[a]["stats"].keys()]
        bad += differences(a, want[a], r.record)
    print("\n".join(bad + ["%d rows, %d figures" % (len(rows), count(want))]))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
