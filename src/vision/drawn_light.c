/* Light on a finished drawing, pixel by pixel, and what a camera adds. */
#include "vision/drawn_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* How much of the direct light reaches the wall. */
#define WALL_COSINE 0.55
#define RADIANS(degrees) ((degrees) * (3.14159265358979323846 / 180))

struct light_kind {
	double lux, azimuth, elevation; /* degrees; azimuth + = the person's left; NAN = from all round */
};

/* K-FACE's table of lights. */
static struct light_kind light_kind(int number)
{
	static const double round[] = {1000, 400, 200, 150, 100, 40, 0}, falling[] = {400, 200, 100, 40};
	static const double sides[] = {90, 45, 0, -45, -90};

	if (number <= 7)
		return (struct light_kind){round[number - 1], NAN, 0};
	if (number <= 11)
		return (struct light_kind){falling[number - 8], 0, 30};
	if (number <= 15)
		return (struct light_kind){falling[number - 12], 0, -15};
	return (struct light_kind){falling[(number - 16) % 3], sides[(number - 16) / 3], 0};
}

void drawn_light_set(struct drawn_light *light, int number, const struct drawn_view *view, struct rng *rng)
{
	struct light_kind kind = light_kind(number);
	bool all_round = isnan(kind.azimuth);
	double azimuth = RADIANS(all_round ? rng_range(rng, -40, 40) : kind.azimuth + rng_range(rng, -6, 6));
	double elevation = RADIANS(all_round ? 45 : kind.elevation + rng_range(rng, -5, 5));

	light->from = drawn_turn(
	    view, (struct drawn_point){sin(azimuth) * cos(elevation), -sin(elevation), cos(azimuth) * cos(elevation)});
	light->ambient = all_round ? 0.72 : 0.46;
	light->diffuse = all_round ? 0.36 : 0.72;
	/* The camera's own exposure makes up for most of the fall. */
	light->gain = (kind.lux > 0 ? pow(kind.lux / 1000, 0.15) : 0.42) * rng_range(rng, 0.92, 1.08);
	light->tint = (struct colour){rng_range(rng, 0.96, 1.04), 1, rng_range(rng, 0.94, 1.04), 1};
}

/* The normal of a ball around the face; what sticks out beyond it (ears, hair, shoulders) is lit like its rim. */
static double lambert(const struct drawn_light *light, double x, double y)
{
	double r2 = x * x + y * y, rim = r2 < 0.85 ? 1 : sqrt(0.85 / r2);
	double nx = x * rim, ny = y * rim, nz = sqrt(1 - nx * nx - ny * ny);
	double cosine = nx * light->from.x + ny * light->from.y + nz * light->from.z;

	return cosine > 0 ? cosine : 0;
}

static uint8_t to_byte(double x)
{
	return x <= 0 ? 0 : x >= 255 ? 255 : (uint8_t)(x + 0.5);
}

void drawn_light_apply(const struct drawn_light *light, const struct drawn_view *view, const struct image *wall,
                       struct image *image)
{
	struct drawn_point centre = drawn_project(view, (struct drawn_point){0, 0.12, 0});
	double radius_x = 1.16 * view->scale, radius_y = 1.5 * view->scale;

	for (size_t y = 0; y < image->height; y++)
		for (size_t x = 0; x < image->width; x++) {
			size_t at = 3 * (y * image->width + x);
			uint8_t *pixel = image->pixels + at;
			bool behind = !memcmp(pixel, wall->pixels + at, 3);
			double cosine = behind
			                    ? WALL_COSINE
			                    : lambert(light, ((double)x - centre.x) / radius_x, ((double)y - centre.y) / radius_y);
			double shade = light->gain * (light->ambient + light->diffuse * cosine);
			pixel[0] = to_byte(pixel[0] * shade * light->tint.r);
			pixel[1] = to_byte(pixel[1] * shade * light->tint.g);
			pixel[2] = to_byte(pixel[2] * shade * light->tint.b);
		}
}

/* [b 1−2b b] along one axis; `step` is the distance of neighbours in samples. */
static void blur_axis(const uint8_t *from, uint8_t *to, const struct image *image, size_t axis, double b)
{
	size_t row = image->width * 3, limit = axis ? image->height : image->width;

	for (size_t i = 0; i < image->height * row; i++) {
		size_t at = axis ? i / row : i % row / 3, step = axis ? row : 3;
		double before = from[at > 0 ? i - step : i], after = from[at + 1 < limit ? i + step : i];
		to[i] = to_byte(b * (before + after) + (1 - 2 * b) * from[i]);
	}
}

int drawn_camera_noise(struct image *image, double blur, double sigma, struct rng *rng, struct err *err)
{
	size_t count = image->width * image->height * 3;
	uint8_t *scratch = mem_alloc(count, 1, err);

	if (!scratch)
		return ERR_MEMORY;
	blur_axis(image->pixels, scratch, image, 0, blur);
	blur_axis(scratch, image->pixels, image, 1, blur);
	free(scratch);
	for (size_t i = 0; i < count; i += 3) {
		/* Mostly in brightness, as a sensor's; a sum of uniforms is normal enough and cheap. */
		double grey = sigma * 1.7 * (rng_unit(rng) + rng_unit(rng) + rng_unit(rng) - 1.5);
		for (size_t c = 0; c < 3; c++)
			image->pixels[i + c] = to_byte(image->pixels[i + c] + grey + sigma * 0.8 * (rng_unit(rng) - 0.5));
	}
	return OK;
}
