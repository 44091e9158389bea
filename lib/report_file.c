#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mem.h"

#include "banned.h"

static const char page_begin[] = "<!doctype html>";

/* Whether what lies at ${path} may be replaced, and its mode. */
static int check_old(const char *path, mode_t *mode, struct err *e)
{
	char begin[sizeof page_begin - 1];
	struct stat st;
	ssize_t n = 0;
	int fd;

	*mode = 0644;
	if (lstat(path, &st) != 0)
		return errno == ENOENT ? 0 : err_sys(e, ERR_IO, "%.200s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_DATA, "%.200s: is no plain file; - is standard output",
			       path);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err_sys(e, errno == EACCES ? ERR_PERM : ERR_IO, "%.200s", path);
	if (st.st_size > 0)
		n = read(fd, begin, sizeof begin);
	close(fd);
	if (st.st_size > 0 &&
	    (n != (ssize_t)sizeof begin || memcmp(begin, page_begin, sizeof begin) != 0))
		return err_set(e, ERR_DATA, "%.200s: is no page, so it is not replaced", path);
	*mode = st.st_mode & 0777;
	return 0;
}

static int write_all(int fd, const struct buf *page)
{
	size_t done = 0;

	while (done < page->len) {
		ssize_t n = write(fd, page->data + done, page->len - done);

		if (n < 0 && errno != EINTR)
			return -1;
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

int report_write(const char *path, const struct buf *page, struct err *e)
{
	char *temp = mem_printf("%s.XXXXXX", path);
	int fd = -1, r = -1;
	mode_t mode;

	if (check_old(path, &mode, e) != 0)
		goto out;
	fd = mkostemp(temp, O_CLOEXEC);
	if (fd < 0) {
		err_sys(e,
			errno == EACCES	  ? ERR_PERM
			: errno == ENOENT ? ERR_NOTFOUND
					  : ERR_IO,
			"%.200s", path);
		goto out;
	}
	if (write_all(fd, page) != 0 || fchmod(fd, mode) != 0 || fsync(fd) != 0 ||
	    rename(temp, path) != 0) {
		err_sys(e, ERR_IO, "%.200s", path);
		unlink(temp);
		goto out;
	}
	r = 0;
out:
	if (fd >= 0)
		close(fd);
	free(temp);
	return r;
}
