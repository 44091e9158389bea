#include "doctor_part.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mem.h"

#include "banned.h"

/* Services in use and their keys. A key is looked at for bytes that cannot belong to one; not
 * a byte of it is kept or said. */

#define DOCTOR_KEY_MAX 16384

/* The commands that make a key file; "FILE" where there is none yet. */
static void doctor_fix_key(struct doctor *d, const struct doctor_service *s, const char *q)
{
	if (s->own)
		doctor_fix(d, "(umask 077; cat >%s), then tr-agent set %s %s --key-file %s", q,
			   d->race, s->user + strlen("agent "), q);
	else
		doctor_fix(d, "(umask 077; cat >%s), then tr-provider key %s %s --file %s", q,
			   d->race, s->provider.name, q);
}

/* By what stands in the way of the file, which provider_key_path has named already. */
static void doctor_fix_file(struct doctor *d, const struct doctor_service *s, const char *path)
{
	char *q = doctor_quote(path);
	struct stat st;

	if (lstat(path, &st) != 0 || S_ISLNK(st.st_mode) || !S_ISREG(st.st_mode))
		doctor_fix_key(d, s, S_ISLNK(st.st_mode) ? "FILE" : q);
	else if (st.st_uid != geteuid())
		doctor_fix(d, "chown %u %s", (unsigned)geteuid(), q);
	else if ((st.st_mode & 077) != 0)
		doctor_fix(d, "chmod 600 %s", q);
	else
		doctor_fix(d, "put the key into it: (umask 077; cat >%s)", q);
	free(q);
}

static bool doctor_key_file(struct doctor *d, struct doctor_service *s)
{
	const char *file = s->provider.key_file;
	bool credential = strncmp(file, "credential:", 11) == 0;
	struct err e = { 0 };

	if (provider_key_path(&s->provider, &s->key_path, &e) == 0)
		return true;
	if (credential && e.status == ERR_NOTFOUND && getenv("CREDENTIALS_DIRECTORY") == NULL) {
		doctor_fix(d, "LoadCredential=%s:FILE in the unit; it can be seen there only",
			   file + 11);
		doctor_say(d, DOCTOR_WARN, "key", s->provider.name,
			   "%s is a credential of a systemd unit, this is none", file + 11);
		return false;
	}
	if (credential)
		doctor_fix(d, "LoadCredential=%s:FILE in the unit", file + 11);
	else
		doctor_fix_file(d, s, file);
	doctor_say(d, DOCTOR_FAIL, "key", s->provider.name, "%s", e.text);
	return false;
}

/* What is wrong with the bytes, "" for nothing; *${fatal} if it cannot be sent. */
static const char *doctor_key_fault(const char *key, size_t n, bool *fatal)
{
	*fatal = true;
	if (n > 0 && key[n - 1] == '\n')
		n--;
	if (n == 0)
		return "is empty but for a new line";
	if (n > DOCTOR_KEY_MAX)
		return "is too long for a key";
	if (memchr(key, '\r', n) != NULL)
		return "has a carriage return (CRLF)";
	if (memchr(key, '\n', n) != NULL)
		return "has several lines";
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)key[i] < 0x20 || key[i] == 0x7f)
			return "has a control byte";
	*fatal = false;
	return memchr(key, ' ', n) != NULL ? "has a blank in it, which keys have not" : "";
}

static bool doctor_key_text(struct doctor *d, const struct doctor_service *s)
{
	int fd = open(s->key_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char key[DOCTOR_KEY_MAX + 2], *q = doctor_quote(s->key_path);
	ssize_t n = fd >= 0 ? read(fd, key, sizeof key) : -1;
	const char *fault = strerror(errno);
	bool fatal = true;

	if (n >= 0)
		fault = doctor_key_fault(key, (size_t)n, &fatal);
	explicit_bzero(key, sizeof key);
	if (fd >= 0)
		close(fd);
	if (strstr(fault, "CRLF") != NULL)
		doctor_fix(d, "sed -i 's/\\r$//' %s", q);
	else if (!fatal && fault[0] != '\0')
		doctor_fix(d, "sed -i 's/ //g' %s", q);
	else if (fatal)
		doctor_fix(d, "put only the key into it: (umask 077; cat >%s)", q);
	if (fault[0] != '\0')
		doctor_say(d, fatal ? DOCTOR_FAIL : DOCTOR_WARN, "key", s->provider.name,
			   "key file %s: %s", s->key_path, fault);
	free(q);
	return !fatal && fault[0] == '\0';
}

/* True without a finding. */
static bool doctor_key(struct doctor *d, struct doctor_service *s)
{
	const struct provider *p = &s->provider;

	if (p->key_file == NULL && p->key_needed) {
		doctor_fix_key(d, s, "FILE");
		doctor_say(d, DOCTOR_FAIL, "key", p->name, "%s needs it and there is none",
			   s->user);
		return false;
	}
	if (p->key_file == NULL) {
		s->keyed = true;
		return true;
	}
	if (!doctor_key_file(d, s))
		return false;
	if (doctor_key_text(d, s)) {
		s->keyed = true;
		return true;
	}
	return false;
}

static bool doctor_base(struct doctor *d, const struct doctor_service *s)
{
	struct err e = { 0 };
	bool local;

	if (provider_check_base(s->provider.base, &local, &e) == 0)
		return true;
	if (s->own)
		doctor_fix(d, "tr-agent set %s %s --url URL", d->race,
			   s->user + strlen("agent "));
	else
		doctor_fix(d, "tr-provider set %s %s --base URL", d->race, s->provider.name);
	doctor_say(d, DOCTOR_FAIL, "service", s->provider.name, "%s", e.text);
	return false;
}

void doctor_services(struct doctor *d)
{
	for (size_t i = 0; i < d->n_services; i++) {
		struct doctor_service *s = &d->services[i];
		bool good = doctor_base(d, s);

		if (doctor_key(d, s) && good)
			doctor_say(d, DOCTOR_OK, "service", s->provider.name, "%s, %s",
				   s->provider.base,
				   s->key_path != NULL ? "with a key" : "without a key");
		s->keyed = s->keyed && good;
	}
}
