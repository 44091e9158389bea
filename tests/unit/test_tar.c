#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tar.h"

#include "unit.h"

#include "banned.h"

#define CAP 65536

static unsigned char archive[CAP];
static size_t archive_len;

static int scratch(void)
{
	int fd = memfd_create("archive", MFD_CLOEXEC);

	if (fd < 0)
		exit(1);
	return fd;
}

/* Two members: an empty one and one of 700 bytes. */
static void make(void)
{
	int fd = scratch();
	struct tar_writer *w = tar_create(fd, 1721692800);
	struct err e = { 0 };
	char data[700];
	ssize_t n;

	memset(data, 'x', sizeof data);
	tar_member(w, "top/empty", NULL, 0);
	tar_begin(w, "top/some.txt", 700);
	tar_add(w, data, 300);
	tar_add(w, data, 400);
	unit_ok(tar_finish(w, "it", &e) == 0, "an archive is written");
	tar_discard(w);
	n = pread(fd, archive, CAP, 0);
	archive_len = n > 0 ? (size_t)n : 0;
	close(fd);
}

/* Read an archive to its end: members read, or -1 with the error. */
static int walk(const void *data, size_t len, struct err *e)
{
	int fd = scratch(), r, count = 0;
	struct tar_reader *t = tar_open(fd, "it");
	const char *name;
	char rest[100];
	int64_t size, n = 0;

	*e = (struct err){ 0 };
	if (write(fd, data, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET) != 0)
		exit(1);
	while ((r = tar_next(t, &name, &size, e)) == 1) {
		count++;
		while ((n = tar_read(t, rest, sizeof rest, e)) > 0)
			size -= n;
		if (n < 0 || size != 0)
			break;
	}
	tar_close(t);
	close(fd);
	return r < 0 || n < 0 ? -1 : count;
}

static void test_round(void)
{
	struct err e;

	unit_ok(archive_len == 512 + 512 + 1024 + 1024,
		"it has whole blocks and two zero ones");
	unit_ok(walk(archive, archive_len, &e) == 2, "it is read again");
	unit_ok(memcmp(archive + 257, "ustar\00000", 8) == 0, "it is of the ustar format");
}

static void test_skip(void)
{
	int fd = scratch();
	struct tar_reader *t = tar_open(fd, "it");
	struct err e = { 0 };
	const char *name;
	char data[2];
	int64_t size;

	if (write(fd, archive, archive_len) != (ssize_t)archive_len ||
	    lseek(fd, 0, SEEK_SET) != 0)
		exit(1);
	unit_ok(tar_next(t, &name, &size, &e) == 1 && strcmp(name, "top/empty") == 0 &&
			size == 0 && tar_read(t, data, 2, &e) == 0,
		"an empty member has no bytes");
	unit_ok(tar_next(t, &name, &size, &e) == 1 && strcmp(name, "top/some.txt") == 0 &&
			size == 700,
		"names and sizes are those that were written");
	unit_ok(tar_read(t, data, 2, &e) == 2 && memcmp(data, "xx", 2) == 0,
		"the bytes are those that were written");
	unit_ok(tar_next(t, &name, &size, &e) == 0, "what is left of a member is skipped");
	unit_ok(tar_next(t, &name, &size, &e) == 0, "the end stays the end");
	tar_close(t);
	close(fd);
}

static void test_cut(void)
{
	bool refused = true;
	struct err e;

	for (size_t n = 0; n < archive_len; n += 37)
		refused = refused && walk(archive, n, &e) < 0 && e.status == ERR_DATA;
	unit_ok(refused, "an archive that was cut anywhere is refused");
	walk(archive, 1600, &e);
	unit_ok(strstr(e.text, "top/some.txt") != NULL, "the member in which it ends is named");
	walk(archive, 0, &e);
	unit_ok(strstr(e.text, "no archive") != NULL, "an empty file is no archive");
}

/* Set the checksum of the header at ${h} right. */
static void resum(unsigned char *h)
{
	unsigned sum = 0;

	memset(h + 148, ' ', 8);
	for (int i = 0; i < 512; i++)
		sum += h[i];
	for (int i = 5; i >= 0; i--) {
		h[148 + i] = (unsigned char)('0' + (sum & 7));
		sum >>= 3;
	}
	h[154] = '\0';
}

/* Whether the archive is refused once the first header has ${n} other bytes at ${at}. */
static bool refuses(size_t at, const void *bytes, size_t n, bool right, const char *why)
{
	unsigned char copy[CAP];
	struct err e;

	memcpy(copy, archive, archive_len);
	memcpy(copy + at, bytes, n);
	if (right)
		resum(copy);
	return walk(copy, archive_len, &e) < 0 && e.status == ERR_DATA &&
	       strstr(e.text, why) != NULL;
}

static void test_headers(void)
{
	char all[100];
	bool each = true;

	for (size_t i = 0; i < 512; i++) {
		char other = (char)(archive[i] ^ 1);

		/* blanks and zeros around the sum itself say the same */
		each = each && (i >= 148 + 6 || i < 148) ? refuses(i, &other, 1, false, "")
							 : each;
	}
	unit_ok(each, "a header with one other bit is refused");
	unit_ok(refuses(0, "/etc/x", 7, true, "name"), "an absolute name is refused");
	unit_ok(refuses(0, "../../x", 8, true, "name"), "a name that leads up is refused");
	unit_ok(refuses(0, "top/../x", 9, true, "name"), "also in the middle");
	unit_ok(refuses(0, "top//x", 7, true, "name"), "an empty part of a name is refused");
	unit_ok(refuses(0, "top/", 5, true, "name"), "a directory's name is refused");
	unit_ok(refuses(0, "", 1, true, "name"), "an empty name is refused");
	unit_ok(refuses(0, "a\033[2Jb", 7, true, "name"),
		"a name with control bytes is refused");
	memset(all, 'a', sizeof all);
	unit_ok(refuses(0, all, 100, true, "name"), "a name without an end is refused");
	unit_ok(refuses(345, "up", 2, true, "name"), "a prefix is refused");
	unit_ok(refuses(156, "2", 1, true, "plain file"), "a link is refused");
	unit_ok(refuses(156, "5", 1, true, "plain file"), "a directory is refused");
	unit_ok(refuses(156, "x", 1, true, "plain file"), "an extended header is refused");
	unit_ok(refuses(157, "a", 1, true, "plain file"), "a name of a link is refused");
	unit_ok(refuses(124, "77777777777", 12, true, "size"),
		"a size above the bound is refused");
	unit_ok(refuses(124, "-0000000001", 12, true, "size"), "a size below zero is refused");
	unit_ok(refuses(124, "\200\0\0\0\0\0\0\0\0\0\1", 12, true, "size"),
		"a binary size is refused");
	unit_ok(refuses(257, "ustar  ", 8, true, "ustar"), "another format is refused");
}

static void test_around(void)
{
	unsigned char copy[CAP];
	struct err e;

	memcpy(copy, archive, archive_len);
	copy[1024 + 700] = 1;
	unit_ok(walk(copy, archive_len, &e) < 0 && strstr(e.text, "between") != NULL,
		"bytes that fill up a block must be zeros");
	memcpy(copy, archive, archive_len);
	memset(copy + archive_len, 0, 10240);
	unit_ok(walk(copy, archive_len + 8 * 512, &e) == 2, "more zeros at the end are fine");
	copy[archive_len + 600] = 'x';
	unit_ok(walk(copy, archive_len + 1024, &e) < 0 && strstr(e.text, "behind") != NULL,
		"bytes behind the end are refused");
	unit_ok(walk(copy, archive_len + 7, &e) < 0, "also fewer than a block");
	unit_ok(walk(archive, archive_len - 512, &e) < 0, "one block of zeros is no end");
}

static void test_full(void)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct tar_writer *w = tar_create(fd, 0);
	struct err e = { 0 };

	tar_member(w, "a", "b", 1);
	unit_ok(tar_finish(w, "it", &e) == -1 && e.status == ERR_IO && !tar_good(w),
		"a disk that is full is told at the end");
	tar_discard(w);
	close(fd);
}

int main(void)
{
	make();
	test_round();
	test_skip();
	test_cut();
	test_headers();
	test_around();
	test_full();
	return unit_done();
}
