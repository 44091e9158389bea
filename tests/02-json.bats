load helper

@test "every property of the JSON gate, reader and writer holds" {
	expect 0 "$B/unit/test_json"
	assert_line --index 0 "ok 1 - accepts null"
	refute_line --regexp '^not ok'
	last=${lines[-1]}
	[ "${last#1..}" -ge 400 ]
	[ "$(grep -c '^ok ' <<<"$output")" -eq "${last#1..}" ]
}

@test "the table refuses at least 150 texts and accepts at least 60" {
	expect 0 "$B/unit/test_json"
	[ "$(grep -c '^ok [0-9]* - refuses ' <<<"$output")" -ge 150 ]
	[ "$(grep -c '^ok [0-9]* - accepts ' <<<"$output")" -ge 60 ]
}
