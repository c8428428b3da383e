/* How fast is one core at plain work? Prints seconds of integer steps (table look-ups and adds) and of float steps
 * (products and sums), the best of five: what was measured on two machines can be set side by side by their ratio. */
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#define STEPS 200000000u

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(void)
{
	static uint32_t table[4096];
	double integer = 1e9, real = 1e9;
	volatile double kept = 0;
	for (int round = 0; round < 5; round++) {
		uint32_t state = 1;
		double start = now(), sum = 0, x = 1;
		for (uint32_t i = 0; i < STEPS; i++) {
			state = state * 1664525u + 1013904223u;
			table[state >> 20] += i;
		}
		double middle = now();
		for (uint32_t i = 0; i < STEPS; i++) {
			x = x * 0.999999 + 1e-6;
			sum += x;
		}
		double end = now();
		kept += sum + table[7];
		integer = middle - start < integer ? middle - start : integer;
		real = end - middle < real ? end - middle : real;
	}
	printf("%.3f %.3f\n", integer, real);
	return 0;
}
