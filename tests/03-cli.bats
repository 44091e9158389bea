load helper

# A tool with one option of every type; "show" prints what it understood.
cli() {
	"$B/unit/test_cli" "$@"
}

# With the given redirections done by a shell, since run has its own.
in_shell() {
	TOOL=$B/unit/test_cli bash -c "$1"
}

usage_error() {
	local message=$1
	shift
	expect 64 cli "$@"
	assert_equal "$output" ""
	assert_equal "${stderr_lines[0]}" "test-cli: $message"
	assert_equal "${stderr_lines[1]}" "test-cli: try test-cli --help"
	assert_equal "${#stderr_lines[@]}" 2
}

@test "--version names tool, version and project" {
	expect 0 cli --version
	assert_output --regexp '^test-cli [0-9]+\.[0-9]+\.[0-9]+ \(trading-race\)$'
	assert_equal "$stderr" ""
	expect 0 cli -V
	assert_output --partial "(trading-race)"
}

@test "--help prints usage, summary and a table of options" {
	expect 0 cli --help
	assert_equal "${lines[0]}" "usage: test-cli [options] [WORD]..."
	assert_equal "${lines[1]}" "print what was understood"
	assert_equal "${lines[2]}" "options:"
	assert_equal "${lines[3]}" \
		'  -d, --database FILE  race database (default $TR_DB, else race.db)'
	assert_line "  -f, --flag           a flag"
	assert_line "      --at TIME        a time"
	refute_line "commands:"
	assert_equal "$stderr" ""
}

@test "every line of the table of options has one form that a program can read" {
	expect 0 cli -h
	run --separate-stderr sed -n '/^options:/,$p' <<<"$output"
	[ "$(grep -c -E '^  (-.,|   ) --[a-z]+( [A-Z]+)?  +[^ ].*$' <<<"$output")" -eq 12 ]
	[ "${#lines[@]}" -eq 13 ]
}

@test "--help of a tool with commands prints one usage line per command" {
	TEST_COMMANDS=1 expect 0 cli --help
	assert_equal "${lines[0]}" "usage: test-cli [options] add NAME [KEY=VALUE]..."
	assert_equal "${lines[1]}" "usage: test-cli [options] list"
	assert_line "  add NAME [KEY=VALUE]...  add a thing"
	assert_line "  list                     list the things"
}

@test "long options take =VALUE or the next word" {
	expect 0 cli show --string=a --int 3
	assert_line "string a"
	assert_line "int 3"
	expect 0 cli show --string= --list=a=b
	assert_line "string "
	assert_line "item a=b"
}

@test "short options may be joined, the last one with its value" {
	expect 0 cli show -fvvsx
	assert_line "flag"
	assert_line "level 0 2"
	assert_line "string x"
	expect 0 cli show -fs x
	assert_line "flag"
	assert_line "string x"
	assert_line "rest no"
}

@test "options and operands may be mixed before --" {
	expect 0 cli show a -f b --int=3 c
	assert_line "operand a"
	assert_line "operand b"
	assert_line "operand c"
	assert_line "flag"
	assert_line "int 3"
}

@test "words after -- are kept apart and never options" {
	expect 0 cli show a -- -f --bogus -- b
	assert_line "operand a"
	refute_line "flag"
	assert_line "rest yes"
	assert_line "after -f"
	assert_line "after --bogus"
	assert_line "after --"
	assert_line "after b"
	refute_line "operand b"
}

@test "a -- with nothing behind it is seen" {
	expect 0 cli show --
	assert_line "rest yes"
	refute_line --regexp '^after'
}

@test "a lone - is an operand and a value" {
	expect 0 cli show - -s -
	assert_line "operand -"
	assert_line "string -"
}

@test "a negative number is a value" {
	expect 0 cli show -i -1 -s -12
	assert_line "int -1"
	assert_line "string -12"
	expect 0 cli show -i-5
	assert_line "int -5"
	expect 0 cli show --int -9223372036854775808
	assert_line "int -9223372036854775808"
}

@test "a negative number that no option asked for is refused" {
	usage_error "unknown option -1 (a number below zero is written behind --)" show -1
}

@test "a list keeps all items in order" {
	expect 0 cli show -l b --list a -lb
	run --separate-stderr grep '^item' <<<"$output"
	assert_output $'item b\nitem a\nitem b'
}

@test "an unknown option names the nearest one" {
	usage_error "unknown option --databse, did you mean --database?" --databse x
	usage_error "unknown option --strin, did you mean --string?" --strin=x
}

@test "an unknown option that is near to nothing names nothing" {
	usage_error "unknown option --zzzzzzzzzz" --zzzzzzzzzz
	usage_error "unknown option -z" -fz
}

@test "an abbreviation is no option" {
	expect 64 cli --stri x
	expect 64 cli --s x
}

@test "a missing argument is named" {
	usage_error "option --string needs an argument: TEXT" show -s
	usage_error "option --string needs an argument: TEXT" show --string
}

@test "an option is not taken for the argument that was forgotten" {
	usage_error 'option --string needs an argument: TEXT (if "--flag" is meant, write --string=--flag)' \
		show -s --flag
	usage_error 'option --string needs an argument: TEXT (if "--" is meant, write --string=--)' \
		show --string -- x
	expect 0 cli show --string=--flag
	assert_line "string --flag"
}

@test "a flag takes no argument" {
	usage_error "option --flag takes no argument" --flag=yes
	usage_error "option --verbose takes no argument" --verbose=2
	usage_error "option --flag takes no argument" --flag=
}

@test "a single option must not be repeated, whatever its type and spelling" {
	usage_error "option --string is given more than once" -s a --string=b
	usage_error "option --int is given more than once" --int 1 --int 1
	usage_error "option --at is given more than once" --at 2024-01-01 --at 2024-01-02
	usage_error "option --database is given more than once" -d a -d b
}

@test "a flag may be repeated" {
	expect 0 cli show -ff --flag
	assert_line "flag"
}

@test "an integer is strict" {
	local bad
	for bad in "" 1x 0x10 1.5 1e3 +1 " 1" 01 9223372036854775808 abc; do
		usage_error "option --int: \"$bad\" is not a whole number" "--int=$bad"
	done
}

@test "a time is read, and -1 when absent" {
	expect 0 cli show
	assert_line "at -1"
	refute_line --regexp '^now'
	expect 0 cli show --at 1970-01-01T00:00:01Z -t 1970-01-01
	assert_line "at 1000"
	assert_line "now 0"
}

@test "a time that is none is refused by option" {
	expect 64 cli --now 2024-02-30
	assert_equal "${stderr_lines[0]%%: *}" "test-cli"
	[[ ${stderr_lines[0]} == "test-cli: option --now: "* ]]
}

@test "the database is -d, else TR_DB unless empty, else race.db" {
	expect 0 cli show
	assert_line "database race.db"
	TR_DB=x.db expect 0 cli show
	assert_line "database x.db"
	TR_DB='' expect 0 cli show
	assert_line "database race.db"
	TR_DB=x.db expect 0 cli show -d y.db
	assert_line "database y.db"
	usage_error "option --database: the name of the file is empty" -d ""
}

@test "a failure is one line with its status, control bytes escaped" {
	expect 66 cli fail
	assert_equal "$stderr" 'test-cli: no\x0asuch thing'
	expect 66 cli -qqq fail
	assert_equal "$stderr" 'test-cli: no\x0asuch thing'
}

@test "-q and -v choose what is said, and errors always are" {
	expect 0 cli say
	assert_equal "${#stderr_lines[@]}" 2
	expect 0 cli say -q
	assert_equal "$stderr" "test-cli: error"
	expect 0 cli say -qqq
	assert_equal "$stderr" "test-cli: error"
	expect 0 cli say -v
	assert_equal "${#stderr_lines[@]}" 3
	expect 0 cli say -vvvv
	assert_equal "${#stderr_lines[@]}" 4
}

@test "operands that a tool refuses end with 64" {
	usage_error "operand usage is not wanted" usage
}

@test "a full disk under stdout ends with 74" {
	expect 74 in_shell '"$TOOL" show >/dev/full'
	assert_equal "$stderr" \
		"test-cli: cannot write to standard output: No space left on device"
	expect 74 in_shell '"$TOOL" --help >/dev/full'
	expect 74 in_shell '"$TOOL" fill --fill 1000000 >/dev/full'
	assert_equal "${#stderr_lines[@]}" 1
}

@test "a closed stdout ends with 74 and reaches no other file" {
	expect 74 in_shell '"$TOOL" show >&-'
	assert_equal "$stderr" "test-cli: cannot write to standard output: Bad file descriptor"
}

@test "a closed stdout does not matter to a tool that prints nothing" {
	expect 0 in_shell '"$TOOL" nothing >&-'
	assert_equal "$stderr" ""
	expect 66 in_shell '"$TOOL" fail >&-'
}

@test "a closed stderr changes no status" {
	expect 66 in_shell '"$TOOL" fail 2>&-'
	expect 0 in_shell '"$TOOL" show 2>&-'
	assert_line "int 7"
	expect 74 in_shell '"$TOOL" show >&- 2>&-'
}

@test "a closed stdin is absent" {
	expect 0 in_shell '"$TOOL" stdin <&-'
	assert_output "stdin absent 0"
	expect 0 in_shell '"$TOOL" stdin <&- 2>&-'
	assert_output "stdin absent 0"
}

@test "a reader that goes away ends the tool quietly with its own status" {
	expect 0 in_shell '{ "$TOOL" fill --fill 1000000; echo $? >st; } | head -c 1 >/dev/null; cat st'
	assert_output 0
	assert_equal "$stderr" ""
}

@test "large output arrives whole" {
	local n
	for n in 0 1 65535 65536 65537 1000001; do
		expect 0 in_shell "\"\$TOOL\" fill --fill $n | wc -c"
		assert_output "$n"
	done
}

@test "large output through a slow non-blocking pipe arrives whole" {
	cat >nonblock.py <<-'PY'
	import os, subprocess, sys, time
	r, w = os.pipe()
	os.set_blocking(w, False)
	p = subprocess.Popen(sys.argv[1:], stdout=w)
	os.close(w)
	time.sleep(0.2)
	n = 0
	while True:
	    b = os.read(r, 65536)
	    if not b:
	        break
	    n += len(b)
	print(n, p.wait())
	PY
	expect 0 python3 nonblock.py "$B/unit/test_cli" fill --fill 1000001
	assert_output "1000001 0"
}

@test "stdin is absent from /dev/null, present from an empty pipe or file" {
	expect 0 in_shell '"$TOOL" stdin </dev/null'
	assert_output "stdin absent 0"
	expect 0 in_shell ': | "$TOOL" stdin'
	assert_output "stdin present 0"
	: >empty
	expect 0 in_shell '"$TOOL" stdin <empty'
	assert_output "stdin present 0"
}

@test "stdin is read up to its ceiling and no byte more" {
	head -c 100000 /dev/zero >most
	head -c 100001 /dev/zero >above
	expect 0 in_shell '"$TOOL" stdin <most'
	assert_output "stdin present 100000"
	expect 65 in_shell '"$TOOL" stdin <above'
	assert_equal "$stderr" "test-cli: standard input has more than 100000 bytes"
	expect 65 in_shell 'cat /dev/zero | "$TOOL" stdin'
}

@test "stdin that cannot be read ends with 74" {
	expect 74 in_shell '"$TOOL" stdin <.'
	assert_equal "$stderr" "test-cli: cannot read standard input: Is a directory"
}
