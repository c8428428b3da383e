#include "vision/faces_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/*
 * A unit is a person, or one picture of nobody known. With n[p][c] the pictures of class c already in part p and
 * T[p][c] its fair share (part's share × all of c), a unit with u[c] pictures goes where χ² = Σ (n − T)² / T grows
 * least: Δ(p) = Σ_c u[c] · (2 (n[p][c] − T[p][c]) + u[c]) / T[p][c] Large units go first, so that the small ones even
 * out what they leave; among equals a seeded shuffle decides.
 */
struct unit {
	uint32_t person;
	unsigned fixed;   /* enum face_split or FACE_SPLIT_FREE */
	unsigned allowed; /* bit p: may go to part p */
	unsigned split;
	size_t size, shuffled;
	size_t start; /* first of its counts in unit_counts */
};

struct split_job {
	struct face_set *set;
	size_t n_classes, n_units;
	struct unit *units;
	uint32_t *counts; /* [n_units][n_classes] */
	size_t *unit_of;  /* [faces] */
	double share[FACE_SPLITS];
	double *target, *have; /* [FACE_SPLITS][n_classes] */
	size_t in_part[FACE_SPLITS];
};

static void job_free(struct split_job *job)
{
	free(job->units);
	free(job->counts);
	free(job->unit_of);
	free(job->target);
	free(job->have);
}

static int job_alloc(struct split_job *job, struct err *err)
{
	struct face_set *set = job->set;
	size_t most = set->count; /* a unit has at least one face */
	job->n_classes = set->classes.names.count;
	job->units = mem_alloc(most, sizeof *job->units, err);
	job->unit_of = job->units ? mem_alloc(most, sizeof *job->unit_of, err) : NULL;
	job->target = job->unit_of ? mem_alloc(FACE_SPLITS * job->n_classes, sizeof *job->target, err) : NULL;
	job->have = job->target ? mem_alloc(FACE_SPLITS * job->n_classes, sizeof *job->have, err) : NULL;
	return job->have ? OK : err->code;
}

static int make_units(struct split_job *job, struct err *err)
{
	struct face_set *set = job->set;
	size_t *of_person = mem_alloc(set->persons.names.count, sizeof *of_person, err); /* unit + 1 */
	if (!of_person)
		return err->code;
	for (size_t i = 0; i < set->count; i++) {
		const struct face *face = &set->faces[i];
		size_t unit = face->person == FACE_NOBODY ? 0 : of_person[face->person];
		if (unit == 0) {
			job->units[job->n_units++] = (struct unit){.person = face->person, .fixed = FACE_SPLIT_FREE};
			unit = job->n_units;
			if (face->person != FACE_NOBODY)
				of_person[face->person] = unit;
		}
		job->unit_of[i] = unit - 1;
		job->units[unit - 1].size++;
		/* Two parts for one person cannot both hold: faces_check_split says so, on what is written. */
		if (face->fixed_split != FACE_SPLIT_FREE)
			job->units[unit - 1].fixed = face->fixed_split;
	}
	free(of_person);
	job->counts = mem_alloc(job->n_units, job->n_classes * sizeof *job->counts, err);
	if (!job->counts)
		return err->code;
	for (size_t i = 0; i < set->count; i++)
		job->counts[job->unit_of[i] * job->n_classes + (size_t)set->faces[i].label]++;
	for (size_t u = 0; u < job->n_units; u++)
		job->units[u].start = u * job->n_classes;
	return OK;
}

/* Where each unit may go. A part that the data set names is its own affair; one that it does not name is drawn from
 * the training part. */
static void allow_parts(struct split_job *job)
{
	bool named[FACE_SPLITS] = {false};
	unsigned drawn = 1u << FACE_TRAIN, all = 1u << FACE_TRAIN;
	for (size_t u = 0; u < job->n_units; u++) {
		if (job->units[u].fixed < FACE_SPLITS)
			named[job->units[u].fixed] = true;
	}
	for (unsigned p = FACE_VALIDATION; p < FACE_SPLITS; p++) {
		if (job->share[p] <= 0)
			continue;
		all |= 1u << p;
		if (!named[p])
			drawn |= 1u << p;
	}
	for (size_t u = 0; u < job->n_units; u++) {
		struct unit *unit = &job->units[u];
		unit->allowed = unit->fixed == FACE_SPLIT_FREE ? all : unit->fixed == FACE_TRAIN ? drawn : 1u << unit->fixed;
	}
}

static void put_unit(struct split_job *job, struct unit *unit, unsigned part, double sign)
{
	const uint32_t *counts = job->counts + unit->start;
	double *have = job->have + part * job->n_classes;
	for (size_t c = 0; c < job->n_classes; c++)
		have[c] += sign * counts[c];
	if (sign > 0) {
		unit->split = part;
		job->in_part[part]++;
	} else {
		job->in_part[part]--;
	}
}

/* Δ of putting the unit (sign 1) into the part or taking it out (sign −1). */
static double growth(const struct split_job *job, const struct unit *unit, unsigned part, double sign)
{
	const uint32_t *counts = job->counts + unit->start;
	const double *have = job->have + part * job->n_classes, *target = job->target + part * job->n_classes;
	double sum = 0;
	for (size_t c = 0; c < job->n_classes; c++) {
		double u = sign * counts[c];
		if (target[c] > 0)
			sum += u * (2 * (have[c] - target[c]) + u) / target[c];
	}
	return sum;
}

static int larger_first(const void *a, const void *b)
{
	const struct unit *x = a, *y = b;
	if (x->size != y->size)
		return x->size > y->size ? -1 : 1;
	return (x->shuffled > y->shuffled) - (x->shuffled < y->shuffled);
}

static int order_units(struct split_job *job, struct unit *order, uint64_t seed, struct err *err)
{
	size_t *shuffle = mem_alloc(job->n_units, sizeof *shuffle, err);
	if (!shuffle)
		return err->code;
	for (size_t u = 0; u < job->n_units; u++)
		shuffle[u] = u;
	struct rng rng;
	rng_seed(&rng, seed, "faces.split", 0);
	rng_shuffle(&rng, shuffle, job->n_units);
	for (size_t u = 0; u < job->n_units; u++) {
		job->units[u].shuffled = shuffle[u];
		order[u] = job->units[u];
	}
	free(shuffle);
	qsort(order, job->n_units, sizeof *order, larger_first);
	return OK;
}

static void deal_units(struct split_job *job, const struct unit *order)
{
	for (size_t i = 0; i < job->n_units; i++) {
		struct unit *unit = &job->units[order[i].start / job->n_classes];
		unsigned best = FACE_SPLITS;
		double least = 0;
		for (unsigned p = 0; p < FACE_SPLITS; p++) {
			if (!(unit->allowed >> p & 1))
				continue;
			double delta = growth(job, unit, p, 1);
			if (best == FACE_SPLITS || delta < least) {
				best = p;
				least = delta;
			}
		}
		put_unit(job, unit, best, 1);
	}
}

/* With few people a part may stay empty: it gets the unit that costs least to move from a part with more than one. */
static void fill_part(struct split_job *job, unsigned part)
{
	struct unit *best = NULL;
	double least = 0;
	for (size_t u = 0; u < job->n_units; u++) {
		struct unit *unit = &job->units[u];
		if (!(unit->allowed >> part & 1) || job->in_part[unit->split] < 2)
			continue;
		double delta = growth(job, unit, part, 1) + growth(job, unit, unit->split, -1);
		if (!best || delta < least) {
			best = unit;
			least = delta;
		}
	}
	if (!best)
		return;
	put_unit(job, best, best->split, -1);
	put_unit(job, best, part, 1);
}

static int check_parts(const struct split_job *job, struct err *err)
{
	const struct face_set *set = job->set;
	for (unsigned p = 0; p < FACE_SPLITS; p++) {
		if (job->share[p] > 0 && job->in_part[p] == 0)
			return err_set(err, ERR_DATA, "the %s part is empty: the data set's own parts leave nobody for it",
			               face_split_name(p));
	}
	for (size_t c = 0; c < job->n_classes; c++) {
		if (job->have[FACE_TRAIN * job->n_classes + c] < 1)
			return err_set(err, ERR_DATA,
			               "class '%s' has no picture in the training part; it needs pictures of more people, or "
			               "smaller faces.validation and faces.test",
			               set->classes.names.items[c]);
	}
	return OK;
}

static int check_enough(const struct split_job *job, struct err *err)
{
	size_t needed = 0;
	for (unsigned p = 0; p < FACE_SPLITS; p++)
		needed += job->share[p] > 0;
	if (job->n_units >= needed)
		return OK;
	return err_set(err, ERR_DATA, "the pictures are of %zu %s; a split by person into %zu parts needs at least %zu",
	               job->n_units, job->n_units == 1 ? "person" : "people", needed, needed);
}

static int run_split(struct split_job *job, uint64_t seed, struct err *err)
{
	int status = job_alloc(job, err);
	if (status == OK)
		status = make_units(job, err);
	if (status == OK)
		status = check_enough(job, err);
	if (status != OK)
		return status;
	allow_parts(job);
	for (size_t i = 0; i < job->set->count; i++) {
		for (unsigned p = 0; p < FACE_SPLITS; p++)
			job->target[p * job->n_classes + (size_t)job->set->faces[i].label] += job->share[p];
	}
	struct unit *order = mem_alloc(job->n_units, sizeof *order, err);
	status = order ? order_units(job, order, seed, err) : err->code;
	if (status == OK) {
		deal_units(job, order);
		for (unsigned p = 0; p < FACE_SPLITS; p++) {
			if (job->share[p] > 0 && job->in_part[p] == 0)
				fill_part(job, p);
		}
		status = check_parts(job, err);
	}
	free(order);
	return status;
}

int faces_split(struct face_set *set, const struct faces_request *request, struct err *err)
{
	const struct faces_settings *settings = request->settings;
	struct split_job job = {.set = set};
	if (request->judges) {
		for (size_t i = 0; i < set->count; i++)
			set->faces[i].split = FACE_TEST;
		return OK;
	}
	job.share[FACE_VALIDATION] = settings->validation;
	job.share[FACE_TEST] = settings->test;
	job.share[FACE_TRAIN] = 1 - settings->validation - settings->test;
	if (!(job.share[FACE_TRAIN] > 0))
		return err_set(err, ERR_SETTINGS, "faces.validation %g and faces.test %g leave nothing to train on",
		               settings->validation, settings->test);
	int status = run_split(&job, request->seed, err);
	for (size_t i = 0; status == OK && i < set->count; i++) {
		struct face *face = &set->faces[i];
		const struct unit *unit = &job.units[job.unit_of[i]];
		/* What the data set holds out stays held out, even where it contradicts itself about the person. */
		bool kept = face->fixed_split == FACE_VALIDATION || face->fixed_split == FACE_TEST ||
		            (face->fixed_split == FACE_TRAIN && unit->fixed != FACE_TRAIN);
		face->split = (uint8_t)(kept ? face->fixed_split : unit->split);
	}
	job_free(&job);
	return status;
}

int faces_check_split(const struct face_set *set, struct err *err)
{
	size_t count = set->persons.names.count;
	uint8_t *part = mem_alloc(count, sizeof *part, err); /* split + 1; 0 = not seen */
	if (!part)
		return err->code;
	int status = OK;
	for (size_t i = 0; status == OK && i < set->count; i++) {
		const struct face *face = &set->faces[i];
		if (face->split >= FACE_SPLITS) {
			status = err_set(err, ERR_DATA, "%s: stands in no part", face->member);
		} else if (face->person != FACE_NOBODY) {
			uint8_t *seen = &part[face->person];
			if (*seen && *seen != face->split + 1)
				status =
				    err_set(err, ERR_DATA, "person %s stands in two parts, %s and %s (%s); a person may be in one only",
				            set->persons.names.items[face->person], face_split_name(*seen - 1u),
				            face_split_name(face->split), face->member);
			*seen = (uint8_t)(face->split + 1);
		}
	}
	free(part);
	return status;
}
