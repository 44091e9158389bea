#ifndef DIGEST_H
#define DIGEST_H

#include <stddef.h>
#include <stdint.h>

/*
 * SHA-256, the only door to libcrypto. A digest is 32 bytes; its text form is 64 lower-case
 * hexadecimal digits.
 */

#define DIGEST_SIZE 32
#define DIGEST_HEX_SIZE 65 /* with the NUL */

struct digest {
	unsigned char bytes[DIGEST_SIZE];
};

/* Hash state, opaque but placeable on the stack. */
struct digest_state {
	_Alignas(16) unsigned char opaque[128];
	unsigned char pending[256]; /* what came in small pieces */
	size_t n_pending;
};

void digest_init(struct digest_state *s);
void digest_update(struct digest_state *s, const void *data, size_t n);
/* Add a field so that no two lists of fields give the same bytes: its length in 8 bytes,
 * highest first, then the data. */
void digest_field(struct digest_state *s, const void *data, size_t n);
/* Add an integer field: 8 bytes, big-endian, two's complement. */
void digest_int(struct digest_state *s, int64_t v);
void digest_final(struct digest_state *s, struct digest *out);
void digest_of(const void *data, size_t n, struct digest *out);
void digest_hex(const struct digest *d, char hex[DIGEST_HEX_SIZE]);
/* 0, or -1 if ${hex} is not 64 hexadecimal digits. */
int digest_unhex(const char *hex, struct digest *out);

#endif
