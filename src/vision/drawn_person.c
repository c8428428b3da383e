/* Who the drawn people are, and what their faces do. Spreads were chosen so that people differ more than one's own
 * pictures do. */
#include "vision/drawn_internal.h"

#include <math.h>

static double spread(struct rng *rng, double mean, double deviation, double limit)
{
	double x = rng_normal(rng);

	return mean + deviation * (x > limit ? limit : x < -limit ? -limit : x);
}

static void draw_colours(struct drawn_person *p, struct rng *rng)
{
	static const struct colour skins[] = {
		{0.96, 0.82, 0.72, 1}, {0.93, 0.77, 0.64, 1}, {0.89, 0.72, 0.58, 1}, {0.84, 0.66, 0.51, 1},
		{0.75, 0.56, 0.42, 1}, {0.60, 0.43, 0.32, 1}, {0.47, 0.33, 0.25, 1},
	};
	static const struct colour hairs[] = {
		{0.07, 0.06, 0.06, 1}, {0.12, 0.09, 0.08, 1}, {0.20, 0.13, 0.09, 1}, {0.33, 0.21, 0.13, 1},
		{0.55, 0.38, 0.22, 1}, {0.45, 0.20, 0.12, 1}, {0.62, 0.61, 0.60, 1},
	};
	static const struct colour irises[] = {
		{0.16, 0.10, 0.07, 1}, {0.27, 0.16, 0.09, 1}, {0.36, 0.27, 0.14, 1}, {0.28, 0.40, 0.48, 1},
	};
	size_t skin = (size_t)(rng_unit(rng) * rng_unit(rng) * ARRAY_COUNT(skins));
	p->skin = colour_mix(skins[skin], skins[(skin + 1) % ARRAY_COUNT(skins)], rng_unit(rng) * 0.5);
	/* Dark hair most often, and always with dark skin. */
	double pick = rng_unit(rng) * rng_unit(rng);
	p->hair =
	    colour_shade(hairs[(size_t)(pick * (skin > 3 ? 3 : (double)ARRAY_COUNT(hairs)))], rng_range(rng, 0.85, 1.2));
	pick = rng_unit(rng) * rng_unit(rng);
	p->iris = irises[(size_t)(pick * (skin > 3 ? 2 : (double)ARRAY_COUNT(irises)))];
	p->lips = colour_mix(colour_shade(p->skin, 0.80), (struct colour){0.72, 0.26, 0.28, 1}, rng_range(rng, 0.30, 0.62));
	p->clothes = colour_random(rng, 0.12, 0.85);
	p->frame = colour_random(rng, 0.05, 0.32);
	p->hat = colour_random(rng, 0.10, 0.75);
}

static void draw_shape(struct drawn_person *p, struct rng *rng)
{
	p->width = spread(rng, 1.0, 0.045, 2);
	p->chin = spread(rng, 1.34, 0.06, 2);
	p->jaw = spread(rng, 2.5, 0.35, 2);
	p->eye_gap = spread(rng, 0.42, 0.022, 2);
	p->eye_size = spread(rng, 0.190, 0.016, 2);
	p->eye_tilt = spread(rng, 0.015, 0.018, 2);
	p->brow_weight = spread(rng, 0.055, 0.016, 1.8);
	p->brow_height = spread(rng, -0.285, 0.025, 2);
	p->brow_arch = spread(rng, 0.055, 0.022, 2);
	p->nose_length = spread(rng, 0.50, 0.035, 2);
	p->nose_width = spread(rng, 0.185, 0.022, 2);
	p->mouth_width = spread(rng, 0.33, 0.028, 2);
	p->mouth_y = spread(rng, 0.82, 0.03, 2);
	p->lip = spread(rng, 0.075, 0.016, 2);
	p->rest_mouth = spread(rng, 0, 0.16, 2);
	p->rest_brow = spread(rng, 0, 0.14, 2);
	p->rest_lid = spread(rng, 0, 0.12, 2);
	p->hairline = spread(rng, -0.74, 0.06, 2);
	p->hair_volume = rng_range(rng, 0.06, 0.16);
}

void drawn_person_draw(struct drawn_person *person, uint64_t seed, size_t number)
{
	struct rng rng;
	struct drawn_person p = {0};

	rng_seed(&rng, seed, "sample.person", number);
	draw_colours(&p, &rng);
	draw_shape(&p, &rng);
	p.style = (enum hair_style)rng_below(&rng, HAIR_STYLES);
	bool long_hair = p.style == HAIR_BOB || p.style == HAIR_LONG || p.style == HAIR_BUN;
	if (p.style == HAIR_BALD && rng_unit(&rng) < 0.5)
		p.style = HAIR_SHORT;
	p.lashes = long_hair || rng_unit(&rng) < 0.3;
	if (!long_hair && rng_unit(&rng) < 0.35) {
		p.beard = rng_range(&rng, 0.06, 0.5);
		p.moustache = rng_unit(&rng) < 0.6 ? p.beard : 0;
	}
	p.cheeks = rng_range(&rng, 0.03, 0.16);
	*person = p;
}

void drawn_mimic_draw(struct drawn_mimic *mimic, const struct drawn_person *person, int expression, struct rng *rng)
{
	double amount = rng_range(rng, 0.5, 1.0);
	struct drawn_mimic m = {
		.curve = person->rest_mouth + spread(rng, 0, 0.07, 2),
		.brow_drop = person->rest_brow + spread(rng, 0, 0.08, 2),
		.squint = person->rest_lid + spread(rng, 0, 0.08, 2),
	};

	if (expression == 2) {
		m.curve += amount;
		m.wide = amount;
		m.open = rng_unit(rng) < 0.75 ? amount * rng_range(rng, 0.4, 1.0) : 0;
		m.squint += 0.55 * amount;
		m.brow_drop -= 0.20 * amount;
		m.cheek = amount;
	} else if (expression == 3) {
		m.curve -= 0.75 * amount;
		m.wide = -0.25 * amount;
		m.press = amount * rng_range(rng, 0.3, 1.0);
		m.brow_drop += amount;
		m.brow_knit = amount;
		m.squint += 0.35 * amount;
	} else {
		m.open = rng_unit(rng) < 0.12 ? 0.15 : 0;
	}
	*mimic = m;
}
