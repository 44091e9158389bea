#include "indicator.h"

#include <math.h>

#include "banned.h"

/* Results go out through here, so that no infinity or NaN ever does. */
static bool give(double v, double *out)
{
	if (!isfinite(v))
		return false;
	*out = v;
	return true;
}

static double mean(const double *x, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += x[i];
	return sum / (double)n;
}

static double larger(double a, double b)
{
	return a > b ? a : b;
}

static double distance(double a, double b)
{
	return a > b ? a - b : b - a;
}

bool indicator_sma(const double *x, size_t len, size_t n, double *out)
{
	if (n == 0 || len < n)
		return false;
	return give(mean(x + (len - n), n), out);
}

static double ema_step(double prev, double x, size_t n)
{
	double alpha = 2.0 / ((double)n + 1.0);

	return prev + alpha * (x - prev);
}

static double ema(const double *x, size_t len, size_t n)
{
	double v = mean(x, n);

	for (size_t i = n; i < len; i++)
		v = ema_step(v, x[i], n);
	return v;
}

bool indicator_ema(const double *x, size_t len, size_t n, double *out)
{
	if (n == 0 || len < n)
		return false;
	return give(ema(x, len, n), out);
}

/* Wilder's smoothing of one more value into the average of ${n}. */
static double wilder_step(double prev, double x, size_t n)
{
	return (prev * ((double)n - 1.0) + x) / (double)n;
}

static double rsi_of(double gain, double loss)
{
	if (loss == 0)
		return gain == 0 ? 50.0 : 100.0;
	return 100.0 - 100.0 / (1.0 + gain / loss);
}

bool indicator_rsi(const double *x, size_t len, size_t n, double *out)
{
	double gain = 0, loss = 0;

	if (n == 0 || len <= n)
		return false;
	for (size_t i = 1; i <= n; i++) {
		gain += larger(x[i] - x[i - 1], 0);
		loss += larger(x[i - 1] - x[i], 0);
	}
	gain /= (double)n;
	loss /= (double)n;
	for (size_t i = n + 1; i < len; i++) {
		gain = wilder_step(gain, larger(x[i] - x[i - 1], 0), n);
		loss = wilder_step(loss, larger(x[i - 1] - x[i], 0), n);
	}
	return give(rsi_of(gain, loss), out);
}

/* The EMAs advance side by side from the first candle that has both; the signal is seeded with
 * the mean of the first ${signal} differences, so one pass does it without memory. */
bool indicator_macd(const double *x, size_t len, size_t fast, size_t slow, size_t signal,
		    struct indicator_macd *out)
{
	double f, s, line = 0, sum = 0, sig = 0;

	if (fast == 0 || signal == 0 || fast > slow || len < slow || len - slow < signal - 1)
		return false;
	f = ema(x, slow, fast);
	s = mean(x, slow);
	for (size_t i = slow - 1; i < len; i++) {
		size_t k = i - (slow - 1); /* differences before this one */

		if (k > 0) {
			f = ema_step(f, x[i], fast);
			s = ema_step(s, x[i], slow);
		}
		line = f - s;
		if (k < signal) {
			sum += line;
			sig = sum / (double)signal;
		} else {
			sig = ema_step(sig, line, signal);
		}
	}
	if (!isfinite(line) || !isfinite(sig) || !isfinite(line - sig))
		return false;
	*out = (struct indicator_macd){ line, sig, line - sig };
	return true;
}

bool indicator_bollinger(const double *x, size_t len, size_t n, double k,
			 struct indicator_bands *out)
{
	double m, width, squares = 0;

	if (n == 0 || len < n)
		return false;
	x += len - n;
	m = mean(x, n);
	for (size_t i = 0; i < n; i++)
		squares += (x[i] - m) * (x[i] - m);
	width = k * sqrt(squares / (double)n);
	if (!isfinite(m + width) || !isfinite(m - width))
		return false;
	*out = (struct indicator_bands){ m, m + width, m - width };
	return true;
}

static double true_range(double high, double low, double close_before)
{
	double r = high - low;

	r = larger(r, distance(high, close_before));
	return larger(r, distance(low, close_before));
}

bool indicator_atr(const double *high, const double *low, const double *close, size_t len,
		   size_t n, double *out)
{
	double v = 0;

	if (n == 0 || len <= n)
		return false;
	for (size_t i = 1; i <= n; i++)
		v += true_range(high[i], low[i], close[i - 1]);
	v /= (double)n;
	for (size_t i = n + 1; i < len; i++)
		v = wilder_step(v, true_range(high[i], low[i], close[i - 1]), n);
	return give(v, out);
}

bool indicator_return(const double *x, size_t len, size_t n, double *out)
{
	if (n == 0 || len <= n || x[len - 1 - n] == 0)
		return false;
	return give(x[len - 1] / x[len - 1 - n] - 1.0, out);
}

/* The one-step return into x[i]; a division by 0 shows in the result, which give() refuses. */
static double step_return(const double *x, size_t i)
{
	return x[i] / x[i - 1] - 1.0;
}

bool indicator_volatility(const double *x, size_t len, size_t n, double *out)
{
	double m = 0, squares = 0;

	if (n < 2 || len <= n)
		return false;
	for (size_t i = len - n; i < len; i++)
		m += step_return(x, i);
	m /= (double)n;
	for (size_t i = len - n; i < len; i++)
		squares += (step_return(x, i) - m) * (step_return(x, i) - m);
	return give(sqrt(squares / ((double)n - 1.0)), out);
}
