#include "fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mem.h"

#include "banned.h"

#define KEY_BYTES_MAX 16384

/*
 * systemd hands a credential to the user of a service by an access control list, which shows as
 * a group permission; the directory is the service's alone.
 */
static bool is_credential(const char *path)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	size_t n = dir != NULL ? strlen(dir) : 0;

	return n > 0 && strncmp(path, dir, n) == 0 && path[n] == '/' &&
	       strchr(path + n + 1, '/') == NULL;
}

static int check_file(const char *path, const struct stat *st, struct err *e)
{
	bool credential = is_credential(path);

	if (!S_ISREG(st->st_mode))
		return err_set(e, ERR_PERM, "key file %s: is no regular file", path);
	if (st->st_uid != geteuid() && !(credential && st->st_uid == 0))
		return err_set(e, ERR_PERM, "key file %s: belongs to somebody else", path);
	if (st->st_mode & (credential ? 0037 : 0077))
		return err_set(e, ERR_PERM, "key file %s: others may use it (chmod 600)", path);
	return 0;
}

static int check_key(const char *path, const char *key, size_t n, struct err *e)
{
	if (n == 0)
		return err_set(e, ERR_PERM, "key file %s: is empty", path);
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)key[i] < 0x20 || key[i] == 0x7f)
			return err_set(e, ERR_PERM, "key file %s: has a control byte", path);
	}
	return 0;
}

/* Up to ${cap} bytes; returns how many, -1 on error. */
static ssize_t read_all(int fd, char *out, size_t cap)
{
	size_t n = 0;
	ssize_t r;

	do {
		r = read(fd, out + n, cap - n);
		if (r > 0)
			n += (size_t)r;
	} while (n < cap && (r > 0 || (r < 0 && errno == EINTR)));
	return r < 0 ? -1 : (ssize_t)n;
}

/* No link at the end of the path, and no waiting for a FIFO's writer. */
static int open_key(const char *path, struct err *e)
{
	int fd, status;

	do
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	while (fd < 0 && errno == EINTR);
	if (fd >= 0)
		return fd;
	status = errno == ENOENT ? ERR_NOTFOUND
		 : errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == EIO
			 ? ERR_TEMP
			 : ERR_PERM;
	return err_set(e, status, "key file %s: %s", path,
		       errno == ELOOP ? "is a symbolic link" : strerror(errno));
}

int fetch_read_key(const char *path, char **key, struct err *e)
{
	int fd = open_key(path, e);
	char text[KEY_BYTES_MAX + 2];
	struct stat st;
	ssize_t n;
	int rc = -1;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) != 0) {
		err_sys(e, ERR_PERM, "key file %s", path);
		goto out;
	}
	if (check_file(path, &st, e) != 0)
		goto out;
	n = read_all(fd, text, sizeof text);
	if (n < 0) {
		err_sys(e, ERR_TEMP, "key file %s", path);
		goto out;
	}
	if (n > 0 && text[n - 1] == '\n')
		n--;
	if (n > KEY_BYTES_MAX) {
		err_set(e, ERR_PERM, "key file %s: is longer than %d bytes", path,
			KEY_BYTES_MAX);
		goto out;
	}
	rc = check_key(path, text, (size_t)n, e);
	if (rc == 0)
		*key = mem_strndup(text, (size_t)n);
out:
	explicit_bzero(text, sizeof text);
	close(fd);
	return rc;
}
