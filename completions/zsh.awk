# The completion of zsh, from the table of completions/generate.sh.
function quoted(text) {
	gsub(/'/, "'\\''", text)
	return "'" text "'"
}
function flush_tool() {
	if (tool == "")
		return
	tools = tools " " tool
	spec = spec "\t" tool ")\n\t\tcommands=(" commands ")\n\t\toptions=(" options "\n\t\t)\n\t\t;;\n"
	options = commands = ""
}
function option(letter, name, arg, kind, help,    flags, text) {
	gsub(/[][\\:]/, "\\\\&", help)
	gsub(/:/, "\\:", arg)
	text = "[" help "]" (arg == "" ? "" : ":" arg ": _trading_race_offer " quoted_kind(kind))
	flags = arg == "" ? "" : "="
	options = options "\n\t\t\t" quoted("*--" name flags text)
	if (letter != "")
		options = options "\n\t\t\t" quoted("*-" letter (arg == "" ? "" : "+") text)
}
function quoted_kind(kind) {
	return "\"" kind "\""
}
$1 == "tool" { flush_tool(); tool = $2 }
$1 == "option" { option($3, $4, $5, $6, $7) }
$1 == "command" {
	help = $4
	gsub(/[\\:]/, "\\\\&", help)
	commands = commands "\n\t\t\t" quoted($3 ":" help)
}
$1 == "operand" {
	operand = operand "\t'" $2 " " $3 " " ($4 == "*" ? "'*" : $4 "'") ") kind='" $5 "' ;;\n"
}
END {
	flush_tool()
	print ""
	print "_trading_race_operand() { # TOOL COMMAND INDEX: the kind of an operand"
	print "\tcase \"$1 $2 $3\" in"
	printf "%s", operand
	print "\tesac"
	print "}"
	print ""
	print "_trading_race() {"
	print "\tlocal -a options commands line"
	print "\tlocal -A opt_args"
	print ""
	print "\tcase $service in"
	printf "%s", spec
	print "\tesac"
	print "\t_arguments -s $options '*:operand:_trading_race_operands'"
	print "}"
	print ""
	print "_trading_race \"$@\""
}
