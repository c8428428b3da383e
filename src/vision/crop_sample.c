/* Cutting window-sized crops out of pictures, plain and varied. */
#include "vision/train_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Bounds of the variation. Sharpness is the deviation of what a 3×3 mean takes away, relative to that of the crop:
 * small pictures that were enlarged have little of it, pictures shrunk by bilinear steps have up to the share below. */
#define SHIFT_SHARE 0.04
#define TURN_MOST 0.12
#define SCALE_MOST 0.10
#define LIGHT_MOST 0.5
#define NOISE_MOST 0.15
#define SHARP_MOST 0.5
#define SHARPEN_MOST 4.0

/* Picture position of the window's pixel (x, y): origin + x · across + y · down. */
struct placement {
	double origin[2], across[2], down[2];
};
struct sampler {
	const struct image *grey;
	size_t width, height;
	float *values, *means; /* [height][width] */
	uint8_t *pixels;
};

static struct placement place_box(const double box[4], const struct sampler *sampler, double turn)
{
	double step_x = box[2] / (double)sampler->width, step_y = box[3] / (double)sampler->height;
	struct placement place = {.across = {step_x * cos(turn), step_x * sin(turn)},
	                          .down = {-step_y * sin(turn), step_y * cos(turn)}};
	for (int k = 0; k < 2; k++)
		place.origin[k] = box[k] + box[2 + k] / 2 - 0.5 - place.across[k] * ((double)sampler->width - 1) / 2 -
		                  place.down[k] * ((double)sampler->height - 1) / 2;
	return place;
}

static double bounded(double value, double most)
{
	return fmin(fmax(value, 0), most);
}

static float sample_at(const struct image *grey, double x, double y)
{
	x = bounded(x, (double)grey->width - 1);
	y = bounded(y, (double)grey->height - 1);
	size_t left = (size_t)x, top = (size_t)y;
	size_t right = left + 1 < grey->width ? left + 1 : left, bottom = top + 1 < grey->height ? top + 1 : top;
	double u = x - (double)left, v = y - (double)top;
	const uint8_t *above = grey->pixels + top * grey->width, *below = grey->pixels + bottom * grey->width;
	return (float)((1 - v) * ((1 - u) * above[left] + u * above[right]) +
	               v * ((1 - u) * below[left] + u * below[right]));
}

static void sample_window(struct sampler *sampler, const struct placement *place)
{
	for (size_t y = 0; y < sampler->height; y++)
		for (size_t x = 0; x < sampler->width; x++)
			sampler->values[y * sampler->width + x] =
			    sample_at(sampler->grey, place->origin[0] + (double)x * place->across[0] + (double)y * place->down[0],
			              place->origin[1] + (double)x * place->across[1] + (double)y * place->down[1]);
}

static float mean_around(const struct sampler *sampler, size_t x, size_t y)
{
	float sum = 0, count = 0;
	for (size_t v = y ? y - 1 : 0; v <= y + 1 && v < sampler->height; v++)
		for (size_t u = x ? x - 1 : 0; u <= x + 1 && u < sampler->width; u++) {
			sum += sampler->values[v * sampler->width + u];
			count++;
		}
	return sum / count;
}

/* The crop's deviation, and the share of it that is finer than a 3×3 mean. */
static void measure(struct sampler *sampler, double *deviation, double *sharpness)
{
	size_t count = sampler->width * sampler->height;
	double sum = 0, squares = 0, fine = 0;
	for (size_t y = 0; y < sampler->height; y++)
		for (size_t x = 0; x < sampler->width; x++) {
			size_t i = y * sampler->width + x;
			sampler->means[i] = mean_around(sampler, x, y);
			double value = sampler->values[i], rest = value - sampler->means[i];
			sum += value;
			squares += value * value;
			fine += rest * rest;
		}
	double mean = sum / (double)count;
	*deviation = sqrt(fmax(squares / (double)count - mean * mean, 0));
	*sharpness = *deviation > 0 ? sqrt(fine / (double)count) / *deviation : 0;
}

/* value + a · (value − 3×3 mean) + a ramp of light + noise, in units of the crop's deviation. */
static void vary_values(struct sampler *sampler, struct rng *rng)
{
	double deviation, sharpness;
	measure(sampler, &deviation, &sharpness);
	double wanted = rng_range(rng, sharpness, fmax(sharpness, SHARP_MOST));
	double sharpen = sharpness > 0 ? fmin(wanted / sharpness - 1, SHARPEN_MOST) : 0;
	double noise = rng_range(rng, 0, NOISE_MOST) * deviation, light = rng_range(rng, 0, LIGHT_MOST) * deviation;
	double angle = rng_range(rng, 0, 2 * M_PI);
	for (size_t y = 0; y < sampler->height; y++)
		for (size_t x = 0; x < sampler->width; x++) {
			size_t i = y * sampler->width + x;
			double u = 2 * ((double)x + 0.5) / (double)sampler->width - 1;
			double v = 2 * ((double)y + 0.5) / (double)sampler->height - 1;
			double value = sampler->values[i];
			sampler->values[i] = (float)(value + sharpen * (value - sampler->means[i]) +
			                             light * (u * cos(angle) + v * sin(angle)) + noise * rng_normal(rng));
		}
}

static int push_values(struct sampler *sampler, struct crops *crops, bool turned, struct err *err)
{
	for (size_t y = 0; y < sampler->height; y++)
		for (size_t x = 0; x < sampler->width; x++) {
			size_t from = turned ? sampler->width - 1 - x : x;
			sampler->pixels[y * sampler->width + x] =
			    (uint8_t)lrint(bounded(sampler->values[y * sampler->width + from], 255));
		}
	return crops_push(crops, sampler->pixels, err);
}

static int push_varied(struct sampler *sampler, struct crops *crops, const double box[4], struct rng *rng, bool turned,
                       struct err *err)
{
	double scale = 1 + rng_range(rng, -SCALE_MOST, SCALE_MOST), moved[4];
	for (int k = 0; k < 2; k++) {
		moved[2 + k] = box[2 + k] * scale;
		moved[k] = box[k] + (box[2 + k] - moved[2 + k]) / 2 + rng_range(rng, -SHIFT_SHARE, SHIFT_SHARE) * box[2 + k];
	}
	struct placement place = place_box(moved, sampler, rng_range(rng, -TURN_MOST, TURN_MOST));
	sample_window(sampler, &place);
	vary_values(sampler, rng);
	return push_values(sampler, crops, turned, err);
}

static int add_all(struct sampler *sampler, struct crops *crops, const double box[4],
                   const struct crop_variation *variation, uint64_t number, struct err *err)
{
	struct placement place = place_box(box, sampler, 0);
	sample_window(sampler, &place);
	int code = push_values(sampler, crops, false, err);
	if (code != OK || !variation)
		return code;
	if (variation->mirror)
		code = push_values(sampler, crops, true, err);
	struct rng rng;
	rng_seed(&rng, variation->seed, "cascade.vary", number);
	for (size_t i = 0; i < variation->copies && code == OK; i++)
		code = push_varied(sampler, crops, box, &rng, variation->mirror && i % 2 == 1, err);
	return code;
}

int crops_add(struct crops *crops, const struct image *grey, const double box[4],
              const struct crop_variation *variation, uint64_t number, struct err *err)
{
	struct sampler sampler = {.grey = grey, .width = (size_t)crops->width, .height = (size_t)crops->height};
	size_t size = sampler.width * sampler.height;
	if (grey->channels != 1 || grey->width == 0 || grey->height == 0 || !(box[2] > 0) || !(box[3] > 0))
		return err_set(err, ERR_DATA, "a crop is a rectangle with an area in a grey picture");
	sampler.values = mem_alloc(size, sizeof(float), err);
	sampler.means = mem_alloc(size, sizeof(float), err);
	sampler.pixels = mem_alloc(size, 1, err);
	int code = sampler.values && sampler.means && sampler.pixels ? add_all(&sampler, crops, box, variation, number, err)
	                                                             : err->code;
	free(sampler.values);
	free(sampler.means);
	free(sampler.pixels);
	return code;
}
