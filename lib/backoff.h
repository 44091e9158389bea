#ifndef BACKOFF_H
#define BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

/*
 * How long to wait before asking again: exponential delays with full jitter, and what a server
 * says about it. Pure: no clock, no state (SEMANTICS ).
 */

/* U(0, min(cap, base * 2^n)), saturating; ${random} is the source of the draw. Never negative,
 * never above ${cap_ms}; ${n} may be any number, a negative one counts as 0. */
int64_t backoff_delay(int64_t base_ms, int64_t cap_ms, int64_t n, uint64_t random);

/*
 * A Retry-After value: seconds (a fraction is allowed, rounded up to ms), or an HTTP date in
 * any of the three forms of RFC 9110, measured against ${date} (the reply's Date, may be NULL)
 * or else ${now_ms}, a wall time. A wait in the past is 0; one too long for the type is
 * INT64_MAX. False, and nothing is set, for garbage: it counts as absent.
 */
bool backoff_retry_after(const char *value, const char *date, int64_t now_ms, int64_t *wait_ms);

/* The value of retry-after-ms: milliseconds as a number, a fraction allowed. */
bool backoff_retry_after_ms(const char *value, int64_t *wait_ms);

/* A duration such as "57.238747106s", "6ms", "6m0s", "1h2m3s", "8.64s": google.rpc.RetryInfo
 * and the x-ratelimit-reset headers. */
bool backoff_duration(const char *value, int64_t *wait_ms);

/* An HTTP date as wall time in ms; false if it is none. */
bool backoff_http_date(const char *value, int64_t *at_ms);

#endif
