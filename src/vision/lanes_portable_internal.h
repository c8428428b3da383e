/* Four lanes in the compilers' own vector types: every processor. Included by scan_portable.c alone. */
#ifndef MOODCAST_LANES_PORTABLE_H
#define MOODCAST_LANES_PORTABLE_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#define LANES 4
#define GROUP 2 /* blocks of LANES windows that share the reading of a node */

typedef int32_t lanes_int __attribute__((vector_size(16)));
typedef float lanes_float __attribute__((vector_size(16)));
typedef int32_t lanes_mask __attribute__((vector_size(16))); /* 0 or −1 */
typedef int32_t int_pair __attribute__((vector_size(8)));
typedef float float_pair __attribute__((vector_size(8)));
typedef double double_pair __attribute__((vector_size(16)));
struct lanes_double {
	double_pair low, high;
};

static inline lanes_int lanes_load(const uint32_t *from)
{
	lanes_int a;
	memcpy(&a, from, sizeof a);
	return a;
}

static inline void lanes_store(uint32_t *to, lanes_int a)
{
	memcpy(to, &a, sizeof a);
}

static inline lanes_int lanes_bytes(const uint8_t *from)
{
	return (lanes_int){from[0], from[1], from[2], from[3]};
}

static inline lanes_int lanes_int_splat(int32_t a)
{
	return (lanes_int){a, a, a, a};
}

/* Sums wrap: they are formed without sign. */
typedef uint32_t lanes_unsigned __attribute__((vector_size(16)));

static inline lanes_int lanes_add(lanes_int a, lanes_int b)
{
	return (lanes_int)((lanes_unsigned)a + (lanes_unsigned)b);
}

static inline lanes_int lanes_sub(lanes_int a, lanes_int b)
{
	return (lanes_int)((lanes_unsigned)a - (lanes_unsigned)b);
}

static inline lanes_int lanes_times(lanes_int a, lanes_int b)
{
	return (lanes_int)((lanes_unsigned)a * (lanes_unsigned)b);
}

static inline lanes_float lanes_from_int(lanes_int a)
{
	return __builtin_convertvector(a, lanes_float);
}

static inline lanes_float lanes_splat(float a)
{
	return (lanes_float){a, a, a, a};
}

static inline lanes_float lanes_load_float(const float *from)
{
	lanes_float a;
	memcpy(&a, from, sizeof a);
	return a;
}

static inline void lanes_store_float(float *to, lanes_float a)
{
	memcpy(to, &a, sizeof a);
}

static inline lanes_float lanes_plus(lanes_float a, lanes_float b)
{
	return a + b;
}

static inline lanes_float lanes_mul(lanes_float a, lanes_float b)
{
	return a * b;
}

static inline lanes_mask lanes_all(void)
{
	return lanes_int_splat(-1);
}

static inline lanes_mask lanes_less(lanes_float a, lanes_float b)
{
	return (lanes_mask)(a < b);
}

static inline lanes_mask lanes_and(lanes_mask a, lanes_mask b)
{
	return a & b;
}

/* b and not a */
static inline lanes_mask lanes_and_not(lanes_mask a, lanes_mask b)
{
	return ~a & b;
}

static inline lanes_float lanes_pick(lanes_mask mask, lanes_float yes, lanes_float no)
{
	return (lanes_float)((mask & (lanes_int)yes) | (~mask & (lanes_int)no));
}

static inline struct lanes_double lanes_double_zero(void)
{
	return (struct lanes_double){{0, 0}, {0, 0}};
}

static inline struct lanes_double lanes_add_wide(struct lanes_double sum, lanes_float a)
{
	sum.low += __builtin_convertvector(((float_pair){a[0], a[1]}), double_pair);
	sum.high += __builtin_convertvector(((float_pair){a[2], a[3]}), double_pair);
	return sum;
}

/* sum + (mask ? leaf[0] : leaf[1]); leaves are floats, so choosing before widening gives the same. */
static inline struct lanes_double lanes_add_leaf(struct lanes_double sum, lanes_mask mask, const double leaf[2])
{
	return lanes_add_wide(sum, lanes_pick(mask, lanes_splat((float)leaf[0]), lanes_splat((float)leaf[1])));
}

/* Bits of the lanes whose sum is not below the limit. */
static inline unsigned lanes_reach(struct lanes_double sum, double limit)
{
	return (unsigned)!(sum.low[0] < limit) | (unsigned)!(sum.low[1] < limit) << 1 |
	       (unsigned)!(sum.high[0] < limit) << 2 | (unsigned)!(sum.high[1] < limit) << 3;
}

static inline unsigned lanes_nonzero(lanes_float a)
{
	return (unsigned)(a[0] != 0) | (unsigned)(a[1] != 0) << 1 | (unsigned)(a[2] != 0) << 2 |
	       (unsigned)(a[3] != 0) << 3;
}

/* (float)(1 / sqrt(area·squares − sum²)), 0 where area times it is not below `flat`; squares are unsigned. */
static inline lanes_float lanes_scale(lanes_int sums, lanes_int squares, double area, double flat)
{
	lanes_float out;
	for (int i = 0; i < LANES; i++) {
		double spread = area * (uint32_t)squares[i] - (double)sums[i] * sums[i];
		float scale = spread > 0 ? (float)(1.0 / sqrt(spread)) : 0;
		out[i] = area * scale < flat ? scale : 0;
	}
	return out;
}

/* Inclusive sums from lane 0. */
static inline lanes_int lanes_prefix(lanes_int a)
{
	a = lanes_add(a, (lanes_int){0, a[0], a[1], a[2]});
	return lanes_add(a, (lanes_int){0, 0, a[0], a[1]});
}

static inline lanes_int lanes_last(lanes_int a)
{
	return lanes_int_splat(a[3]);
}

/* Lane i: the pair row[at[i]] | row[at[i] + 1] << 16. */
static inline lanes_int lanes_pairs(const uint16_t *row, const uint32_t *at)
{
	lanes_int out;
	for (int i = 0; i < LANES; i++)
		out[i] = (int32_t)((uint32_t)row[at[i]] | (uint32_t)row[at[i] + 1] << 16);
	return out;
}

static inline lanes_int lanes_low_halves(lanes_int a)
{
	return a & 0xffff;
}

static inline lanes_int lanes_high_halves(lanes_int a)
{
	return (lanes_int)((lanes_unsigned)a >> 16);
}

static inline void lanes_store_bytes(uint8_t *to, lanes_int a)
{
	for (int i = 0; i < LANES; i++)
		to[i] = (uint8_t)a[i];
}

#endif
