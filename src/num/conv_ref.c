#include "num/num.h"

/* Σ over the kernel's rows and columns and the input channels that lie inside the picture, for one output value. */
static double window_sum(const struct conv *conv, size_t picture, size_t y, size_t x, size_t o)
{
	size_t half = conv->size / 2;
	double sum = 0;
	for (size_t ky = 0; ky < conv->size; ky++) {
		for (size_t kx = 0; kx < conv->size; kx++) {
			size_t sy = y + ky, sx = x + kx; /* in coordinates shifted by half */
			if (sy < half || sy - half >= conv->height || sx < half || sx - half >= conv->width)
				continue;
			const float *in = conv->input + ((picture * conv->height + sy - half) * conv->width + sx - half) * conv->in;
			const float *kernel = conv->kernel + (ky * conv->size + kx) * conv->in * conv->out + o;
			for (size_t i = 0; i < conv->in; i++)
				sum += (double)in[i] * (double)kernel[i * conv->out];
		}
	}
	return sum;
}

void conv_ref(const struct conv *conv)
{
	size_t pixels = conv->height * conv->width;
	for (size_t p = 0; p < conv->n * pixels; p++) {
		for (size_t o = 0; o < conv->out; o++) {
			double sum = window_sum(conv, p / pixels, p % pixels / conv->width, p % conv->width, o);
			sum += (double)conv->bias[o];
			conv->output[p * conv->out + o] = (float)(conv->relu && sum < 0 ? 0 : sum);
		}
	}
}
