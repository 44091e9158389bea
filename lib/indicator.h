#ifndef INDICATOR_H
#define INDICATOR_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Technical indicators over prices, oldest first. They work in double with +, -, *, / and sqrt
 * only, each exactly specified by IEEE 754, in the order written and without contraction
 * (-ffp-contract=off): the same bytes on every compiler and machine. Each function returns
 * false and leaves ${out} alone when there are too few values or the result is not defined.
 */

/* Mean of the last ${n} values. */
bool indicator_sma(const double *x, size_t len, size_t n, double *out);

/* Exponential mean, alpha = 2/(n+1), seeded with the SMA of the first ${n} values. */
bool indicator_ema(const double *x, size_t len, size_t n, double *out);

/* Wilder's RSI: averages of the first ${n} changes, then smoothed by (prev*(n-1)+cur)/n;
 * 0..100. 100 when there was no loss, 50 when nothing moved. Needs n+1 values. */
bool indicator_rsi(const double *x, size_t len, size_t n, double *out);

struct indicator_macd {
	double macd, signal, histogram;
};
/* EMA(fast) - EMA(slow); signal: EMA of it over ${signal}. Needs slow+signal-1 values. */
bool indicator_macd(const double *x, size_t len, size_t fast, size_t slow, size_t signal,
		    struct indicator_macd *out);

struct indicator_bands {
	double middle, upper, lower;
};
/* Bollinger: SMA(n) +- k population standard deviations. */
bool indicator_bollinger(const double *x, size_t len, size_t n, double k,
			 struct indicator_bands *out);

/* Wilder's average true range. Needs n+1 candles (the first gives only its close). */
bool indicator_atr(const double *high, const double *low, const double *close, size_t len,
		   size_t n, double *out);

/* Simple return over the last ${n} steps: x[len-1]/x[len-1-n] - 1. */
bool indicator_return(const double *x, size_t len, size_t n, double *out);

/* Sample standard deviation (n-1) of the last ${n} simple one-step returns, not annualised. */
bool indicator_volatility(const double *x, size_t len, size_t n, double *out);

#endif
