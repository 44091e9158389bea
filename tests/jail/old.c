/*
 * Preloaded: landlock says that it is as old as $OLD_LANDLOCK. The rest of the kernel is as it
 * is, so that what an old landlock would not stop is stopped by something else, or not at all.
 */
#include <dlfcn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/syscall.h>

long syscall(long n, ...)
{
	static long (*real)(long, ...);
	const char *old = getenv("OLD_LANDLOCK");
	long a[6];
	va_list ap;

	va_start(ap, n);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (real == NULL)
		real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	if (n == SYS_landlock_create_ruleset && a[0] == 0 && old != NULL)
		return atol(old);
	return real(n, a[0], a[1], a[2], a[3], a[4], a[5]);
}
