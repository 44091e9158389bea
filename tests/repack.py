#!/usr/bin/env python3
"""Change a proof pack as somebody would who wants it to say something else.

    repack.py IN OUT LEVEL CODE

CODE sees `rows`, the lines of the facts as lists (kind, columns, check); `files`, the other
members by name, which it may change; and `at(kind, key...)`, the place of the first row of a kind
that begins with these columns. LEVEL says what is made anew afterwards, each with those before:
none; sums: the lists of SHA-256; checks: the checks of the lines; seals: all digests and the chain,
and what the manifest says about it. The digests are made from the description in README alone."""

import hashlib
import io
import json
import sys
import tarfile

PARTS = (("batch", ("batch", "price", "regime")),
         ("decisions", ("decision", "answer", "citation")),
         ("orders", ("order",)),
         ("executions", ("execution", "trade")),
         ("snapshots", ("snapshot",)))
OPTIONAL = ("regime", "answer", "citation")
BYTES = {"batch": ("pin", "context"), "decision": ("spec", "hash", "context", "raw"),
         "answer": ("prompt",)}


def number(n):
    return (n & (1 << 64) - 1).to_bytes(8, "big")


def field(data):
    return number(len(data)) + data


def column(kind, name, value):
    if value is None:
        return number(0)
    if isinstance(value, int):
        return number(1) + number(value)
    if isinstance(value, dict):
        return number(2) + field(bytes.fromhex(value["hex"]))
    if name in BYTES.get(kind, ()):
        return number(3) + field(bytes.fromhex(value))
    return number(2) + field(value.encode())


def part(name, kinds, window, rows, columns):
    data = field(name.encode()) + number(window)
    for kind in kinds:
        mine = [row for row in rows if row[0] == kind]
        for row in mine:
            data += b"".join(column(kind, c, v) for c, v in zip(columns[kind], row[1:-1]))
        if mine or kind not in OPTIONAL:
            data += number(len(mine))
    return hashlib.sha256(data).hexdigest()


def seal(n, window, parts, previous):
    data = field(b"tr.seal/1") + field(bytes.fromhex(previous)) + number(n) + number(window)
    return hashlib.sha256(data + b"".join(field(bytes.fromhex(p)) for p in parts)).hexdigest()


def reseal(rows, files, columns):
    """The whole chain from the rows; windows are numbered anew."""
    previous, n, first = "0" * 64, 0, 0
    for i, row in enumerate(rows):
        if row[0] == "window":
            n, first = n + 1, i
            row[1] = n
        elif row[0] == "seal":
            window = rows[first][2]
            parts = [part(name, kinds, window, rows[first:i], columns) for name, kinds in PARTS]
            last = seal(n, window, parts, previous)
            row[1:-1] = [n, window, *parts, previous, last]
            previous = last
    manifest = json.loads(files["manifest.json"])
    manifest["seals"], manifest["head"] = n, previous
    files["manifest.json"] = (json.dumps(manifest, separators=(",", ":")) + "\n").encode()


def text(row):
    return json.dumps(row, separators=(",", ":"), ensure_ascii=False)


def recheck(rows):
    check = "0" * 16
    for row in rows:
        line = text(row[:-1])[:-1]
        check = hashlib.sha256((check + line).encode()).hexdigest()[:16]
        row[-1] = check


def sums(files, names):
    return "".join(f"{hashlib.sha256(files[n]).hexdigest()}  {n}\n" for n in names).encode()


def read(path):
    files, facts, lines = {}, [], {}
    with tarfile.open(path) as tar:
        for member in tar:
            name = member.name.removeprefix("proof/")
            data = tar.extractfile(member).read()
            if name.startswith("facts/"):
                facts += data.decode().splitlines()
            else:
                files[name] = data
    for line in facts:
        lines[text(json.loads(line))] = line
    return files, [json.loads(line) for line in facts], lines


def write(path, files, facts):
    members = [n for n in files if not n.startswith("SHA256SUMS")]
    members += ["SHA256SUMS", *facts, "SHA256SUMS.facts"]
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name in members:
            data = files[name] if name in files else facts[name]
            info = tarfile.TarInfo("proof/" + name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def main():
    source, target, level, code = sys.argv[1:]
    level = ("none", "sums", "checks", "seals").index(level)
    files, rows, lines = read(source)
    columns = {}
    for line in files["README"].decode().splitlines():
        kind, colon, names = line.strip().partition(": ")
        if colon and line.startswith("    ") and kind.isalpha():
            columns[kind] = names.split()

    def at(*key):
        return next(i for i, row in enumerate(rows) if tuple(row[:len(key)]) == key)

    before = text(rows)
    exec(code, {"rows": rows, "files": files, "at": at, "json": json})
    if level >= 3:
        reseal(rows, files, columns)
    if level >= 2:
        recheck(rows)
    changed = text(rows) != before
    facts = {"facts/00000001.jsonl": "".join(
        lines.get(text(row), text(row)) + "\n" for row in rows).encode()}
    if level >= 1:
        files["SHA256SUMS"] = sums(files, [n for n in files if not n.startswith("SHA256SUMS")])
        files["SHA256SUMS.facts"] = sums(facts, list(facts))
    write(target, files, facts)
    print("changed" if changed else "rows as before")


main()
