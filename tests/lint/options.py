#!/usr/bin/env python3
"""The page of a tool lists the options and commands that the tool prints with --help.

Options are `.It Fl d , Fl -database Ar FILE` in the section OPTIONS, commands
`.It Cm set Ar NAME ...` in the section COMMANDS. Completions are made of the same text by
completions/generate.sh and compared by completions.sh."""

import glob
import os
import re
import subprocess
import sys


def placeholders(text):
    """The names in an argument, apart from punctuation."""
    return [word.strip("-") for word in re.findall(r"[A-Za-z0-9_-]+", text)]


def said(tool):
    """Options {name: (letter, argument)} and commands {name: placeholders} of --help."""
    text = subprocess.run([tool, "--help"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          check=True, encoding="utf-8").stdout
    options, commands, section = {}, {}, ""
    for line in text.splitlines():
        if line in ("options:", "commands:"):
            section = line
        elif section and line.startswith("  "):
            # an option without a letter is indented by four more
            label = re.split(r"\s{2,}", line.strip())[0]
            m = re.fullmatch(r"(?:-(\S), )?--([a-z0-9-]+)(?: (.*))?", label)
            if section == "options:" and m:
                options[m[2]] = (m[1] or "", placeholders(m[3] or ""))
            elif section == "commands:":
                name, _, arguments = label.partition(" ")
                commands[name] = re.findall(r"\b[A-Z][A-Z_]*\b", arguments)
    return options, commands


def written(page):
    """The same of a page, each with its line."""
    options, commands, section = {}, {}, ""
    with open(page, encoding="utf-8") as f:
        lines = f.read().splitlines()
    for number, line in enumerate(lines, 1):
        if line.startswith(".Sh "):
            section = line[4:].strip().strip('"')
        m = re.match(r"\.It (?:Fl (\S)(?: Ns)? ?,? )?Fl -([a-z0-9-]+)(.*)", line)
        if m and section == "OPTIONS":
            argument = re.sub(r"(?:^|(?<=\s))(?:Ar|Ns|Cm|Li|No|Op|Oo|Oc|Sy|Fl|Pf)(?=\s|$)", " ",
                              m[3])
            argument = argument.replace("\\-", "-").replace("\\&", "")
            options[m[2]] = (number, (m[1] or "", placeholders(argument)))
        m = re.match(r"\.It Cm ([a-z][a-z0-9-]*)(.*)", line)
        if m and section == "COMMANDS":
            commands[m[1]] = (number, re.findall(r"\b[A-Z][A-Z_]*\b", m[2]))
    return options, commands


def spell(name, what):
    return "--" + name if what == "option" else name


def compare(page, what, tool, man):
    for name in sorted(tool.keys() - man.keys()):
        yield "%s:1: %s %s is missing" % (page, what, spell(name, what))
    for name in sorted(man.keys() - tool.keys()):
        yield "%s:%d: %s %s does not exist" % (page, man[name][0], what, spell(name, what))
    for name in sorted(man.keys() & tool.keys()):
        if man[name][1] != tool[name]:
            yield "%s:%d: %s %s differs from --help: %s, not %s" % (
                page, man[name][0], what, spell(name, what), tool[name], man[name][1])


def main():
    build = os.environ.get("B") or sys.exit("options.py: B: the build directory")
    found, count = [], 0
    for source in sorted(glob.glob("cmd/tr-*.c")):
        name = os.path.basename(source)[:-2]
        page, tool = "man/%s.1" % name, os.path.join(build, name)
        if not os.path.exists(page):
            found.append("%s:1: no page %s" % (source, page))
            continue
        if not os.access(tool, os.X_OK):
            found.append("%s:1: is not built" % source)
            continue
        options, commands = said(tool)
        page_options, page_commands = written(page)
        count += len(options)
        found.extend(compare(page, "option", options, page_options))
        found.extend(compare(page, "command", commands, page_commands))
    if count == 0:
        found.append("cmd:1: no options found")
    print("".join(line + "\n" for line in found), end="")
    return 1 if found else 0


sys.exit(main())
