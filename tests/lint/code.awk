# Print C sources as FILE:LINE:CODE without comments, so that a rule about code does not trip over
# prose. With -v strings=0 the text inside string literals goes too.
FNR == 1 { comment = 0 }
{
	code = ""
	quote = ""
	n = length($0)
	for (i = 1; i <= n; i++) {
		c = substr($0, i, 1)
		two = substr($0, i, 2)
		if (comment) {
			if (two == "*/") {
				comment = 0
				i++
			}
		} else if (quote != "") {
			if (c == "\\") {
				c = two
				i++
			}
			if (c == quote)
				quote = ""
			else if (strings == "0")
				c = ""
			code = code c
		} else if (two == "/*") {
			comment = 1
			code = code " "
			i++
		} else if (two == "//") {
			break
		} else {
			if (c == "\"" || c == "'")
				quote = c
			code = code c
		}
	}
	print FILENAME ":" FNR ":" code
}
