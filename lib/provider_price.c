#include "provider.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decimal.h"
#include "mem.h"
#include "tstamp.h"

#include "banned.h"

#define MILLION 1000000
#define PRICE_MAX INT64_C(100000000000000) /* a million USD for a million tokens */
#define FIELDS 6

static const char sql_price[] = "SELECT input, cached, output, since FROM model_prices "
				"WHERE provider = :provider AND model = :model";
static const char sql_price_list[] =
	"SELECT model, input, cached, output, since FROM model_prices "
	"WHERE provider = :provider ORDER BY model";
/* the same price again keeps its date */
static const char sql_price_store[] =
	"INSERT INTO model_prices (provider, model, input, cached, output, since) "
	"VALUES (:provider, :model, :input, :cached, :output, :since) "
	"ON CONFLICT (provider, model) DO UPDATE SET input = excluded.input, "
	"cached = excluded.cached, output = excluded.output, since = excluded.since "
	"WHERE input <> excluded.input OR cached <> excluded.cached OR output <> "
	"excluded.output";

static const char provider_prices[] = {
#include "prices.tsv.inc"
	0
};

/* ------------------------------------------------------------------ families */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* ${n} digits as a number; -1 if they are not. */
static int number(const char *s, size_t n)
{
	int v = 0;

	for (size_t i = 0; i < n; i++) {
		if (!is_digit(s[i]))
			return -1;
		v = v * 10 + (s[i] - '0');
	}
	return v;
}

static bool is_month(int v)
{
	return v >= 1 && v <= 12;
}

static bool is_day(int v)
{
	return v >= 1 && v <= 31;
}

static bool is_year(int v)
{
	return v >= 2020 && v <= 2099;
}

/*
 * Whether ${s} is what providers append to the name of a model to say which edition of it is
 * meant: -2024-07-18, -20241022, @20241022, -0613, -2407, -001, -latest. Anything else makes
 * another model, which may have another price.
 */
static bool is_edition(const char *s)
{
	size_t n = strlen(s);

	if (strcmp(s, "-latest") == 0)
		return true;
	if (n < 4 || (s[0] != '-' && s[0] != '@'))
		return false;
	s++;
	switch (n - 1) {
	case 3:
		return s[0] == '0' && number(s, 3) > 0;
	case 4:
		return (is_month(number(s, 2)) && is_day(number(s + 2, 2))) ||
		       (is_year(2000 + number(s, 2)) && is_month(number(s + 2, 2)));
	case 8:
		return is_year(number(s, 4)) && is_month(number(s + 4, 2)) &&
		       is_day(number(s + 6, 2));
	case 10:
		return s[4] == '-' && s[7] == '-' && is_year(number(s, 4)) &&
		       is_month(number(s + 5, 2)) && is_day(number(s + 8, 2));
	default:
		return false;
	}
}

size_t provider_family(const char *model)
{
	for (const char *p = model + 1; *model != '\0' && *p != '\0'; p++)
		if (is_edition(p))
			return (size_t)(p - model);
	return strlen(model);
}

/* ------------------------------------------------------------------ the table */

struct row {
	const char *field[FIELDS];
	size_t len[FIELDS];
};

/* The next row at *${at}; false at the end. The table is part of the program: a test reads all.
 */
static bool next_row(const char **at, struct row *r)
{
	while (**at == '#')
		*at += strcspn(*at, "\n") + 1;
	if (**at == '\0')
		return false;
	for (int i = 0; i < FIELDS; i++) {
		r->field[i] = *at;
		r->len[i] = strcspn(*at, "\t\n");
		*at += r->len[i] + 1;
	}
	return true;
}

static bool is_field(const struct row *r, int i, const char *s)
{
	return strlen(s) == r->len[i] && memcmp(s, r->field[i], r->len[i]) == 0;
}

static int read_usd(const struct row *r, int i, int64_t *out, struct err *e)
{
	if (decimal_parse(r->field[i], r->len[i], MONEY_SCALE, out, e) == 0)
		return 0;
	e->status = ERR_INTERNAL;
	return err_prefix(e, "price of %.*s", (int)r->len[1], r->field[1]);
}

static int read_row(const struct row *r, struct provider_price *price, struct err *e)
{
	*price = (struct provider_price){ 0 };
	snprintf(price->since, sizeof price->since, "%.*s", (int)r->len[5], r->field[5]);
	return read_usd(r, 2, &price->input, e) != 0 ||
			       read_usd(r, 3, &price->cached, e) != 0 ||
			       read_usd(r, 4, &price->output, e) != 0
		       ? -1
		       : 0;
}

static int find_listed(const char *provider, const char *model, struct provider_price *price,
		       bool *found, struct err *e)
{
	const char *at = provider_prices;
	struct row r, best = { 0 };

	while (next_row(&at, &r))
		if (is_field(&r, 0, provider) && r.len[1] > best.len[1] &&
		    strncmp(model, r.field[1], r.len[1]) == 0 &&
		    (model[r.len[1]] == '\0' || is_edition(model + r.len[1])))
			best = r;
	*found = best.len[1] > 0;
	return *found ? read_row(&best, price, e) : 0;
}

/* ------------------------------------------------------------------ the operator's */

static void read_own(struct sql_stmt *s, int first, struct provider_price *price)
{
	*price = (struct provider_price){ .input = sql_col_int(s, first),
					  .cached = sql_col_int(s, first + 1),
					  .output = sql_col_int(s, first + 2),
					  .own = true };
	snprintf(price->since, sizeof price->since, "%s", sql_col_text(s, first + 3));
}

static int find_own(struct db *db, const char *provider, const char *model,
		    struct provider_price *price, bool *found, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_price);
	int r;

	sql_text(s, ":provider", provider);
	sql_text(s, ":model", model);
	r = sql_row(s, e);
	*found = r == 1;
	if (r == 1)
		read_own(s, 0, price);
	sql_reset(s);
	return r < 0 ? -1 : 0;
}

int provider_price(struct db *db, const struct provider *p, const char *model,
		   struct provider_price *price, bool *found, struct err *e)
{
	char *family = mem_strndup(model, provider_family(model));
	int r;

	*price = (struct provider_price){ 0 };
	r = find_own(db, p->name, model, price, found, e);
	if (r == 0 && !*found)
		r = find_own(db, p->name, family, price, found, e);
	if (r == 0 && !*found && (p->local || !provider_is_model(p->kind)))
		*found = true;
	if (r == 0 && !*found)
		r = find_listed(p->name, model, price, found, e);
	free(family);
	return r;
}

static int check_price(const struct provider_price *p, struct err *e)
{
	if (p->input < 0 || p->cached < 0 || p->output < 0)
		return err_set(e, ERR_DATA, "a price cannot be negative");
	if (p->input > PRICE_MAX || p->output > PRICE_MAX)
		return err_set(e, ERR_DATA,
			       "a price is at most 1000000 USD for a million tokens");
	if (p->cached > p->input)
		return err_set(e, ERR_DATA, "cached input cannot cost more than input");
	return 0;
}

int provider_price_store(struct db *db, const char *provider, const char *model,
			 const struct provider_price *price, int64_t at_ms, struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_price_store);
	char today[TSTAMP_TEXT_MAX];

	if (check_price(price, e) != 0)
		return -1;
	tstamp_format(at_ms, today);
	today[10] = '\0';
	sql_text(s, ":provider", provider);
	sql_text(s, ":model", model);
	sql_int(s, ":input", price->input);
	sql_int(s, ":cached", price->cached);
	sql_int(s, ":output", price->output);
	sql_text(s, ":since", price->since[0] != '\0' ? price->since : today);
	return sql_exec(s, e);
}

static int list_listed(const char *provider, provider_price_fn *each, void *ctx, struct err *e)
{
	const char *at = provider_prices;
	struct provider_price price;
	struct row r;
	int rc = 0;

	while (rc == 0 && next_row(&at, &r)) {
		char *model;

		if (!is_field(&r, 0, provider))
			continue;
		model = mem_strndup(r.field[1], r.len[1]);
		rc = read_row(&r, &price, e);
		if (rc == 0)
			rc = each(ctx, model, &price, e);
		free(model);
	}
	return rc;
}

int provider_price_list(struct db *db, const char *provider, provider_price_fn *each, void *ctx,
			struct err *e)
{
	struct sql_stmt *s = db_get(db, sql_price_list);
	struct provider_price price;
	int r;

	sql_text(s, ":provider", provider);
	while ((r = sql_row(s, e)) == 1) {
		read_own(s, 1, &price);
		if (each(ctx, sql_col_text(s, 0), &price, e) != 0) {
			sql_reset(s);
			return -1;
		}
	}
	return r < 0 ? -1 : list_listed(provider, each, ctx, e);
}

/* ------------------------------------------------------------------ cost */

static unsigned __int128 product(int64_t tokens, int64_t price)
{
	return tokens <= 0 || price <= 0 ? 0
					 : (unsigned __int128)tokens * (unsigned __int128)price;
}

int64_t provider_cost(const struct provider_price *price, int64_t input, int64_t cached,
		      int64_t output)
{
	unsigned __int128 sum;

	/* a reply that contradicts itself is not cheaper for it */
	if (cached < 0 || cached > input)
		cached = 0;
	sum = product(input - cached, price->input) + product(cached, price->cached) +
	      product(output, price->output);
	sum = sum / MILLION + (sum % MILLION != 0 ? 1 : 0);
	return sum > INT64_MAX ? INT64_MAX : (int64_t)sum;
}
