/*
 * Varied copies of a training picture, drawn before the network sees it.
 *
 * Moving and scaling change the square that is cut out, so that the picture's own surroundings fill it; the rest works
 * on the tensor: mirror, turn (bilinear, edges repeated), light, blur, grey, cut-out. In values v of 0…255:
 *   v ← 255 (v/255)^gamma,   v ← mean + contrast (v − mean) + 255 brightness,   clamped to 0…255.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/nn.h"

#define FULL 255.0
#define PI 3.14159265358979323846

bool augment_given(const struct augment *augment)
{
	return augment->copies > 0;
}

void augment_from_settings(struct augment *out, const struct augment_settings *settings, uint64_t seed)
{
	*out = (struct augment){
	    .copies = (size_t)settings->copies,
	    .flip = settings->flip,
	    .shift = settings->shift,
	    .scale = settings->scale,
	    .rotation = settings->rotation,
	    .brightness = settings->brightness,
	    .contrast = settings->contrast,
	    .gamma = settings->gamma,
	    .blur = settings->blur,
	    .cutout = settings->cutout,
	    .grey = settings->grey,
	    .seed = seed,
	};
}

/* Every number is drawn whether it is used or not: switching one variation off leaves the others as they were. */
void augment_draw(const struct augment *augment, size_t row, size_t copy, struct augment_draw *out)
{
	struct rng rng;

	rng_seed(&rng, augment->seed, "augment", row * AUGMENT_MAX_COPIES + copy);
	out->flip = rng_unit(&rng) < augment->flip;
	out->right = augment->shift * rng_range(&rng, -1, 1);
	out->down = augment->shift * rng_range(&rng, -1, 1);
	out->zoom = exp(log1p(augment->scale) * rng_range(&rng, -1, 1));
	out->turn = augment->rotation * PI / 180 * rng_range(&rng, -1, 1);
	out->brightness = augment->brightness * rng_range(&rng, -1, 1);
	out->contrast = exp(log1p(augment->contrast) * rng_range(&rng, -1, 1));
	out->gamma = exp(log1p(augment->gamma) * rng_range(&rng, -1, 1));
	out->blur = augment->blur * rng_unit(&rng);
	out->hole = augment->cutout;
	out->hole_x = rng_unit(&rng);
	out->hole_y = rng_unit(&rng);
	out->grey = rng_unit(&rng) < augment->grey;
}

struct rect augment_face(const struct augment_draw *draw, struct rect face)
{
	double side = face.w > face.h ? face.w : face.h;
	double x = face.x + face.w / 2.0 + draw->right * side, y = face.y + face.h / 2.0 + draw->down * side;
	double w = face.w * draw->zoom, h = face.h * draw->zoom;

	return (struct rect){(int)lround(x - w / 2), (int)lround(y - h / 2), (int)fmax(1, lround(w)),
	                     (int)fmax(1, lround(h))};
}

static void mirror(float *tensor, size_t size)
{
	for (size_t y = 0; y < size; y++) {
		float *line = tensor + y * size * 3;
		for (size_t x = 0; x < size / 2; x++) {
			float *left = line + 3 * x, *right = line + 3 * (size - 1 - x), swap[3];
			memcpy(swap, left, sizeof swap);
			memcpy(left, right, sizeof swap);
			memcpy(right, swap, sizeof swap);
		}
	}
}

static double within(double value, double most)
{
	return value < 0 ? 0 : value > most ? most : value;
}

/* out(p) = tensor(R(p − c) + c), R a rotation by `turn`. */
static void rotate(const float *tensor, size_t size, double turn, float *out)
{
	double centre = ((double)size - 1) / 2, c = cos(turn), s = sin(turn), last = (double)size - 1;

	for (size_t i = 0; i < size * size; i++) {
		double dx = (double)(i % size) - centre, dy = (double)(i / size) - centre;
		double x = within(centre + c * dx - s * dy, last), y = within(centre + s * dx + c * dy, last);
		size_t x0 = (size_t)x, y0 = (size_t)y, x1 = x0 + 1 < size ? x0 + 1 : x0, y1 = y0 + 1 < size ? y0 + 1 : y0;
		double fx = x - (double)x0, fy = y - (double)y0;

		for (size_t k = 0; k < 3; k++) {
			const float *at0 = tensor + y0 * size * 3 + k, *at1 = tensor + y1 * size * 3 + k;
			double upper = (1 - fx) * (double)at0[3 * x0] + fx * (double)at0[3 * x1];
			double lower = (1 - fx) * (double)at1[3 * x0] + fx * (double)at1[3 * x1];
			out[3 * i + k] = (float)((1 - fy) * upper + fy * lower);
		}
	}
}

/* One pass of a Gaussian cut off at three deviations, along x (step 3) or y (step 3 · size); edges repeated. */
static void blur_pass(const float *from, float *to, size_t size, double deviation, bool vertical)
{
	double weights[64], sum = 0;
	long reach = (long)ceil(3 * deviation), n = (long)size;

	reach = reach > 63 ? 63 : reach;
	for (long d = 0; d <= reach; d++) {
		weights[d] = exp(-(double)(d * d) / (2 * deviation * deviation));
		sum += d ? 2 * weights[d] : weights[d];
	}
	for (long i = 0; i < n * n; i++) {
		long x = i % n, y = i / n;
		double value[3] = {0};

		for (long d = -reach; d <= reach; d++) {
			long px = vertical ? x : x + d, py = vertical ? y + d : y;
			const float *pixel;
			px = px < 0 ? 0 : px >= n ? n - 1 : px;
			py = py < 0 ? 0 : py >= n ? n - 1 : py;
			pixel = from + (py * n + px) * 3;
			for (size_t k = 0; k < 3; k++)
				value[k] += weights[labs(d)] / sum * (double)pixel[k];
		}
		for (size_t k = 0; k < 3; k++)
			to[i * 3 + (long)k] = (float)value[k];
	}
}

static double channel_mean(const float *tensor, size_t count)
{
	double sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += (double)tensor[i];
	return sum / (double)count;
}

/* On values of 0…255. */
static void relight(const struct augment_draw *draw, float *tensor, size_t size)
{
	size_t count = size * size * 3;
	double mean;

	for (size_t i = 0; i < count; i++)
		tensor[i] = (float)(FULL * pow(within((double)tensor[i], FULL) / FULL, draw->gamma));
	mean = channel_mean(tensor, count);
	for (size_t i = 0; i < count; i++)
		tensor[i] = (float)within(mean + draw->contrast * ((double)tensor[i] - mean) + FULL * draw->brightness, FULL);
}

/* ITU-R BT.601; `red` is the place of red in a pixel. */
static void desaturate(float *tensor, size_t pixels, size_t red)
{
	for (size_t i = 0; i < pixels; i++) {
		float *p = tensor + 3 * i;
		double grey = 0.299 * (double)p[red] + 0.587 * (double)p[1] + 0.114 * (double)p[2 - red];
		p[0] = p[1] = p[2] = (float)grey;
	}
}

/* DeVries & Taylor 2017: a square takes the picture's mean; it may reach over the edge. */
static void cut_out(const struct augment_draw *draw, float *tensor, size_t size)
{
	double side = draw->hole * (double)size, left = draw->hole_x * (double)size - side / 2,
	       upper = draw->hole_y * (double)size - side / 2;
	float mean = (float)channel_mean(tensor, size * size * 3);

	for (size_t y = 0; y < size; y++)
		for (size_t x = 0; x < size; x++)
			if ((double)x >= left && (double)x < left + side && (double)y >= upper && (double)y < upper + side)
				for (size_t k = 0; k < 3; k++)
					tensor[(y * size + x) * 3 + k] = mean;
}

static void vary_values(const struct augment_draw *draw, const struct preprocess *preprocess, float *tensor)
{
	size_t size = preprocess->size, count = size * size * 3;

	for (size_t i = 0; i < count; i++)
		tensor[i] = (float)((double)tensor[i] / preprocess->scale + preprocess->mean[i % 3]);
	relight(draw, tensor, size);
	if (draw->grey)
		desaturate(tensor, size * size, preprocess->channels == CHANNELS_BGR ? 2 : 0);
	if (draw->hole > 0)
		cut_out(draw, tensor, size);
	for (size_t i = 0; i < count; i++)
		tensor[i] = (float)(((double)tensor[i] - preprocess->mean[i % 3]) * preprocess->scale);
}

void augment_apply(const struct augment_draw *draw, const struct preprocess *preprocess, float *tensor, float *scratch)
{
	size_t size = preprocess->size;

	if (draw->flip)
		mirror(tensor, size);
	if (draw->turn != 0) {
		memcpy(scratch, tensor, size * size * 3 * sizeof(*tensor));
		rotate(scratch, size, draw->turn, tensor);
	}
	if (draw->blur > 0.1) {
		blur_pass(tensor, scratch, size, draw->blur, false);
		blur_pass(scratch, tensor, size, draw->blur, true);
	}
	if (draw->brightness != 0 || draw->contrast != 1 || draw->gamma != 1 || draw->grey || draw->hole > 0)
		vary_values(draw, preprocess, tensor);
}
