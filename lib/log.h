#ifndef LOG_H
#define LOG_H

/*
 * Diagnostics on stderr: one write(2) per message, control bytes escaped, prefixed by the
 * tool's name. lib never prints failures through this (see err.h); it may say what a user who
 * waits would want to know (LOG_INFO) or what was repaired or ignored (LOG_WARN).
 */

enum log_level { LOG_ERROR = 0, LOG_WARN = 1, LOG_INFO = 2, LOG_DEBUG = 3 };

/* Set the tool's name (borrowed) and the level up to which messages are printed. */
void log_init(const char *tool, enum log_level level);

void log_msg(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
