#!/usr/bin/env python3
"""Compare every operation of the decimal module with exact arithmetic of Python.

usage: decimal_diff.py PROGRAM [CASES [SEED]]

PROGRAM is the built decimal_diff. The same seed gives the same cases. Prints how many
were compared and how many differ; exits 1 if any does.
"""
import decimal
import random
import re
import subprocess
import sys
from decimal import Decimal

BATCH = 100_000
SHOWN = 20
LOW, HIGH = -(1 << 63), (1 << 63) - 1
E8, E10 = 10**8, 10**10
EXACT = decimal.Context(prec=3000, Emax=10**15, Emin=-(10**15))
OURS = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.([0-9]+))?")
FOREIGN = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]+))?")
POWERS = [10**n for n in range(19)]


def fits(v):
    return str(v) if LOW <= v <= HIGH else "error"


# what is right


def want_parse(scale, text):
    m = OURS.fullmatch(text)
    if m is None or len(m.group(1) or "") > scale:
        return "error"
    return fits(int(EXACT.scaleb(Decimal(text), scale)))


def want_foreign(scale, text):
    m = FOREIGN.fullmatch(text)
    if m is None or not (m.group(2) or m.group(3)):
        return "error"
    digits = (m.group(2) + (m.group(3) or "")).lstrip("0")
    if not digits:
        return "0"
    # the power of ten of the first digit that is not 0: it decides where Decimal would not do
    whole = m.group(2).lstrip("0")
    frac = m.group(3) or ""
    lead = len(whole) - 1 if whole else len(frac.lstrip("0")) - len(frac) - 1
    lead += int(m.group(4) or 0)
    if lead > 40:
        return "error"
    if lead < -40:
        return "0 rounded"
    exact = EXACT.scaleb(EXACT.create_decimal(text), scale)
    v = exact.to_integral_value(rounding=decimal.ROUND_HALF_EVEN)
    got = fits(int(v))
    return got + " rounded" if v != exact and got != "error" else got


def want_format(scale, v):
    text = f"{EXACT.scaleb(Decimal(v), -scale):f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if v == 0 else text


def want_fixed(scale, places, v):
    d = EXACT.scaleb(Decimal(v), -scale)
    q = d.quantize(Decimal(1).scaleb(-places), rounding=decimal.ROUND_HALF_UP, context=EXACT)
    return f"{abs(q) if q == 0 else q:f}"


def divide(a, b, up):
    return fits(-(-a // b) if up else a // b)


# where cases come from


class Source:
    def __init__(self, seed):
        self.r = random.Random(seed)

    def int64(self):
        """Any magnitude alike often; the ends, powers of ten and zero more often than that."""
        r = self.r
        kind = r.random()
        if kind < 0.80:
            v = r.getrandbits(r.randint(1, 63))
            return v if r.random() < 0.6 else -v
        if kind < 0.86:
            return HIGH - r.randint(0, 3)
        if kind < 0.92:
            return LOW + r.randint(0, 3)
        if kind < 0.98:
            return r.choice(POWERS) * r.choice((1, -1)) + r.randint(-1, 1)
        return 0

    def positive(self):
        return max(1, min(HIGH, abs(self.int64())))

    def usual(self):
        """Amounts as they occur in a race, which do not overflow."""
        return self.r.getrandbits(self.r.randint(1, 48))

    def digits(self, low, high):
        n = self.r.randint(low, high)
        return "".join(self.r.choices("0123456789", k=n)) if n else ""

    def scale(self):
        return self.r.choice((4, 8, 8, 8, 10, 10, 10, 0, 1, 2, 6, 17, 18))

    def shape(self, scale, v):
        """The text of ${v} at a scale as a number with all its places."""
        sign = "-" if v < 0 else ""
        text = str(abs(v)).rjust(scale + 1, "0")
        return sign + (f"{text[:-scale]}.{text[-scale:]}" if scale else text)

    def damage(self, text):
        """One byte put in, taken out or replaced: mostly what no parser may accept."""
        at = self.r.randint(0, len(text))
        byte = self.r.choice("0123456789..eE+--, _xnaif\t\0'/:")
        how = self.r.random()
        if how < 0.5:
            return text[:at] + byte + text[at:]
        return text[:at] + (byte if how < 0.8 else "") + text[at + 1 :]

    def near_end(self, scale):
        """A number within a few units, and a fraction of one, of the ends of int64."""
        v = (HIGH if self.r.random() < 0.5 else LOW) + self.r.randint(-2, 2)
        return v, self.shape(scale, v)

    def ours(self):
        r = self.r
        scale = self.scale()
        kind = r.random()
        if kind < 0.35:
            text = self.shape(scale, self.int64())
        elif kind < 0.50:
            text = want_format(scale, self.int64())
        elif kind < 0.60:
            text = self.near_end(scale)[1]
        elif kind < 0.75:
            text = self.digits(0, 24) + r.choice(("", ".")) + self.digits(0, scale + 1)
        else:
            text = self.damage(want_format(scale, self.int64()))
        return scale, text

    def exponent(self, text):
        """The same number with its point moved by an exponent."""
        shift = self.r.randint(-25, 25)
        d = EXACT.scaleb(Decimal(text), -shift)
        sign = self.r.choice(("", "+")) if shift >= 0 else ""
        zeros = self.r.choice(("", "", "0", "00"))
        mark = "-" if shift < 0 else sign
        return f"{d:f}{self.r.choice('eE')}{mark}{zeros}{abs(shift)}"

    def tie(self, scale):
        """A half, or next to a half, of the last place."""
        text = self.shape(scale, self.int64())
        point = "" if "." in text else "."
        return text + point + self.r.choice(("5", "50", "500000", "5000000001", "4999999999"))

    def foreign(self):
        r = self.r
        scale = self.scale()
        kind = r.random()
        if kind < 0.12:
            text = repr(r.uniform(-1, 1) * 10.0 ** r.randint(-12, 14))
        elif kind < 0.22:
            text = f"{r.uniform(0, 10):.{r.randint(0, 17)}e}"
        elif kind < 0.34:
            text = self.tie(scale)
        elif kind < 0.44:
            text = self.near_end(scale)[1]
            if r.random() < 0.6:
                text += ("" if "." in text else ".") + r.choice("0456") + self.digits(0, 3)
        elif kind < 0.56:
            text = self.digits(0, 30) + r.choice(("", ".")) + self.digits(0, 40)
        elif kind < 0.70:
            text = self.exponent(self.tie(scale))
        elif kind < 0.76:
            size = r.choice((3, 9, 10, 18, 19, 20, 21, 40))
            text = f"{self.digits(1, 3)}e{r.choice(('', '+', '-'))}{self.digits(size, size)}"
        elif kind < 0.80:
            zeros = r.randint(20, 400)
            text = f"0.{'0' * zeros}{self.digits(1, 22)}e{zeros + r.randint(-3, 12)}"
        elif kind < 0.84:
            zeros = r.randint(20, 400)
            text = f"{self.digits(1, 22)}{'0' * zeros}E-{zeros + r.randint(-12, 12)}"
        elif kind < 0.92:
            text = self.damage(self.exponent(self.shape(scale, self.int64())))
        else:
            text = r.choice(("+", "-", "0", "00", "-0")) + want_format(scale, abs(self.int64()))
        if r.random() < 0.03:
            text = r.choice((" ", "", "+", "-", "0")) + text
        return scale, text

    def case(self):
        r = self.r
        up = r.getrandbits(1)
        kind = r.random()
        if kind < 0.18:
            scale, text = self.ours()
            return f"parse {scale} {text}", want_parse(scale, text)
        if kind < 0.50:
            scale, text = self.foreign()
            return f"foreign {scale} {text}", want_foreign(scale, text)
        if kind < 0.55:
            scale, v = self.scale(), self.int64()
            return f"format {scale} {v}", want_format(scale, v)
        if kind < 0.60:
            scale, v = self.scale(), self.int64()
            places = r.randint(0, scale)
            if r.random() < 0.3 and places < scale:
                v = v // 10 ** (scale - places) * 10 ** (scale - places)
                v += r.choice((5, -5)) * 10 ** (scale - places - 1) + r.randint(-1, 1)
                v = max(LOW, min(HIGH, v))
            return f"fixed {scale} {places} {v}", want_fixed(scale, places, v)
        amount = self.usual if r.random() < 0.5 else self.int64
        a, b = amount(), amount()
        if kind < 0.68:
            den = self.positive()
            if r.random() < 0.2:
                a = max(LOW, min(HIGH, a // den * den // (b or 1)))
            return f"muldiv {a} {b} {den} {up}", divide(a * b, den, up)
        if kind < 0.75:
            return f"money_of {a} {b} {up}", divide(a * b, E10, up)
        if kind < 0.82:
            b = self.positive() if amount == self.int64 else b + 1
            return f"quantity_of {a} {b} {up}", divide(a * E10, b, up)
        if kind < 0.88:
            rate = r.randint(-2 * E8, 2 * E8) if r.random() < 0.7 else self.int64()
            return f"money_rate {a} {rate} {up}", divide(a * rate, E8, up)
        if kind < 0.94:
            rate = r.randint(1 - E8, E8) if r.random() < 0.7 else max(1 - E8, self.int64())
            return f"price_shift {a} {rate} {up}", divide(a * (E8 + rate), E8, up)
        if kind < 0.96:
            b = self.positive()
            return f"price_of {a} {b} {up}", divide(a * E10, b, 0)
        op = r.choice(("money_add", "money_sub", "quantity_add", "quantity_sub"))
        return f"{op} {a} {b} 0", fits(a + b if op.endswith("add") else a - b)


FIXED = [
    ("parse", 8, t)
    for t in (
        "", "-", "0", "-0", "-0.00", "00", "01", "1.", ".1", "+1", "1e3", " 1", "1 ", "0x1",
        "NaN", "inf", "1,0", "1.123456789", "1.100000000", "92233720368.54775807",
        "92233720368.54775808", "-92233720368.54775808", "-92233720368.54775809", "1.-1", "--1",
        "1..2", "1\0", "\0", "0.00000000", "9" * 400, "0." + "0" * 400, "1_0",
    )
] + [
    ("foreign", s, t)
    for s in (0, 4, 8, 10, 18)
    for t in (
        "5.06e-06", "5.06E-06", "1.8e-05", "1e", "e5", "1e+", "1e-", ".", "-.", "+.5", "5.",
        "-5.", "5.e1", ".5e1", "1e1.5", "0e99999999999999999999999",
        "0.000e-99999999999999999999999999", "1e99999999999999999999999",
        "1e-99999999999999999999999", "1e9223372036854775807", "1e-9223372036854775808",
        "1e18446744073709551616", "1e4294967296", "1e-4294967296", "0.5", "1.5", "2.5", "-0.5",
        "-1.5", "-2.5", "0.5000000000000000000000000001", "-0", "9223372036854775807.5",
        "9223372036854775807.4999999", "-9223372036854775808.5",
        "-9223372036854775808.50000001", "-9223372036854775809", "NaN", "Infinity", "-inf",
        "0x10", "1,5", " 1", "1 ", "", "+", "-", "+-1", "1e5e5", "00001.5",
        "6.123456789012345678901234", "0." + "0" * 1000 + "1", "1" + "0" * 1000,
        "1" + "0" * 1000 + "e-1000", "9" * 2000, "0." + "0" * 1000 + "15e1000",
        "4" + "9" * 900 + "e-900", "1" * 22 + "e-9",
    )
]


def fixed_cases():
    for op, scale, text in FIXED:
        want = want_parse if op == "parse" else want_foreign
        yield f"{op} {scale} {text}", want(scale, text)


def compare(program, cases):
    """The number of cases that ${program} answers differently; the first ones are shown."""
    data = "\n".join(c for c, _ in cases) + "\n"
    done = subprocess.run([program], input=data.encode("ascii"), stdout=subprocess.PIPE)
    answers = done.stdout.decode("ascii").split("\n")[:-1]
    if done.returncode != 0 or len(answers) != len(cases):
        print(f"# ended with {done.returncode} after {len(answers)} of {len(cases)} answers")
        return len(cases)
    wrong = [(c, w, a) for (c, w), a in zip(cases, answers) if w != a]
    for case, want, got in wrong[:SHOWN]:
        print(f"# {case!r}: want {want!r}, got {got!r}")
    return len(wrong)


def main(argv):
    program = argv[1]
    total = int(argv[2]) if len(argv) > 2 else 1_000_000
    source = Source(int(argv[3]) if len(argv) > 3 else 20240723)
    cases = list(fixed_cases())
    done = wrong = 0
    refused = {}
    while cases:
        wrong += compare(program, cases)
        done += len(cases)
        for case, want in cases:
            op = case.split(" ", 1)[0]
            n = refused.setdefault(op, [0, 0])
            n[want == "error"] += 1
        cases = [source.case() for _ in range(min(BATCH, total - done))]
    for op, (good, bad) in sorted(refused.items()):
        print(f"# {op}: {good} with a result, {bad} refused")
    print(f"{done} cases, {wrong} differences")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
