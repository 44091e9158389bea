#include "fetch.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

#include "banned.h"

#define NAME_MAX_BYTES 64
#define VALUE_MAX 1024
#define SECRET_MIN 12 /* what is shorter may be a word of the reply by chance */

/* ------------------------------------------------------------------ requests */

/* RFC 9110, section 5.6.2. */
static bool is_token(const char *s)
{
	const char *p = s;

	while (isalnum((unsigned char)*p) || (*p != '\0' && strchr("!#$%&'*+-.^_`|~", *p)))
		p++;
	return p > s && *p == '\0';
}

/* Headers by which a caller could contradict what is really sent. */
static bool is_transport(const char *name)
{
	static const char *const names[] = { "host",
					     "connection",
					     "content-length",
					     "expect",
					     "te",
					     "trailer",
					     "upgrade",
					     "keep-alive",
					     "transfer-encoding",
					     "proxy-connection",
					     "accept-encoding" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (strcasecmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

static bool has_control(const char *s)
{
	while (*s != '\0' && (unsigned char)*s >= 0x20 && *s != 0x7f)
		s++;
	return *s != '\0';
}

static int check_header(const char *name, const char *value, struct err *e)
{
	if (!is_token(name) || is_transport(name))
		return err_set(e, ERR_DATA, "header \"%.64s\" cannot be sent", name);
	if (has_control(value))
		return err_set(e, ERR_DATA, "header %s has a control byte", name);
	return 0;
}

int fetch_check_headers(const struct fetch_request *r, struct err *e)
{
	for (size_t i = 0; i < r->n_headers; i++) {
		if (check_header(r->headers[i].name, r->headers[i].value, e) != 0)
			return -1;
		if (r->secret_file != NULL &&
		    strcasecmp(r->headers[i].name, r->secret_name) == 0)
			return err_set(e, ERR_DATA, "header %s is given twice", r->secret_name);
	}
	if (r->secret_file == NULL)
		return 0;
	return check_header(r->secret_name, r->secret_prefix ? r->secret_prefix : "", e);
}

/* ------------------------------------------------------------------ replies */

/* ${name} in lower case. */
static bool header_matters(const char *name)
{
	static const char *const names[] = {
		"retry-after",	"retry-after-ms",  "date",
		"content-type", "request-id",	   "x-should-retry",
		"x-request-id", "apim-request-id", "x-mbx-used-weight-1m"
	};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return strncmp(name, "x-ratelimit-", 12) == 0 ||
	       strncmp(name, "anthropic-ratelimit-", 20) == 0;
}

static char *clean_value(const char *s, size_t n)
{
	char *value;

	while (n > 0 && isspace((unsigned char)*s)) {
		s++;
		n--;
	}
	while (n > 0 && isspace((unsigned char)s[n - 1]))
		n--;
	value = mem_strndup(s, n < VALUE_MAX ? n : VALUE_MAX);
	for (char *p = value; *p != '\0'; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
	}
	return value;
}

void fetch_keep_header(struct fetch_answer *a, const char *line, size_t n)
{
	const char *colon = memchr(line, ':', n);
	size_t length = colon != NULL ? (size_t)(colon - line) : 0;
	char name[NAME_MAX_BYTES];

	if (length == 0 || length >= sizeof name || a->n_headers == FETCH_HEADERS_MAX)
		return;
	for (size_t i = 0; i < length; i++)
		name[i] = (char)tolower((unsigned char)line[i]);
	name[length] = '\0';
	if (!is_token(name) || !header_matters(name) || fetch_header(a, name) != NULL)
		return;
	a->headers[a->n_headers].name = mem_strdup(name);
	a->headers[a->n_headers].value = clean_value(colon + 1, n - length - 1);
	a->n_headers++;
}

static void hide(char *s, size_t n, const char *key, size_t len)
{
	char *found;

	while (s != NULL && (found = memmem(s, n, key, len)) != NULL) {
		memset(found, '*', len);
		n -= (size_t)(found - s) + len;
		s = found + len;
	}
}

void fetch_hide_key(struct fetch_answer *a, const char *key)
{
	size_t len = strlen(key);

	if (len < SECRET_MIN)
		return;
	hide(a->body, a->body_len, key, len);
	if (a->error != NULL)
		hide(a->error, strlen(a->error), key, len);
	for (size_t i = 0; i < a->n_headers; i++)
		hide(a->headers[i].value, strlen(a->headers[i].value), key, len);
}
