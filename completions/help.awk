# Turn the --help of one tool into lines of fields; completions/generate.sh explains them.

# What may stand for a word of a synopsis.
function kind(command, word,    n, part, i, words) {
	gsub(/[][]|\.\.\.|…/, "", word)
	if (word == "AGENT" || (word == "NAME" && tool == "tr-agent" && command != "add"))
		return "agent"
	if (word == "ASSET" || word == "SYMBOL" && tool == "tr-asset" && command != "add" ||
	    word == "NAME" && tool == "tr-asset" && command != "add")
		return "asset"
	if (word == "SETTING" || (tool == "tr-config" && (word == "KEY" || word == "NAME")))
		return "setting"
	if (word == "FILE" || word == "PROG")
		return "file"
	if (word == "DIR")
		return "dir"
	n = split(word, part, "|")
	for (i = 1; i <= n; i++)
		if (part[i] ~ /^[a-z][a-z0-9-]*$/)
			words = words (words == "" ? "=" : "|") part[i]
	return words == "" ? "any" : words
}

function operands(command, text,    n, word, i, rest) {
	n = split(text, word, " ")
	for (i = 1; i <= n; i++) {
		if (word[i] ~ /^\[?--/)
			return
		rest = word[i] ~ /(\.\.\.|…)\]*$/
		print "operand", tool, command, rest ? "*" : i, kind(command, word[i])
		if (rest)
			return
	}
}

# "LABEL  HELP": the label ends at the first two blanks
function cut(line) {
	sub(/^ +/, "", line)
	label = line
	help = ""
	if (match(line, /  +/)) {
		label = substr(line, 1, RSTART - 1)
		help = substr(line, RSTART + RLENGTH)
	}
}

/^usage: / {
	synopsis = $0
	sub(/^usage: [^ ]+ (\[options\])? */, "", synopsis)
	next
}
/^options:$/ || /^commands:$/ {
	section = $1
	if (section == "commands:")
		has_commands = 1
	next
}
section == "" && /[^ ]/ && summary == "" {
	summary = $0
	print "tool", tool, summary
}
section == "options:" && /^ / {
	cut($0)
	letter = ""
	if (label ~ /^-[^-],/) {
		letter = substr(label, 2, 1)
		sub(/^-., */, "", label)
	}
	sub(/^--/, "", label)
	name = label
	sub(/ .*/, "", name)
	arg = label ~ / / ? substr(label, index(label, " ") + 1) : ""
	print "option", tool, letter, name, arg, arg == "" ? "" : kind("", arg), help
}
section == "commands:" && /^ / {
	cut($0)
	name = label
	sub(/ .*/, "", name)
	print "command", tool, name, help
	if (label ~ / /)
		operands(name, substr(label, index(label, " ") + 1))
}
END {
	if (!has_commands)
		operands("-", synopsis)
}
