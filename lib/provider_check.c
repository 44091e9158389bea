#include "provider.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mem.h"

#include "banned.h"

/* Addresses and key files: what they may be. Nothing is opened here. */

#define BASE_MAX 512
#define CREDENTIAL "credential:"
#define HOST_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-"
#define NAME_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

/* ------------------------------------------------------------------ addresses */

/* Only what cannot be resolved to anything else: no name but localhost. */
static bool is_loopback(const char *host, size_t n)
{
	char text[64];
	struct in_addr a4;
	struct in6_addr a6;

	if (n >= sizeof text)
		return false;
	memcpy(text, host, n);
	text[n] = '\0';
	if (strcmp(text, "localhost") == 0)
		return true;
	if (inet_pton(AF_INET, text, &a4) == 1)
		return ntohl(a4.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, text, &a6) == 1 && IN6_IS_ADDR_LOOPBACK(&a6);
}

static bool port_valid(const char *s, size_t n)
{
	long port = 0;

	for (size_t i = 0; i < n && port <= 65535; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		port = port * 10 + (s[i] - '0');
	}
	return n > 0 && n <= 5 && port >= 1 && port <= 65535;
}

/* Host and port of "HOST[:PORT][/...]"; the host without brackets. */
static bool split_host(const char *at, const char **host, size_t *n)
{
	size_t end = strcspn(at, "/");
	size_t len;

	if (at[0] == '[') {
		len = strcspn(at, "]");
		*host = at + 1;
		*n = len - 1;
		if (len >= end || strspn(at + 1, "0123456789abcdefABCDEF:.") != *n)
			return false;
		len++;
	} else {
		len = strcspn(at, ":/");
		*host = at;
		*n = len;
		if (strspn(at, HOST_CHARS) < len || at[0] == '.' || at[0] == '-')
			return false;
	}
	return *n > 0 &&
	       (len == end || (at[len] == ':' && port_valid(at + len + 1, end - len - 1)));
}

static int check_bytes(const char *base, struct err *e)
{
	size_t n = strlen(base);

	if (n > BASE_MAX)
		return err_set(e, ERR_DATA, "base: is longer than %d bytes", BASE_MAX);
	for (size_t i = 0; i < n; i++)
		if (base[i] <= ' ' || base[i] > '~' || strchr("\"'<>\\^`{|}", base[i]) != NULL)
			return err_set(e, ERR_DATA, "base: byte %zu cannot be in a URL", i + 1);
	/* a key in a URL ends in logs */
	if (strpbrk(base, "?#@") != NULL)
		return err_set(e, ERR_DATA, "base: has no query, fragment or user name");
	if (n > 0 && base[n - 1] == '/')
		return err_set(e, ERR_DATA, "base: ends without a slash");
	return 0;
}

int provider_check_base(const char *base, bool *local, struct err *e)
{
	bool tls = strncmp(base, "https://", 8) == 0;
	const char *host;
	size_t n;

	*local = false;
	if (check_bytes(base, e) != 0)
		return -1;
	if (!tls && strncmp(base, "http://", 7) != 0)
		return err_set(e, ERR_DATA, "base %.80s: must begin with https:// or http://",
			       base);
	if (!split_host(base + (tls ? 8 : 7), &host, &n))
		return err_set(e, ERR_DATA, "base %.80s: has no proper host and port", base);
	*local = is_loopback(host, n);
	if (!tls && !*local)
		return err_set(e, ERR_DATA,
			       "base %.80s: must be https, http is for this machine only",
			       base);
	return 0;
}

/* ------------------------------------------------------------------ key files */

/* systemd gives credentials to a service in a directory that only it can enter, with modes of
 * its own choice. */
static int check_owner(const char *path, const struct stat *st, bool credential, struct err *e)
{
	if (credential)
		return (st->st_mode & 07) == 0
			       ? 0
			       : err_set(e, ERR_PERM, "key file %s: is open to others", path);
	if (st->st_uid != geteuid())
		return err_set(e, ERR_PERM,
			       "key file %s: belongs to somebody else; chown it to this user",
			       path);
	if ((st->st_mode & 077) != 0)
		return err_set(e, ERR_PERM,
			       "key file %s: mode %03o lets others in; chmod 600 it", path,
			       (unsigned)(st->st_mode & 0777));
	return 0;
}

static int check_file(const char *path, bool credential, struct err *e)
{
	struct stat st;

	if (lstat(path, &st) != 0)
		return err_sys(e, errno == EACCES ? ERR_PERM : ERR_NOTFOUND, "key file %s",
			       path);
	if (S_ISLNK(st.st_mode))
		return err_set(e, ERR_PERM, "key file %s: is a link; name the file itself",
			       path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_PERM, "key file %s: is no regular file", path);
	if (check_owner(path, &st, credential, e) != 0)
		return -1;
	if (st.st_size == 0)
		return err_set(e, ERR_PERM, "key file %s: is empty; put the key into it", path);
	if (access(path, R_OK) != 0)
		return err_sys(e, ERR_PERM, "key file %s", path);
	return 0;
}

static int check_credential(const char *name, struct err *e)
{
	if (*name == '\0' || *name == '.' || strlen(name) > NAME_MAX ||
	    strspn(name, NAME_CHARS) != strlen(name))
		return err_set(
			e, ERR_DATA,
			"credential: must be followed by a name of letters, digits, '.', "
			"'_' and '-'");
	return 0;
}

static char *credential_path(const char *name, struct err *e)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");

	if (check_credential(name, e) != 0)
		return NULL;
	if (dir == NULL || dir[0] != '/') {
		err_set(e, ERR_NOTFOUND,
			"credential %s: CREDENTIALS_DIRECTORY is not set; LoadCredential= of "
			"the "
			"systemd unit sets it",
			name);
		return NULL;
	}
	return mem_printf("%s/%s", dir, name);
}

int provider_key_path(const struct provider *p, char **path, struct err *e)
{
	bool credential;

	*path = NULL;
	if (p->key_file == NULL)
		return 0;
	credential = strncmp(p->key_file, CREDENTIAL, strlen(CREDENTIAL)) == 0;
	*path = credential ? credential_path(p->key_file + strlen(CREDENTIAL), e)
			   : mem_strdup(p->key_file);
	if (*path != NULL && check_file(*path, credential, e) == 0)
		return 0;
	free(*path);
	*path = NULL;
	return err_prefix(e, "provider %s", p->name);
}

/* The directory is resolved and the last part kept, so that a link there is still seen. */
static char *absolute(const char *file, struct err *e)
{
	char *a = mem_strdup(file), *b = mem_strdup(file);
	char *dir = realpath(dirname(a), NULL);
	char *path = NULL;

	if (dir == NULL)
		err_sys(e, errno == EACCES ? ERR_PERM : ERR_NOTFOUND, "key file %.200s", file);
	else
		path = mem_printf("%s/%s", strcmp(dir, "/") == 0 ? "" : dir, basename(b));
	free(dir);
	free(b);
	free(a);
	return path;
}

char *provider_key_abs(const char *file, struct err *e)
{
	char *path;

	if (strncmp(file, CREDENTIAL, strlen(CREDENTIAL)) == 0)
		return check_credential(file + strlen(CREDENTIAL), e) == 0 ? mem_strdup(file)
									   : NULL;
	if (*file == '\0' || ident_check_text("key file", file, PATH_MAX - 1, e) != 0) {
		err_set(e, ERR_DATA, "key file: the name is empty");
		return NULL;
	}
	path = absolute(file, e);
	if (path != NULL && check_file(path, false, e) != 0) {
		free(path);
		path = NULL;
	}
	return path;
}
