/*
 * xoshiro256** 1.0 (D. Blackman, S. Vigna: "Scrambled linear pseudorandom number generators", 2018),
 * its state filled by SplitMix64 from a hash of (seed, stream name, index).
 */
#include "base/base.h"

#include <math.h>
#include <string.h>

static uint64_t rotate_left(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

static uint64_t splitmix64(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

void rng_seed(struct rng *rng, uint64_t seed, const char *stream, uint64_t index)
{
	uint64_t state = hash64(stream, strlen(stream), seed);
	state ^= rotate_left(index * 0x9e3779b97f4a7c15u, 32);
	for (size_t i = 0; i < 4; i++)
		rng->state[i] = splitmix64(&state);
}

uint64_t rng_u64(struct rng *rng)
{
	uint64_t *s = rng->state;
	uint64_t result = rotate_left(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;
	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate_left(s[3], 45);
	return result;
}

/* Lemire 2019: multiply, and draw again only where the low half would be biased. */
uint64_t rng_below(struct rng *rng, uint64_t bound)
{
	__uint128_t product = (__uint128_t)rng_u64(rng) * bound;
	uint64_t low = (uint64_t)product;
	if (low < bound) {
		uint64_t threshold = -bound % bound;
		while (low < threshold) {
			product = (__uint128_t)rng_u64(rng) * bound;
			low = (uint64_t)product;
		}
	}
	return (uint64_t)(product >> 64);
}

double rng_unit(struct rng *rng)
{
	return (double)(rng_u64(rng) >> 11) * 0x1p-53;
}

double rng_range(struct rng *rng, double low, double high)
{
	return low + (high - low) * rng_unit(rng);
}

double rng_normal(struct rng *rng)
{
	double radius = sqrt(-2.0 * log(1.0 - rng_unit(rng)));
	return radius * cos(6.283185307179586476925 * rng_unit(rng));
}

void rng_shuffle(struct rng *rng, size_t *indices, size_t count)
{
	for (size_t i = count; i > 1; i--) {
		size_t j = (size_t)rng_below(rng, i);
		size_t swap = indices[i - 1];
		indices[i - 1] = indices[j];
		indices[j] = swap;
	}
}
