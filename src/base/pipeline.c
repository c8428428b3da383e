#include "base/base.h"

#include <pthread.h>
#include <stdlib.h>

/* Slot numbers run on for ever; number n lies in place n % slots. written ≤ taken ≤ submitted ≤ claimed. */
struct place {
	uint64_t weight;
	bool worked;
	struct err err;
};

struct pipeline {
	const struct pipeline_steps *steps;
	struct place *places;
	pthread_mutex_t lock;
	pthread_cond_t room, task, progress;
	size_t claimed, submitted, taken, written;
	uint64_t weight; /* of the slots under way */
	int next_thread;
	bool read_done, failed;
	struct err read_err;
};

int pipeline_claim(struct pipeline *p, uint64_t weight, size_t *slot, struct err *err)
{
	const struct pipeline_steps *steps = p->steps;
	pthread_mutex_lock(&p->lock);
	while (!p->failed && p->claimed > p->written &&
	       (p->claimed - p->written == steps->slots || (steps->most > 0 && p->weight + weight > steps->most)))
		pthread_cond_wait(&p->room, &p->lock);
	bool failed = p->failed;
	if (!failed) {
		*slot = p->claimed++ % steps->slots;
		p->weight += weight;
		p->places[*slot] = (struct place){.weight = weight};
	}
	pthread_mutex_unlock(&p->lock);
	return failed ? err_set(err, ERR_STOPPED, "stopped by a failure further on") : OK;
}

void pipeline_submit(struct pipeline *p)
{
	pthread_mutex_lock(&p->lock);
	p->submitted++;
	pthread_cond_signal(&p->task);
	pthread_mutex_unlock(&p->lock);
}

static void *reader_main(void *context)
{
	struct pipeline *p = context;
	struct err err = {0};
	int status = p->steps->read(p, p->steps->context, &err);
	pthread_mutex_lock(&p->lock);
	p->read_done = true;
	if (status != OK)
		p->read_err = err;
	pthread_cond_broadcast(&p->task);
	pthread_cond_broadcast(&p->progress);
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static void *worker_main(void *context)
{
	struct pipeline *p = context;
	pthread_mutex_lock(&p->lock);
	int thread = p->next_thread++;
	for (;;) {
		while (!p->failed && p->taken == p->submitted && !p->read_done)
			pthread_cond_wait(&p->task, &p->lock);
		if (p->failed || p->taken == p->submitted)
			break;
		size_t number = p->taken++, slot = number % p->steps->slots;
		pthread_mutex_unlock(&p->lock);
		struct err err = {0};
		err.code = p->steps->work(slot, thread, p->steps->context, &err);
		pthread_mutex_lock(&p->lock);
		p->places[slot].err = err;
		p->places[slot].worked = true;
		if (number == p->written)
			pthread_cond_signal(&p->progress);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* Waits until the next slot in order is worked on; false when there is none any more. */
static bool next_worked(struct pipeline *p, size_t *slot)
{
	pthread_mutex_lock(&p->lock);
	*slot = p->written % p->steps->slots;
	while (!(p->written < p->submitted && p->places[*slot].worked) && !(p->read_done && p->written == p->submitted))
		pthread_cond_wait(&p->progress, &p->lock);
	bool there = p->written < p->submitted;
	pthread_mutex_unlock(&p->lock);
	return there;
}

static int write_all(struct pipeline *p, struct err *err)
{
	size_t slot;
	while (next_worked(p, &slot)) {
		struct place *place = &p->places[slot];
		if (place->err.code != OK) {
			*err = place->err;
			return err->code;
		}
		int status = p->steps->write(slot, p->steps->context, err);
		if (status != OK)
			return status;
		pthread_mutex_lock(&p->lock);
		p->weight -= place->weight;
		p->written++;
		pthread_cond_signal(&p->room);
		pthread_mutex_unlock(&p->lock);
	}
	*err = p->read_err;
	return err->code;
}

static void pipeline_fail(struct pipeline *p)
{
	pthread_mutex_lock(&p->lock);
	p->failed = true;
	pthread_cond_broadcast(&p->room);
	pthread_cond_broadcast(&p->task);
	pthread_mutex_unlock(&p->lock);
}

/* threads[0] reads, the others work. */
static int run_threads(struct pipeline *p, pthread_t *threads, int count, struct err *err)
{
	int started = 0, status = OK;
	while (started < count && pthread_create(&threads[started], NULL, started ? worker_main : reader_main, p) == 0)
		started++;
	if (started < count)
		status = err_set(err, ERR_MEMORY, "only %d of %d threads could be started; lower run.threads", started, count);
	if (status == OK)
		status = write_all(p, err);
	if (status != OK)
		pipeline_fail(p);
	for (int i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	return status;
}

int pipeline_run(const struct pipeline_steps *steps, struct err *err)
{
	struct pipeline p = {.steps = steps,
	                     .lock = PTHREAD_MUTEX_INITIALIZER,
	                     .room = PTHREAD_COND_INITIALIZER,
	                     .task = PTHREAD_COND_INITIALIZER,
	                     .progress = PTHREAD_COND_INITIALIZER};
	int count = 1 + (steps->threads < 1 ? 1 : steps->threads);
	pthread_t *threads = mem_alloc((size_t)count, sizeof *threads, err);
	p.places = threads ? mem_alloc(steps->slots, sizeof *p.places, err) : NULL;
	int status = p.places ? run_threads(&p, threads, count, err) : err->code;
	free(threads);
	free(p.places);
	return status;
}
