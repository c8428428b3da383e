#include "num/num.h"

#include <math.h>

static float max4(float a, float b, float c, float d)
{
	float top = a > b ? a : b, bottom = c > d ? c : d;
	return top > bottom ? top : bottom;
}

/* One output row from two input rows of `width` pixels. */
static void pool_row(size_t width, size_t channels, const float *upper, const float *lower, float *output)
{
	for (size_t x = 0; x < width / 2; x++, output += channels) {
		const float *u = upper + 2 * x * channels, *l = lower + 2 * x * channels;
		for (size_t c = 0; c < channels; c++)
			output[c] = max4(u[c], u[channels + c], l[c], l[channels + c]);
	}
}

void pool_max2(size_t n, size_t height, size_t width, size_t channels, const float *input, float *output, int threads)
{
	size_t rows = height / 2, stride = width * channels;

#pragma omp parallel for schedule(static) num_threads(threads < 1 ? 1 : threads)
	for (size_t row = 0; row < n * rows; row++) {
		const float *upper = input + (row / rows * height + row % rows * 2) * stride;
		pool_row(width, channels, upper, upper + stride, output + row * (width / 2) * channels);
	}
}

/* Mean of the size×size square whose first value is `corner`, a channel. */
static float square_mean(const float *corner, size_t stride, size_t channels, size_t size)
{
	double sum = 0;
	for (size_t y = 0; y < size; y++)
		for (size_t x = 0; x < size; x++)
			sum += (double)corner[y * stride + x * channels];
	return (float)(sum / (double)(size * size));
}

void pool_average(size_t n, size_t height, size_t width, size_t channels, size_t size, const float *input,
                  float *output)
{
	size_t rows = height / size, columns = width / size, stride = width * channels;
	for (size_t i = 0; i < n * rows * columns; i++) {
		size_t row = i / columns, x = i % columns * size, y = row / rows * height + row % rows * size;
		const float *corner = input + y * stride + x * channels;
		for (size_t c = 0; c < channels; c++)
			output[i * channels + c] = square_mean(corner + c, stride, channels, size);
	}
}

static void softmax_row(size_t columns, float *x)
{
	float top = x[0];
	double sum = 0;
	for (size_t i = 1; i < columns; i++)
		top = x[i] > top ? x[i] : top;
	for (size_t i = 0; i < columns; i++) {
		x[i] = expf(x[i] - top);
		sum += (double)x[i];
	}
	for (size_t i = 0; i < columns; i++)
		x[i] = (float)((double)x[i] / sum);
}

void softmax_rows(size_t rows, size_t columns, float *x)
{
	for (size_t i = 0; columns && i < rows; i++)
		softmax_row(columns, x + i * columns);
}
