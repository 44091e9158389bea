#!/usr/bin/env python3
"""The statistics a second time: stats_ref.py PROGRAM [CSV.gz ...]

Feeds `PROGRAM measure` (test_stats) with daily returns and compares all that it prints with
figures computed here, to 1e-9. Nothing is shared with the C code: moments are exact sums of
fractions with roots of 50 decimal digits, the normal distribution and its inverse are those of
Python's statistics module, quantiles are statistics.quantiles', the generator is written
anew from its specification (SplitMix64). The returns are those of the candle files given (closes
of a UTC day), and made-up ones."""

import csv
import gzip
import itertools
import math
import random
import statistics
import subprocess
import sys
from decimal import Decimal, getcontext
from fractions import Fraction

getcontext().prec = 50
MASK = (1 << 64) - 1
STEP = 0x9E3779B97F4A7C15
EULER = 0.57721566490153286


def mix(x):
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def derive(seed, text):
    h = mix(seed ^ 0x243F6A8885A308D3)
    for byte in text.encode():
        h = mix((h + STEP + byte) & MASK)
    return mix(h ^ (STEP * (len(text) + 1) & MASK))


class Stream:
    def __init__(self, seed):
        self.state = derive(seed, "bootstrap")

    def below(self, bound):
        while True:
            self.state = (self.state + STEP) & MASK
            x = mix(self.state)
            if x >= (1 << 64) % bound:
                return x % bound

    def draw(self, n, block):
        out = []
        while len(out) < n:
            at = self.below(n)
            out += [(at + k) % n for k in range(min(block, n - len(out)))]
        return out


def root(f):
    return (Decimal(f.numerator) / Decimal(f.denominator)).sqrt()


def number(f):
    return Decimal(f.numerator) / Decimal(f.denominator)


def moments(r):
    """Mean, sample deviation, skew and raw kurtosis; None where not defined."""
    x = [Fraction(v) for v in r]
    n = len(x)
    mean = sum(x) / n
    m = [sum((v - mean) ** k for v in x) for k in (2, 3, 4)]
    sd = root(m[0] / (n - 1))
    if m[0] == 0:
        return mean, sd, None, None
    m2, m3, m4 = (v / n for v in m)
    return mean, sd, number(m3) / (number(m2) * root(m2)), number(m4 / (m2 * m2))


def psr(sr, skew, kurtosis, n, bar):
    if sr is None:
        return None
    v = 1 - skew * sr + (kurtosis - 1) / 4 * sr * sr
    return statistics.NormalDist().cdf((sr - bar) * math.sqrt(n - 1) / math.sqrt(v))


def regression(r, h):
    x, y = [Fraction(v) for v in h], [Fraction(v) for v in r]
    n = len(x)
    sx, sy = sum(x), sum(y)
    below = n * sum(v * v for v in x) - sx * sx
    if below == 0:
        return None, None
    beta = (n * sum(a * b for a, b in zip(x, y)) - sx * sy) / below
    return float(beta), float((sy - beta * sx) / n)


def resampled(r, index):
    """Growth, drawdown, mean and Sharpe ratio of one resample."""
    s = [r[i] for i in index]
    curve = [1.0]
    for v in s:
        curve.append(curve[-1] * (1.0 + v))
    peaks = itertools.accumulate(curve, max)
    down = min(c / p - 1 for c, p in zip(curve, peaks))
    mean = math.fsum(s) / len(s)
    sd = math.sqrt(math.fsum((v - mean) ** 2 for v in s) / (len(s) - 1))
    return curve[-1], down, mean, mean / sd if sd > 1e-12 * abs(mean) else None


def interval(values):
    if any(v is None for v in values):
        return None, None
    cuts = statistics.quantiles(values, n=40, method="inclusive")
    return cuts[0], cuts[-1]


def holm(p):
    out, left, floor = dict(p), len(p), 0
    for name, v in sorted(p.items(), key=lambda item: item[1]):
        floor = max(floor, min(1, v * left))
        out[name], left = floor, left - 1
    return out


def bootstrap(series, seed, resamples, block):
    k, n = len(series), len(series[0])
    stream = Stream(seed)
    rows = []
    for _ in range(resamples):
        index = stream.draw(n, block)
        rows.append([resampled(r, index) for r in series])
    result, p = {}, {}
    means = [math.fsum(r) / n for r in series]
    for i in range(k):
        mine = [row[i] for row in rows]
        result["return_low", i], result["return_high", i] = interval([m[0] - 1 for m in mine])
        result["drawdown_low", i], result["drawdown_high", i] = interval([m[1] for m in mine])
        result["sharpe_low", i], result["sharpe_high", i] = interval([m[3] for m in mine])
        result["best", i] = None if k == 1 else sum(
            (row[i][0] == max(o[0] for o in row)) / sum(
                o[0] == max(q[0] for q in row) for o in row) for row in rows) / resamples
        result["beats", i] = result["p", i] = result["p_holm", i] = None
        if i == 0:
            continue
        result["beats", i] = sum((row[i][0] > row[0][0]) + 0.5 * (row[i][0] == row[0][0])
                                 for row in rows) / resamples
        seen = means[i] - means[0]
        if series[i] != series[0]:
            p[i] = result["p", i] = (1 + sum(
                abs(row[i][2] - row[0][2] - seen) >= abs(seen) for row in rows)) / (resamples + 1)
    for i, v in holm(p).items():
        result["p_holm", i] = v
    return result


def reference(series, seed, resamples, block):
    k, n = len(series), len(series[0])
    result = bootstrap(series, seed, resamples, block)
    m = [moments(r) for r in series]
    sharpe = [float(number(v[0]) / v[1]) if v[1] else None for v in m]
    # a ratio that is not defined counts as 0 among the tries that the program is given
    spread = statistics.stdev([s or 0 for s in sharpe]) if k > 1 else 0
    inverse = statistics.NormalDist().inv_cdf
    bar = 0 if k < 2 else spread * ((1 - EULER) * inverse(1 - 1 / k) +
                                    EULER * inverse(1 - 1 / (k * math.e)))
    for i, (mean, sd, skew, kurtosis) in enumerate(m):
        year = None if sharpe[i] is None else sharpe[i] * math.sqrt(365)
        result["mean", i], result["sd", i] = float(mean), float(sd)
        result["skew", i] = None if skew is None else float(skew)
        result["kurtosis", i] = None if kurtosis is None else float(kurtosis)
        result["sharpe", i] = year
        result["sharpe_error", i] = None if year is None else math.sqrt(
            (1 + year * year / (2 * 365)) / (n / 365))
        result["psr", i] = psr(sharpe[i], result["skew", i], result["kurtosis", i], n, 0)
        result["dsr", i] = psr(sharpe[i], result["skew", i], result["kurtosis", i], n, bar)
        result["beta", i], result["alpha", i] = regression(series[i], series[0])
    return result


def run(program, series, seed, resamples, block):
    text = "%d %d %d %d %d\n" % (len(series), len(series[0]), seed, resamples, block)
    text += "\n".join(repr(v) for r in series for v in r) + "\n"
    lines = subprocess.run([program, "measure"], input=text, capture_output=True, text=True,
                           check=True).stdout.splitlines()
    out = {}
    for line in lines:
        name, i, value = line.split()
        out[name, int(i)] = None if value == "null" else float(value)
    return out


def compare(title, program, series, seed, resamples, block):
    want = reference(series, seed, resamples, block)
    got = run(program, series, seed, resamples, block)
    bad = []
    if want.keys() != got.keys():
        bad.append("figures: %s" % sorted(want.keys() ^ got.keys()))
    for key in want.keys() & got.keys():
        a, b = want[key], got[key]
        if (a is None) != (b is None) or (a is not None and
                                          abs(a - b) > 1e-9 * (1 + abs(a))):
            bad.append("%s of %d: %r, not %r" % (*key, b, a))
    for line in sorted(bad):
        print("%s: %s" % (title, line))
    print("%s: %d figures" % (title, len(want)))
    return not bad


def closes(path):
    days = {}
    with gzip.open(path, "rt") as f:
        for row in csv.DictReader(f):
            days[row["open_time_utc"][:10]] = float(row["close"])
    return days


def made_up():
    r = random.Random(20240723)
    market = [r.gauss(0.001, 0.03) for _ in range(365)]
    return [market, [0.5 * v + r.gauss(0.0005, 0.01) for v in market], [0.0] * 365,
            [r.choice((-0.2, 0.01, 0.02)) for _ in range(365)], list(market)]


def main():
    program, files = sys.argv[1], sys.argv[2:]
    ok = compare("made up, days", program, made_up(), 1, 400, 1)
    ok &= compare("made up, weeks", program, made_up(), 2 ** 64 - 1, 200, 7)
    ok &= compare("short", program, [[0.01, -0.02, 0.03]], 5, 50, 2)
    if files:
        days = [closes(f) for f in files]
        common = sorted(set.intersection(*(set(d) for d in days)))[-366:]
        series = [[d[b] / d[a] - 1 for a, b in zip(common, common[1:])] for d in days]
        ok &= compare("recorded", program, series, 1, 400, 1)
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
