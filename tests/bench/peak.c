/*
 * Run a command and measure the memory of it and of all processes below it: the highest sum,
 * over those that live at a moment, of what each of them ever had. That is no less than what
 * they had together. Prints a line for each program on standard error, and one for "all": its
 * name, KiB, and the wall times in milliseconds at which it was first and last seen.
 * usage: peak COMMAND [ARG...]
 */
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#define PROGRAMS 64
#define NAME_SIZE 32

struct program {
	char name[NAME_SIZE];
	long kib;
	int64_t first_ms, last_ms;
};

extern char **environ;
static struct program programs[PROGRAMS];
static size_t n_programs;

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

static void note(const char *name, long kib)
{
	int64_t now = now_ms();
	size_t i = 0;

	while (i < n_programs && strcmp(programs[i].name, name) != 0)
		i++;
	if (i == PROGRAMS)
		return;
	if (i == n_programs) {
		snprintf(programs[n_programs++].name, NAME_SIZE, "%s", name);
		programs[i].first_ms = now;
	}
	programs[i].last_ms = now;
	if (kib > programs[i].kib)
		programs[i].kib = kib;
}

/* What a process ever had; 0 if it is gone. */
static long high(long pid)
{
	char path[64], line[256], name[NAME_SIZE] = "";
	long kib = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%ld/status", pid);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	while (fgets(line, sizeof line, f) != NULL) {
		sscanf(line, "Name: %31s", name);
		sscanf(line, "VmHWM: %ld", &kib);
	}
	fclose(f);
	/* between its start and the program it is still the one that started it */
	if (kib > 0)
		note(name, kib);
	return kib;
}

static long sum(long pid)
{
	char path[64];
	long kib = high(pid), child;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%ld/task/%ld/children", pid, pid);
	f = fopen(path, "re");
	if (f == NULL)
		return kib;
	while (fscanf(f, "%ld", &child) == 1)
		kib += sum(child);
	fclose(f);
	return kib;
}

int main(int argc, char **argv)
{
	const struct timespec pause = { 0, 5000000 };
	long most = 0, now;
	int status;
	pid_t pid;

	if (argc < 2)
		return 64;
	if (posix_spawnp(&pid, argv[1], NULL, NULL, argv + 1, environ) != 0)
		return 127;
	while (waitpid(pid, &status, WNOHANG) == 0) {
		now = sum(pid);
		if (now > most)
			most = now;
		nanosleep(&pause, NULL);
	}
	for (size_t i = 0; i < n_programs; i++)
		fprintf(stderr, "%s %ld %jd %jd\n", programs[i].name, programs[i].kib,
			(intmax_t)programs[i].first_ms, (intmax_t)programs[i].last_ms);
	fprintf(stderr, "all %ld 0 %jd\n", most, (intmax_t)now_ms());
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
