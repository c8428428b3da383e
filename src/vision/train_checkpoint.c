/*
 * A checkpoint is one file that appears whole or not at all: a line with the identity of the training and its counts,
 * the log so far, the cascade so far as XML.
 */
#include "base/comm.h"
#include "vision/train_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CHECKPOINT_MOST (256u << 20)
#define HEADER_FORMAT "moodcast-cascade-checkpoint 1 %016" PRIx64 " %zu %" PRIu64 " %.17g\n"

/* Everything that a result can depend on. */
uint64_t training_identity(const struct cascade_training *training)
{
	char text[512];
	const struct crops *crops = training->positives;
	int length =
	    snprintf(text, sizeof text, "%d %d %d %d %zu %zu %zu %zu %zu %.17g %.17g %.17g %.17g %" PRIu64 " %zu %zu",
	             training->window_w, training->window_h, (int)training->features, (int)training->boost,
	             training->stages, training->num_pos, training->num_neg, training->max_weak_count, training->max_depth,
	             training->min_hit_rate, training->max_false_alarm, training->weight_trim_rate,
	             training->acceptance_ratio, training->seed, crops->count, training->n_backgrounds);
	uint64_t identity = hash64(text, (size_t)length, 0);
	identity = hash64(crops->pixels, crops->count * (size_t)crops->width * (size_t)crops->height, identity);
	for (size_t i = 0; i < training->n_backgrounds; i++) {
		const struct image *image = &training->backgrounds[i];
		identity = hash64(&image->width, sizeof image->width, identity);
		identity = hash64(image->pixels, image->width * image->height, identity);
	}
	return identity;
}

int checkpoint_save(const struct cascade_training *training, uint64_t identity, const struct cascade *cascade,
                    const struct cascade_outcome *outcome, struct err *err)
{
	if (!training->checkpoint || !comm_publishes())
		return OK;
	struct strbuf text = {0};
	strbuf_format(&text, HEADER_FORMAT, identity, outcome->log.length, outcome->windows, outcome->acceptance);
	strbuf_add_bytes(&text, outcome->log.text, outcome->log.length);
	int code = cascade_print(cascade, &text, err);
	if (code == OK)
		code = file_write(training->checkpoint, text.text, text.length, err);
	strbuf_free(&text);
	return code;
}

static int checkpoint_parse(const char *path, uint64_t identity, const char *bytes, size_t size, struct cascade **out,
                            struct cascade_outcome *outcome, struct err *err)
{
	uint64_t found, windows;
	size_t log;
	double acceptance;
	const char *line = memchr(bytes, '\n', size);
	if (!line || sscanf(bytes, "moodcast-cascade-checkpoint 1 %" SCNx64 " %zu %" SCNu64 " %lf", &found, &log, &windows,
	                    &acceptance) != 4)
		return err_set(err, ERR_DATA, "%s: no checkpoint of a cascade; remove it to train anew", path);
	if (found != identity) {
		log_warn("cascade", "%s belongs to another training; starting anew", path);
		return OK;
	}
	size_t header = (size_t)(line + 1 - bytes);
	if (log > size - header)
		return err_set(err, ERR_DATA, "%s: cut off; remove it to train anew", path);
	int code = cascade_parse(out, bytes + header + log, size - header - log, path, err);
	if (code != OK)
		return code;
	strbuf_add_bytes(&outcome->log, bytes + header, log);
	outcome->windows = windows;
	outcome->acceptance = acceptance;
	outcome->resumed = (*out)->n_stages;
	return OK;
}

int checkpoint_load(const struct cascade_training *training, uint64_t identity, struct cascade **out,
                    struct cascade_outcome *outcome, struct err *err)
{
	char *bytes = NULL;
	size_t size;
	int code = OK;
	*out = NULL;
	if (training->checkpoint)
		code = comm_file_read(training->checkpoint, CHECKPOINT_MOST, &bytes, &size, err);
	if (code != OK || !bytes)
		return code;
	code = checkpoint_parse(training->checkpoint, identity, bytes, size, out, outcome, err);
	free(bytes);
	return code;
}
