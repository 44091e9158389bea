#!/bin/sh
# Print the page tr-config(5), made of the registry of settings as tr-config explains it. B is
# the directory with the programs. After a change of the registry: man/tr-config.5.sh
# >man/tr-config.5
set -eu
B=${B:-build}

cat <<'END'
.\" Made by man/tr-config.5.sh of the registry in lib/config.c; do not edit.
.Dd November 21, 2026
.Dt TR-CONFIG 5
.Os
.Sh NAME
.Nm tr-config
.Nd settings of a race
.Sh DESCRIPTION
Settings are stored in the race and changed with
.Xr tr-config 1 ,
which logs every change.
A change counts from the next window that begins: a window runs under the settings that it was
pinned to.
.Pp
Numbers are plain decimals: digits, and where decimals are allowed a point and at most 4 digits,
or 8 for amounts of the quote currency; no sign, exponent or leading zeros.
Yes may be written yes, true, on or 1, and no as no, false, off or 0.
.Pp
A variable in the environment,
.Ev TR_
and the name in upper case with underscores, overrides a setting for the windows that begin under
it.
A variable that begins like one of a section but names no setting is an error, status 78.
.Sh SETTINGS
.Bl -tag -width Ds
END
"$B/tr-config" explain | awk '
	function sentence(s) { return toupper(substr(s, 1, 1)) substr(s, 2) "." }
	/^[^ ]/ { name = $0; variable = "TR_" toupper($0); gsub(/\./, "_", variable); next }
	!help { help = sentence(substr($0, 3)); next }
	{
		at = index($0, "; default ")
		print ".It Cm " name
		print help
		print sentence(substr($0, 3, at - 3))
		print "The default is " substr($0, at + 10) "."
		print ".Pq Ev " variable
		help = ""
	}'
cat <<'END'
.El
.Sh EXAMPLES
.Bd -literal -offset indent
$ tr-config set trade.fee_bps 5
$ TR_TRADE_FEE_BPS=0 tr-config get trade.fee_bps --effective
$ TR_TRADE_FEES=0 tr-config list --effective # status 78
.Ed
.Sh SEE ALSO
.Xr tr-config 1 ,
.Xr tr-cycle 1 ,
.Xr tr-ingest 1 ,
.Xr tr-trade 1 ,
.Xr tr-tools 7
END
