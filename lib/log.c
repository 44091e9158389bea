#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "banned.h"

static const char *log_tool = "trading-race";
static enum log_level log_max = LOG_WARN;

void log_init(const char *tool, enum log_level level)
{
	log_tool = tool;
	log_max = level;
}

/* Control bytes of foreign text must not reach a terminal. */
static size_t log_escape(char *out, size_t cap, const char *text)
{
	size_t n = 0;

	for (; *text != '\0' && n + 5 < cap; text++) {
		unsigned char c = (unsigned char)*text;

		/* C1 as UTF-8 is as good as ESC to some terminals */
		if (c < 0x20 || c == 0x7f ||
		    (c == 0xc2 && (unsigned char)text[1] >= 0x80 &&
		     (unsigned char)text[1] <= 0x9f))
			n += (size_t)snprintf(out + n, cap - n, "\\x%02x", c);
		else
			out[n++] = (char)c;
	}
	return n;
}

void log_msg(enum log_level level, const char *fmt, ...)
{
	char text[2048], line[4096];
	size_t n;
	ssize_t w;
	va_list ap;

	if (level > log_max)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	n = (size_t)snprintf(line, sizeof line, "%s: ", log_tool);
	n += log_escape(line + n, sizeof line - n - 1, text);
	line[n++] = '\n';
	w = write(2, line, n);
	(void)w; /* nowhere left to complain */
}
