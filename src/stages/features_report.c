#include "stages/features_internal.h"

static void report_crops(struct json *object, const size_t *crops, size_t dropped)
{
	for (int source = 0; source < CROP_SOURCES; source++)
		json_set_integer(object, crop_source_name(source), (int64_t)crops[source]);
	json_set_integer(object, "dropped", (int64_t)dropped);
}

static void report_network(const struct features_job *job, const struct features_counts *counts, struct json *metrics)
{
	const struct network *network = job->network;
	double flop = network_flop(network, job->preprocess->size);
	struct json *shape = json_set_array(metrics, "shape");
	json_append_integer(shape, (int64_t)job->map.height);
	json_append_integer(shape, (int64_t)job->map.width);
	json_append_integer(shape, (int64_t)job->map.channels);
	json_set_text(metrics, "cut", network_cut_name(network->cut));
	json_set_text(metrics, "precision", network_precision_name(job->precision));
	json_set_text(metrics, "pretrained", network_pretrained(network));
	struct json *layers = json_set_array(metrics, "pretrained_layers");
	for (size_t i = 0; i < network->count; i++)
		if (network->layers[i].origin == ORIGIN_FILE)
			json_append_text(layers, network->layers[i].name);
	json_set_number(metrics, "flop_per_picture", flop);
	json_set_number(metrics, "flop", flop * (double)(counts->pictures + counts->copies));
}

/* "2,231" */
static const char *thousands(size_t number, char text[32])
{
	if (number < 1000)
		snprintf(text, 32, "%zu", number);
	else if (number < 1000000)
		snprintf(text, 32, "%zu,%03zu", number / 1000, number % 1000);
	else
		snprintf(text, 32, "%zu,%03zu,%03zu", number / 1000000, number / 1000 % 1000, number % 1000);
	return text;
}

static void pretrained_text(const struct network *network, char *text, size_t size)
{
	size_t blocks = 0, convolutions = 0, from_file = 0;
	for (size_t i = 0; i < network->count; i++) {
		bool pool = network->layers[i].kind == LAYER_POOL;
		blocks += pool ? 1 : 0;
		convolutions += pool ? 0 : 1;
		from_file += network->layers[i].origin == ORIGIN_FILE ? 1 : 0;
	}
	if (from_file == 0)
		snprintf(text, size, "not pretrained");
	else if (from_file == convolutions)
		snprintf(text, size, "pretrained block%s%zu", blocks > 1 ? "s 1–" : " ", blocks);
	else
		snprintf(text, size, "pretrained in %zu of %zu convolutions", from_file, convolutions);
}

static int report_headline(const struct features_job *job, const struct features_counts *counts, struct stage_run *run,
                           struct err *err)
{
	char number[32], pretrained[80];
	struct strbuf text = {0};
	pretrained_text(job->network, pretrained, sizeof pretrained);
	strbuf_format(&text, "%s pictures, %s %zu×%zu×%zu; cropped by", thousands(counts->pictures, number),
	              network_cut_name(job->network->cut), job->map.height, job->map.width, job->map.channels);
	for (size_t i = 0, listed = 0; i < job->preprocess->n_crop; i++) {
		int source = job->preprocess->crop[i];
		if (counts->crops[source])
			strbuf_format(&text, "%s %s %.1f %%", listed++ ? "," : "", crop_source_name(source),
			              100.0 * (double)counts->crops[source] / (double)counts->pictures);
	}
	if (counts->dropped)
		strbuf_format(&text, "; %s without a face left out", thousands(counts->dropped, number));
	strbuf_format(&text, "; %s", pretrained);
	int code = strbuf_check(&text, err);
	if (code == OK)
		snprintf(run->headline, sizeof run->headline, "%s", text.text);
	strbuf_free(&text);
	return code;
}

int features_report(const struct features_job *job, const struct features_counts *counts, struct stage_run *run,
                    struct err *err)
{
	json_set_integer(run->metrics, "pictures", (int64_t)counts->pictures);
	json_set_integer(run->metrics, "copies", (int64_t)counts->copies);
	report_crops(json_set_object(run->metrics, "crop"), counts->crops, counts->dropped);
	struct json *classes = json_set_object(run->metrics, "crop_by_class");
	for (size_t i = 0; i < counts->classes.count; i++)
		report_crops(json_set_object(classes, counts->classes.items[i]), counts->by_class[i],
		             counts->by_class[i][CROP_SOURCES]);
	report_network(job, counts, run->metrics);
	return report_headline(job, counts, run, err);
}
