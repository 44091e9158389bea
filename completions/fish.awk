# The completion of fish, from the table of completions/generate.sh.
function quoted(text) {
	gsub(/\\/, "\\\\", text)
	gsub(/'/, "\\'", text)
	return "'" text "'"
}
# What to offer for a kind, as arguments of complete.
function offer(kind) {
	if (kind == "agent" || kind == "asset")
		return " -a '(__trading_race_names tr-" kind ")'"
	if (kind == "setting")
		return " -a '(__trading_race_names tr-config)'"
	if (kind == "file")
		return " -F"
	if (kind == "dir")
		return " -a '(__fish_complete_directories)'"
	if (kind ~ /^=/) {
		sub(/^=/, "", kind)
		gsub(/\|/, " ", kind)
		return " -a " quoted(kind)
	}
	return ""
}
function line(text) { text_of[tool] = text_of[tool] text "\n" }
function at(command, index_) {
	return " -n \"__trading_race_at " command " " index_ " $__trading_race_valued\""
}
$1 == "tool" {
	tool = $2
	order[++tools] = tool
	count = 0
}
$1 == "option" {
	short = $3 == "" ? "" : " -s " $3
	if ($5 != "") {
		valued[tool] = valued[tool] " --" $4 ($3 == "" ? "" : " -" $3)
		line("complete -c " tool short " -l " $4 " -r" ($6 == "file" ? "" : " -f") offer($6) " -d " quoted($7))
	} else {
		line("complete -c " tool short " -l " $4 " -d " quoted($7))
	}
}
$1 == "command" {
	line("complete -c " tool at("any", 0) " -a " $3 " -d " quoted($4))
}
$1 == "operand" {
	key = tool " " $3
	if ($4 == "*")
		where = (key in last ? last[key] + 1 : 1) "+"
	else
		where = last[key] = $4
	if (offer($5) != "")
		line("complete -c " tool at($3, where) offer($5))
}
END {
	for (i = 1; i <= tools; i++) {
		tool = order[i]
		print ""
		print "complete -c " tool " -f"
		text = text_of[tool]
		gsub(/\$__trading_race_valued/, substr(valued[tool], 2), text)
		printf "%s", text
	}
}
