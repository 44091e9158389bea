load helper

# Candle files: what reads, with which counts, and what is said about the rest.

H=asset,quote,open_time_utc,interval_s,open,high,low,close,volume

candles() {
	expect 0 "$B/unit/candles" "$@"
}

# The line printed about one file, without the file's directory.
is() {
	[ "$output" = "$1" ] || {
		echo "expected: $1"
		echo "found:    $output"
		return 1
	}
}

complaints() {
	local want
	want=$(cat)
	[ "$stderr" = "$want" ] || {
		echo "expected: $want"
		echo "found:    $stderr"
		return 1
	}
}

twin() {
	cp "$TOP/tests/fixtures/nasty/$1" .
	candles "$1"
}

# A file of another form: status 65, the header it has, and the hint.
foreign() {
	is "error 65 $1: line 1: header is \"$2\", expected \"$H\" ($3)"
	[ -z "$stderr" ]
}

good_file() {
	printf '%s\n' "$H"
	awk 'BEGIN { for (i = 0; i < 3000; i++)
		printf "AAA,USD,2031-01-%02dT%02d:%02d:00Z,60,%d.%d,%d,1,2.5,%d.125\n",
			1 + i / 1440, i / 60 % 24, i % 60, 3 + i % 7, i % 10, 20 + i % 3, i * 37 }'
}

@test "a file that is newest first, with rows twice and gaps, is counted row by row" {
	twin n01-newest-first-twice.csv
	is "ok AAA EUR 86400 8 3 1 2 3 3"
	complaints <<-'END'
	n01-newest-first-twice.csv: line 9: high 38.1 is below open 38.2
	n01-newest-first-twice.csv: line 4: open time 2031-03-10T00:00:00Z also at line 5, and they differ
	n01-newest-first-twice.csv: line 5: open time 2031-03-10T00:00:00Z also at line 4, and they differ
	END
}

@test "scientific notation and 22 decimals read, noise in the last digits does no harm" {
	twin n02-scientific.csv
	is "ok TTT BTC 86400 3 1 0 0 0 2"
	complaints <<-'END'
	n02-scientific.csv: line 4: high 2.3e-06 is below open 2.35e-06
	END
}

@test "rows in no order with CRLF are sorted" {
	twin n03-interleaved-crlf.csv
	is "ok BBB USD 3600 7 0 0 0 0 0"
	[ -z "$stderr" ]
}

@test "a byte order mark is accepted, quotes and units are not" {
	twin n04-bom-crlf-quoted.csv
	is "ok CCC USD 86400 4 3 0 0 0 0"
	complaints <<-'END'
	n04-bom-crlf-quoted.csv: line 3: fields must not be quoted
	n04-bom-crlf-quoted.csv: line 4: open ""7410"" is quoted
	n04-bom-crlf-quoted.csv: line 5: volume: '1.25K' is not a number
	END
}

@test "numbers that run together are no number" {
	twin n05-run-together.csv
	is "ok DDD USD 86400 2 1 0 0 0 1"
	complaints <<-'END'
	n05-run-together.csv: line 3: volume: '51.2200110048.7712000033.10020000' is not a number
	END
}

@test "local times, closing times and times with a blank are bad rows" {
	twin n06-local-time.csv
	is "ok EEE USDT 900 5 4 0 0 0 0"
	complaints <<-'END'
	n06-local-time.csv: line 3: open_time_utc "2031-10-26T02:45:00+02:00" is not a UTC time
	n06-local-time.csv: line 4: open_time_utc "2031-10-26T02:00:00+01:00" is not a UTC time
	n06-local-time.csv: line 5: open_time_utc "2031-10-26T01:14:59.999Z" is not on the grid of its interval
	n06-local-time.csv: line 6: open_time_utc "2031-10-26 01:30:00Z" has a blank or a control byte
	END
}

@test "a candle written again while it formed is bad in all its versions" {
	twin n07-in-progress.csv
	is "ok FFF USDT 300 6 3 0 2 14 0"
	complaints <<-'END'
	n07-in-progress.csv: line 3: open time 2031-06-01T10:05:00Z also at line 4, and they differ
	n07-in-progress.csv: line 4: open time 2031-06-01T10:05:00Z also at line 3, and they differ
	n07-in-progress.csv: line 5: open time 2031-06-01T10:05:00Z also at line 3, and they differ
	END
}

@test "a halt is zero-volume candles and a gap" {
	twin n08-halt.csv
	is "ok GGG USDT 60 11 0 0 1 24 0"
	[ -z "$stderr" ]
}

@test "a collapse and a symbol that comes back are read as they are" {
	twin n09-collapse-reuse.csv
	is "ok HHH USDT 3600 4 0 0 1 479 0"
	[ -z "$stderr" ]
}

@test "tiny prices and huge volumes are read without rounding" {
	twin n10-tiny-prices.csv
	is "ok IIII USDT 3600 2 0 0 0 0 0"
	[ -z "$stderr" ]
}

@test "rows of zeros before a listing are bad, a deep wick is not" {
	twin n11-zero-padding.csv
	is "ok JJJ USD 86400 4 2 0 0 0 1"
	complaints <<-'END'
	n11-zero-padding.csv: line 4: open "0.0" is not above 0
	n11-zero-padding.csv: line 5: open "0.0" is not above 0
	END
}

@test "empty, missing and surplus fields are bad rows" {
	twin n12-empty-fields.csv
	is "ok KKK USD 86400 4 3 0 0 0 0"
	complaints <<-'END'
	n12-empty-fields.csv: line 3: open is empty
	n12-empty-fields.csv: line 4: 10 fields, expected 9
	n12-empty-fields.csv: line 5: 8 fields, expected 9
	END
}

@test "null, NaN and inf are no numbers" {
	twin n13-null-row.csv
	is "ok MMM USD 86400 4 3 0 0 0 0"
	complaints <<-'END'
	n13-null-row.csv: line 3: open: 'null' is not a number
	n13-null-row.csv: line 4: high: 'NaN' is not a number
	n13-null-row.csv: line 5: volume: 'inf' is not a number
	END
}

@test "a flash crash is a candle" {
	twin n14-flash-crash.csv
	is "ok NNN USD 86400 3 0 0 0 0 0"
	[ -z "$stderr" ]
}

@test "times in milliseconds and microseconds are bad rows" {
	twin n15-microseconds.csv
	is "ok OOO USDT 1 4 2 0 1 2 0"
	complaints <<-'END'
	n15-microseconds.csv: line 3: open_time_utc "1924992001000000" is not a UTC time
	n15-microseconds.csv: line 4: open_time_utc "1924992002000" is not a UTC time
	END
}

plain="looks like candles without asset, quote, interval"
cdd="looks like a CryptoDataDownload file"

@test "the foreign forms of the same files are refused with what was found and a hint" {
	twin n01-newest-first-twice.foreign.csv
	foreign n01-newest-first-twice.foreign.csv \
		"unix,date,symbol,open,high,low,close,Volume EUR,Volume AAA" "$cdd"
	twin n02-scientific.foreign.csv
	foreign n02-scientific.foreign.csv \
		"unix,date,symbol,open,high,low,close,Volume BTC,Volume TTT" "$cdd"
	twin n03-interleaved-crlf.foreign.csv
	foreign n03-interleaved-crlf.foreign.csv \
		"Timestamps are UTC timezone,https://www.example.com" "$cdd"
	twin n04-bom-crlf-quoted.foreign.csv
	foreign n04-bom-crlf-quoted.foreign.csv \
		'"Date","Price","Open","High","Low","Vol.","Change %"' "looks like an Investing.com export"
	twin n05-run-together.foreign.csv
	foreign n05-run-together.foreign.csv "Date,Open,High,Low,Close,Volume" "$plain"
	twin n06-local-time.foreign.csv
	foreign n06-local-time.foreign.csv \
		"open,high,low,close,volume,quote_volume,trades,close_datetime" \
		"looks like candles without asset, quote and open time"
	twin n07-in-progress.foreign.csv
	foreign n07-in-progress.foreign.csv "timestamp,open,high,low,close,volume" "$plain"
	twin n08-halt.foreign.json
	foreign n08-halt.foreign.json \
		"[[1941276420000,27500.5,27510,27490,27500.5,27.5],[1941278400000,27600,27650,275..." \
		"looks like JSON"
	twin n09-collapse-reuse.foreign.csv
	foreign n09-collapse-reuse.foreign.csv "date,open,high,low,close,volume,ticker" "$plain"
	twin n10-tiny-prices.foreign.csv
	foreign n10-tiny-prices.foreign.csv "timestamp,open,high,low,close,volume" "$plain"
	twin n11-zero-padding.foreign.csv
	foreign n11-zero-padding.foreign.csv \
		"unix,date,symbol,open,high,low,close,Volume JJJ,Volume USD" "$cdd"
	twin n12-empty-fields.foreign.csv
	foreign n12-empty-fields.foreign.csv \
		",KKK:open,KKK:high,KKK:low,KKK:close,KKK:volume,LLL:open,LLL:high,LLL:low,LLL:cl..." \
		"looks like a table with several assets in a row"
	twin n13-null-row.foreign.csv
	foreign n13-null-row.foreign.csv "Date,Open,High,Low,Close,Adj Close,Volume" \
		"looks like a Yahoo export"
	twin n14-flash-crash.foreign.json
	foreign n14-flash-crash.foreign.json "{" "looks like JSON"
	twin n15-microseconds.foreign.csv
	foreign n15-microseconds.foreign.csv \
		"1924992001000000,0.41200000,0.41200000,0.41200000,0.41200000,17.00000000,1924992..." \
		"no header; looks like exchange klines with microsecond times"
}

@test "every recorded file reads with the rows, gaps and missing candles that its list says" {
	need_shared
	cd "$SHARED/data"
	awk -F' *[|] *' '$2 ~ /\.csv\.gz$/ {
		split($2, p, "[-_]")
		s = p[3] == "5m" ? 300 : p[3] == "1h" ? 3600 : 86400
		split($6, g, "[ ()]+")
		print $2, "ok", p[1], p[2], s, $3, 0, 0, g[1], g[2] }' README.md >"$DIR/want"
	[ "$(wc -l <"$DIR/want")" -eq "$(find . -name "*.csv.gz" | wc -l)" ]
	while read -r file want; do
		candles "$file"
		[ -z "$stderr" ]
		[ "${output% *}" = "$want" ] || {
			echo "$file: expected $want, found $output"
			return 1
		}
	done <"$DIR/want"
}

@test "every recorded nasty file is refused with its header and a hint" {
	need_shared
	cd "$SHARED/data/nasty"
	local n=0 file hint
	while read -r file hint; do
		candles "$(echo "$file"_*)"
		[[ "$output" == "error 65 ${file}_"*": line 1: header is \""*", expected \"$H\" ($hint)" ]] || {
			echo "$file: $output"
			return 1
		}
		[ -z "$stderr" ]
		n=$((n + 1))
	done <<-END
	n01 $cdd
	n02 $cdd
	n03 $cdd
	n04 looks like an Investing.com export
	n05 $plain
	n06a looks like candles without asset, quote and open time
	n06b looks like candles without asset, quote and open time
	n07 $plain
	n08 looks like JSON
	n09 $plain
	n10 $plain
	n11 $cdd
	n12 looks like a table with several assets in a row
	n13 looks like a Yahoo export
	n14 looks like JSON
	n15 no header; looks like exchange klines with microsecond times
	END
	[ "$n" -eq "$(find . -type f | wc -l)" ]
}

@test "gzip and plain files read the same" {
	good_file >a.csv
	gzip -c a.csv >a.gz
	candles a.csv
	is "ok AAA USD 60 3000 0 0 0 0 0"
	candles a.gz
	is "ok AAA USD 60 3000 0 0 0 0 0"
	cat a.gz <(tail -n +2 a.csv | gzip -c) >two.gz
	candles two.gz
	is "ok AAA USD 60 6000 0 3000 0 0 0"
}

@test "what follows a gzip file is another one, zeros or an error, never passed over" {
	good_file | gzip -c >a.gz
	local size
	size=$(stat -c %s a.gz)
	cat a.gz <(head -c 1000 /dev/zero) >zeros.gz
	candles zeros.gz
	is "ok AAA USD 60 3000 0 0 0 0 0"
	# as a pipe, a byte at a time at its beginning
	candles <(for ((k = 0; k < 3; k++)); do dd if=a.gz bs=1 skip=$k count=1 status=none; sleep 0.05; done
		tail -c +4 a.gz)
	[[ $output == "ok AAA USD 60 3000 0 0 0 0 0" ]]
	cat a.gz <(echo more) >text.gz
	candles text.gz
	is "error 65 text.gz: there is something behind the gzip data"
	cat a.gz <(head -c 9 /dev/zero) a.gz >apart.gz
	candles apart.gz
	is "error 65 apart.gz: there is something behind the gzip data"
	# a second file whose header is damaged, cut, or whose data is
	cat a.gz <(head -c 1 a.gz; echo; tail -c +3 a.gz) >header.gz
	candles header.gz
	[[ $output == "error 65 header.gz: damaged gzip data: "* ]]
	for k in 1 5 $((size - 1)); do
		cat a.gz <(head -c $k a.gz) >cut.gz
		candles cut.gz
		is "error 65 cut.gz: the gzip data ends early: the file is cut off"
	done
}

@test "a gzip file cut anywhere is an error, never fewer candles" {
	good_file | gzip -c >a.gz
	local size cut
	size=$(stat -c %s a.gz)
	for cut in 2 3 10 11 50 $((size / 2)) $((size - 9)) $((size - 8)) $((size - 4)) $((size - 1)); do
		head -c "$cut" a.gz >cut.gz
		candles cut.gz
		is "error 65 cut.gz: the gzip data ends early: the file is cut off"
	done
}

@test "a gzip file with a wrong byte or check sum is an error" {
	good_file | gzip -c >a.gz
	local size at
	size=$(stat -c %s a.gz)
	for at in $((size - 8)) $((size - 3)) $((size / 2)); do
		cp a.gz b.gz
		# the byte plus one
		dd if=a.gz bs=1 skip="$at" count=1 status=none | tr '\000-\377' '\001-\377\000' |
			dd of=b.gz bs=1 seek="$at" conv=notrunc status=none
		candles b.gz
		[[ "$output" == "error 65 b.gz: damaged gzip data: "* ]] || {
			echo "byte $at: $output"
			return 1
		}
	done
}

@test "an absent file and a directory have their own statuses" {
	candles absent.csv
	is "error 66 absent.csv: No such file or directory"
	mkdir dir
	candles dir
	is "error 65 dir: is a directory, not a candle file"
}

@test "a forbidden file is a matter of permissions" {
	[ "$(id -u)" -ne 0 ] || skip "root may read every file"
	good_file >a.csv
	chmod 0 a.csv
	candles a.csv
	is "error 77 a.csv: Permission denied"
}
