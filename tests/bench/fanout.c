/*
 * The yardstick of the fan-out: N equal POSTs at once through a bare curl_multi client without a
 * database; prints the milliseconds from the start to the last answer.
 * usage: fanout N URL BODY_FILE [CA_FILE]
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static size_t drop(char *p, size_t size, size_t n, void *ctx)
{
	(void)p;
	(void)ctx;
	return size * n;
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static CURL *request(const char *url, const char *body, long len, const char *ca)
{
	CURL *c = curl_easy_init();

	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, len);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, drop);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	if (ca != NULL) {
		curl_easy_setopt(c, CURLOPT_PIPEWAIT, 1L);
		curl_easy_setopt(c, CURLOPT_CAINFO, ca);
	}
	return c;
}

int main(int argc, char **argv)
{
	static char body[1 << 20];
	long n = argc > 3 ? atol(argv[1]) : 0, failed = 0;
	double start;
	CURLM *m;
	CURLMsg *msg;
	FILE *f;
	size_t len;
	int running = 1, left;

	if (n <= 0)
		return 64;
	f = fopen(argv[3], "re");
	if (f == NULL)
		return 66;
	len = fread(body, 1, sizeof body, f);
	fclose(f);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	start = now_ms();
	m = curl_multi_init();
	if (argc > 4)
		curl_multi_setopt(m, CURLMOPT_MAX_HOST_CONNECTIONS, 12L);
	for (long i = 0; i < n; i++)
		curl_multi_add_handle(m, request(argv[2], body, (long)len,
						 argc > 4 ? argv[4] : NULL));
	while (curl_multi_perform(m, &running) == CURLM_OK && running > 0)
		curl_multi_poll(m, NULL, 0, 1000, NULL);
	while ((msg = curl_multi_info_read(m, &left)) != NULL)
		failed += msg->msg == CURLMSG_DONE && msg->data.result != CURLE_OK;
	printf("%.0f\n", now_ms() - start);
	return failed > 0;
}
