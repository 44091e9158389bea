#include "fetch.h"

#include <stdlib.h>
#include <unistd.h>

#include "mem.h"

#include "banned.h"

/* No proxies, no key logs, no preloaded code, no settings of TLS: only what is named here. */
char **fetch_make_env(size_t *n)
{
	static const char *const names[] = { "PATH", "HOME", "CREDENTIALS_DIRECTORY",
					     "TR_CA_FILE" };
	size_t count = sizeof names / sizeof names[0];
	char **env = mem_array(count + 4, sizeof *env);

	*n = 0;
	for (size_t i = 0; i < count; i++) {
		const char *value = getenv(names[i]);

		if (value != NULL)
			env[(*n)++] = mem_printf("%s=%s", names[i], value);
	}
	env[(*n)++] = mem_strdup("LANG=C");
	env[(*n)++] = mem_strdup("TZ=UTC");
	return env;
}

void fetch_free_words(char **words)
{
	for (size_t i = 0; words != NULL && words[i] != NULL; i++)
		free(words[i]);
	free(words);
}

char *fetch_find_ca(void)
{
	static const char *const places[] = { "/etc/ssl/certs/ca-certificates.crt",
					      "/etc/pki/tls/certs/ca-bundle.crt",
					      "/etc/ssl/cert.pem" };
	const char *own = getenv("TR_CA_FILE");

	if (own != NULL && *own != '\0')
		return mem_strdup(own);
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		if (access(places[i], R_OK) == 0)
			return mem_strdup(places[i]);
	}
	return mem_strdup(places[0]);
}
