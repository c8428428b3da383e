#include "base/base.h"

#include <pthread.h>
#include <stdlib.h>

/*
 * Slot numbers run on for ever; number n lies in place n % slots. written ≤ ready ≤ taken ≤ submitted ≤ claimed. Waking
 * a thread costs as much as a small piece of work: the writer is woken for a quarter of the slots at a time, the reader
 * when they are written. With one thread there is nothing to hand over: each slot is worked on and written as it is
 * submitted.
 */
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
	size_t claimed, submitted, taken, ready, written; /* ready: worked on, and all before it */
	size_t batch;                                     /* slots that the writer is woken for */
	uint64_t weight;                                  /* of the slots under way */
	int next_thread;
	bool heavy; /* the reader waits for weight: then every slot counts */
	bool alone; /* all in the reader's thread */
	bool read_done, failed;
	struct err read_err, write_err;
};

static bool is_full(struct pipeline *p, uint64_t weight)
{
	const struct pipeline_steps *steps = p->steps;
	size_t under_way = p->claimed - p->written;
	p->heavy = under_way > 0 && steps->most > 0 && p->weight + weight > steps->most;
	return under_way == steps->slots || p->heavy;
}

int pipeline_claim(struct pipeline *p, uint64_t weight, size_t *slot, struct err *err)
{
	pthread_mutex_lock(&p->lock);
	while (!p->failed && is_full(p, weight)) {
		if (p->heavy && p->ready > p->written)
			pthread_cond_signal(&p->progress);
		pthread_cond_wait(&p->room, &p->lock);
	}
	p->heavy = false;
	bool failed = p->failed;
	if (!failed) {
		*slot = p->claimed++ % p->steps->slots;
		p->weight += weight;
		p->places[*slot] = (struct place){.weight = weight};
	}
	pthread_mutex_unlock(&p->lock);
	return failed ? err_set(err, ERR_STOPPED, "stopped by a failure further on") : OK;
}

/* The slot submitted last, in the thread that reads. */
static void finish_alone(struct pipeline *p)
{
	const struct pipeline_steps *steps = p->steps;
	size_t slot = p->written % steps->slots;
	int status = steps->work(slot, 0, steps->context, &p->write_err);
	if (status == OK)
		status = steps->write(slot, steps->context, &p->write_err);
	p->failed = status != OK;
	p->weight -= p->places[slot].weight;
	p->taken = p->ready = ++p->written;
}

void pipeline_submit(struct pipeline *p)
{
	if (p->alone) {
		p->submitted++;
		finish_alone(p);
		return;
	}
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

/* Whether there is enough for the writer: a batch, or all that there is, or what the reader waits for. */
static bool worth_writing(const struct pipeline *p)
{
	size_t count = p->ready - p->written;
	return count >= p->batch || (count > 0 && (p->heavy || p->ready == p->submitted));
}

/* Before the mutex is given back. */
static void note_worked(struct pipeline *p, size_t slot, const struct err *err)
{
	p->places[slot].err = *err;
	p->places[slot].worked = true;
	while (p->ready < p->taken && p->places[p->ready % p->steps->slots].worked)
		p->ready++;
	if (worth_writing(p))
		pthread_cond_signal(&p->progress);
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
		note_worked(p, slot, &err);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* Waits for slots to write, in order; 0 when there are none any more. */
static size_t next_batch(struct pipeline *p)
{
	pthread_mutex_lock(&p->lock);
	while (!worth_writing(p) && !(p->read_done && p->written == p->submitted))
		pthread_cond_wait(&p->progress, &p->lock);
	size_t count = p->ready - p->written;
	pthread_mutex_unlock(&p->lock);
	return count < p->batch ? count : p->batch;
}

static void give_back(struct pipeline *p, size_t count)
{
	pthread_mutex_lock(&p->lock);
	for (size_t i = 0; i < count; i++)
		p->weight -= p->places[p->written++ % p->steps->slots].weight;
	pthread_cond_signal(&p->room);
	pthread_mutex_unlock(&p->lock);
}

static int write_all(struct pipeline *p, struct err *err)
{
	for (size_t count; (count = next_batch(p)) > 0; give_back(p, count)) {
		for (size_t i = 0; i < count; i++) {
			size_t slot = (p->written + i) % p->steps->slots;
			if (p->places[slot].err.code != OK) {
				*err = p->places[slot].err;
				return err->code;
			}
			int status = p->steps->write(slot, p->steps->context, err);
			if (status != OK)
				return status;
		}
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

static int run_alone(struct pipeline *p, struct err *err)
{
	p->alone = true;
	int status = p->steps->read(p, p->steps->context, err);
	if (!p->failed)
		return status;
	*err = p->write_err;
	return err->code;
}

int pipeline_run(const struct pipeline_steps *steps, struct err *err)
{
	struct pipeline p = {.steps = steps,
	                     .batch = steps->slots < 4 ? 1 : steps->slots / 4,
	                     .lock = PTHREAD_MUTEX_INITIALIZER,
	                     .room = PTHREAD_COND_INITIALIZER,
	                     .task = PTHREAD_COND_INITIALIZER,
	                     .progress = PTHREAD_COND_INITIALIZER};
	int count = 1 + steps->threads;
	pthread_t *threads = mem_alloc((size_t)(count > 1 ? count : 1), sizeof *threads, err);
	p.places = threads ? mem_alloc(steps->slots, sizeof *p.places, err) : NULL;
	int status = !p.places ? err->code : steps->threads > 1 ? run_threads(&p, threads, count, err) : run_alone(&p, err);
	free(threads);
	free(p.places);
	return status;
}
