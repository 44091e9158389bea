#include "digest.h"

/* the plain functions: their state is a struct that can be copied, and SHA-256 does not age */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <endian.h>
#include <openssl/sha.h>
#include <string.h>

#include "banned.h"

_Static_assert(sizeof(SHA256_CTX) <= sizeof(struct digest_state), "the opaque state is too small");
_Static_assert(_Alignof(SHA256_CTX) <= _Alignof(struct digest_state),
	       "the opaque state is not aligned enough");
_Static_assert(SHA256_DIGEST_LENGTH == DIGEST_SIZE, "not SHA-256");

static SHA256_CTX *state_of(struct digest_state *s)
{
	return (void *)s->opaque;
}

void digest_init(struct digest_state *s)
{
	SHA256_Init(state_of(s));
	s->n_pending = 0;
}

static void flush(struct digest_state *s)
{
	if (s->n_pending > 0)
		SHA256_Update(state_of(s), s->pending, s->n_pending);
	s->n_pending = 0;
}

void digest_update(struct digest_state *s, const void *data, size_t n)
{
	if (n == 0)
		return;
	if (n > sizeof s->pending - s->n_pending)
		flush(s);
	if (n > sizeof s->pending) {
		SHA256_Update(state_of(s), data, n);
		return;
	}
	memcpy(s->pending + s->n_pending, data, n);
	s->n_pending += n;
}

static void update_u64(struct digest_state *s, uint64_t v)
{
	uint64_t highest_first = htobe64(v);

	digest_update(s, &highest_first, sizeof highest_first);
}

void digest_field(struct digest_state *s, const void *data, size_t n)
{
	update_u64(s, n);
	digest_update(s, data, n);
}

void digest_int(struct digest_state *s, int64_t v)
{
	update_u64(s, (uint64_t)v);
}

void digest_final(struct digest_state *s, struct digest *out)
{
	flush(s);
	SHA256_Final(out->bytes, state_of(s));
}

void digest_of(const void *data, size_t n, struct digest *out)
{
	struct digest_state s;

	digest_init(&s);
	digest_update(&s, data, n);
	digest_final(&s, out);
}

void digest_hex(const struct digest *d, char hex[DIGEST_HEX_SIZE])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < DIGEST_SIZE; i++) {
		hex[2 * i] = digits[d->bytes[i] >> 4];
		hex[2 * i + 1] = digits[d->bytes[i] & 15];
	}
	hex[2 * DIGEST_SIZE] = '\0';
}

/* The value of a hexadecimal digit, or -1. */
static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int digest_unhex(const char *hex, struct digest *out)
{
	struct digest d;

	if (strlen(hex) != DIGEST_HEX_SIZE - 1)
		return -1;
	for (size_t i = 0; i < DIGEST_SIZE; i++) {
		int high = nibble(hex[2 * i]), low = nibble(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return -1;
		d.bytes[i] = (unsigned char)(high << 4 | low);
	}
	*out = d;
	return 0;
}
