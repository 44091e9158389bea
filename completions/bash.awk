# The completion of bash, from the table of completions/generate.sh.
function flush_tool() {
	if (tool == "")
		return
	tools = tools " " tool
	spec = spec "\t" tool ")\n\t\toptions='" options "'\n\t\tcommands='" commands "'\n\t\t;;\n"
	options = commands = ""
}
$1 == "tool" { flush_tool(); tool = $2 }
$1 == "option" {
	if ($3 != "")
		options = options (options == "" ? "" : " ") "-" $3
	options = options (options == "" ? "" : " ") "--" $4
	if ($5 != "")
		argument = argument "\t'" $2 " --" $4 "'" ($3 == "" ? "" : " | '" $2 " -" $3 "'") \
			") kind='" $6 "' ;;\n"
}
$1 == "command" { commands = commands (commands == "" ? "" : " ") $3 }
$1 == "operand" {
	operand = operand "\t'" $2 " " $3 " " ($4 == "*" ? "'*" : $4 "'") ") kind='" $5 "' ;;\n"
}
END {
	flush_tool()
	print ""
	print "_trading_race_spec() { # TOOL: its options and commands"
	print "\tcase $1 in"
	printf "%s", spec
	print "\tesac"
	print "}"
	print ""
	print "_trading_race_argument() { # TOOL OPTION: the kind of its argument, '' for none"
	print "\tkind="
	print "\tcase \"$1 $2\" in"
	printf "%s", argument
	print "\tesac"
	print "}"
	print ""
	print "_trading_race_operand() { # TOOL COMMAND INDEX: the kind of an operand"
	print "\tkind="
	print "\tcase \"$1 $2 $3\" in"
	printf "%s", operand
	print "\tesac"
	print "}"
	print ""
	print "complete -F _trading_race" tools
}
