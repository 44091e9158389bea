#!/usr/bin/env python3
"""Every SQL statement of lib/ prepares on the schema and scans no table without saying why.

A statement is `static const char sql_NAME[] = "..." "...";`. The comment directly above may give
the reason for a scan: "scan: ..."."""

import glob
import re
import sqlite3
import sys
import tempfile

SCHEMA = "share/schema.sql"
# SQL functions that the program registers itself: name, number of arguments
FUNCTIONS = ()

COMMENT = r"/\*.*?\*/|//[^\n]*"
LITERAL = r'"(?:[^"\\\n]|\\.)*"'
DECLARATION = re.compile(
    r"\bstatic\s+const\s+char\s+(sql_\w+)\s*\[\s*\]\s*=((?:\s|%s|%s)*);" % (COMMENT, LITERAL),
    re.S)
STRAY = re.compile(
    r"\s*(SELECT\s|INSERT\s+(OR|INTO)\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s|REPLACE\s+INTO\s"
    r"|WITH\s+\w+.*\sAS\s*\()", re.S)
PREPARE_ONLY = re.compile(r"\s*(PRAGMA|BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|VACUUM|ATTACH)\b",
                          re.I)
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'", "0": "\0"}


class Nulls(dict):
    """A value for every named parameter."""

    def __missing__(self, key):
        return None


def decode(literals):
    """The bytes that the compiler makes of adjacent literals."""
    text = "".join(part[1:-1] for part in re.findall(LITERAL, re.sub(
        r"(%s)|(%s)" % (LITERAL, COMMENT), lambda m: m.group(1) or " ", literals, flags=re.S)))
    return re.sub(r"\\(.)", lambda m: ESCAPES.get(m.group(1), m.group(0)), text, flags=re.S)


def comment_above(source, start):
    before = source[:start]
    if not re.search(r"\*/[ \t]*\n[ \t]*$", before):
        return ""
    return before[before.rfind("/*"):]


def blank(match):
    """Keep the line numbers of what is taken out."""
    return re.sub(r"[^\n]", " ", match.group(0))


def scans(plan, sql):
    """Tables that a plan reads from end to end, and whether an index gives the order."""
    made = set(re.findall(r"\b(\w+)\s*(?:\([^()]*\))?\s+AS\s+(?:NOT\s+MATERIALIZED\s*|"
                          r"MATERIALIZED\s*)?\(", sql, re.I))
    for row in plan:
        m = re.match(r"(?:CO-ROUTINE|MATERIALIZE) (\w+)", row[3])
        if m:
            made.add(m.group(1))
    for name in list(made):
        made.update(m for m in re.findall(r"\b%s\s+(?:AS\s+)?(\w+)" % re.escape(name), sql, re.I))
    for row in plan:
        m = re.match(r"SCAN (?:TABLE )?(\w+)", row[3])
        if not m or m.group(1) in made:
            continue
        if re.search(r" VIRTUAL TABLE |CONSTANT ROW|VALUES", row[3]):
            continue
        yield m.group(1), bool(re.search(r" USING .*(INDEX|PRIMARY KEY)", row[3]))


def check(db, sql, reason):
    """The rule that a statement breaks, or None."""
    try:
        if PREPARE_ONLY.match(sql):
            db.execute("EXPLAIN " + sql, Nulls())
            return None
        plan = db.execute("EXPLAIN QUERY PLAN " + sql, Nulls()).fetchall()
    except (sqlite3.Error, sqlite3.Warning) as e:
        return "does not prepare: %s" % e
    found = set(scans(plan, sql))
    bare = sorted(table for table, indexed in found if not indexed)
    explained = re.search(r"\bscan:\s*\w", reason)
    if bare and not explained:
        return "scans %s" % ", ".join(bare)
    if explained and not found:
        return "explains a scan that is not there"
    return None


def stray(path, source):
    """Statements that are not declared as sql_NAME and would escape this rail."""
    source = DECLARATION.sub(blank, source)
    for m in re.finditer(r"(%s)|%s" % (LITERAL, COMMENT), source, re.S):
        # the catalogue is not part of the schema
        if m.group(1) and STRAY.match(m.group(1)[1:]) and "sqlite_schema" not in m.group(1):
            yield "%s:%d: SQL outside a sql_NAME" % (path, source.count("\n", 0, m.start()) + 1)


def main():
    db = sqlite3.connect(":memory:", isolation_level=None)
    with open(SCHEMA, encoding="utf-8") as f:
        schema = f.read()
    db.executescript(schema)
    # what is copied from one race into another names the first one so
    origin = tempfile.NamedTemporaryFile()
    other = sqlite3.connect(origin.name)
    other.executescript(schema)
    other.close()
    db.execute("ATTACH ? AS origin", (origin.name,))
    for name, arguments in FUNCTIONS:
        db.create_function(name, arguments, lambda *a: None)
    found, count = [], 0
    for path in sorted(glob.glob("lib/*.c")):
        with open(path, encoding="utf-8") as f:
            source = f.read()
        for m in DECLARATION.finditer(source):
            count += 1
            where = "%s:%d: %s " % (path, source.count("\n", 0, m.start()) + 1, m.group(1))
            rule = check(db, decode(m.group(2)), comment_above(source, m.start()))
            if rule:
                found.append(where + rule)
            if len(re.findall(r"\b%s\b" % m.group(1), source)) < 2:
                found.append(where + "is not used")
        found.extend(stray(path, source))
    if count == 0:
        found.append("lib:1: no SQL statement found")
    print("".join(line + "\n" for line in found), end="")
    return 1 if found else 0


sys.exit(main())
