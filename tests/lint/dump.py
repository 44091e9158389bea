#!/usr/bin/env python3
"""The logical dump prints every column that the schema does not mark volatile or surrogate."""
import os
import re
import sys

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
schema = open("share/schema.sql").read()
dump = open("lib/race_dump.c").read()
bad = []


def say(what):
    bad.append(what)


wanted = {}
for m in re.finditer(r"^-- ([^\n]*)\n(?:-- [^\n]*\n)*CREATE TABLE (\w+) \(\n(.*?)\n\) STRICT", schema, re.M | re.S):
    comment, table, body = m.groups()
    if comment.startswith("volatile:"):
        continue
    cols = []
    for line in body.split("\n"):
        c = re.match(r"  ([a-z]\w*) (?:INTEGER|TEXT|BLOB)\b.*-- (.*)$", line)
        if c and not c.group(2).startswith(("volatile:", "surrogate:")):
            cols.append(c.group(1))
    wanted[table] = cols

listed = dict(re.findall(r"\{ \"(\w+)\", (sql_\w+) \}", dump))
for table in wanted:
    if table not in listed:
        say(f"share/schema.sql: table {table} is neither volatile nor dumped")
for table, name in listed.items():
    m = re.search(r"static const char %s\[\] =(.*?);\n" % name, dump, re.S)
    text = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', m.group(1)))
    cols = []
    for item in re.match(r"SELECT (.*?) FROM", text).group(1).split(","):
        cols.append(re.sub(r".*(?: AS |\.)", "", item.strip()).strip())
    if table not in wanted:
        say(f"lib/race_dump.c: {table} is volatile or unknown, but dumped")
    elif sorted(cols) != sorted(wanted[table]):
        diff = set(cols) ^ set(wanted[table])
        say(f"lib/race_dump.c: {name}: differs from the schema in {', '.join(sorted(diff))}")
    if "ORDER BY" not in text:
        say(f"lib/race_dump.c: {name}: has no order")
if not wanted or not listed:
    say("lib/race_dump.c: nothing found to compare")
print("\n".join(bad), end="\n" if bad else "")
sys.exit(1 if bad else 0)
