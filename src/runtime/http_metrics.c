#include "runtime/http_internal.h"

static const double bucket_seconds[LATENCY_BUCKETS] = {0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5};

void metrics_analysis(struct metrics *metrics, double seconds, size_t faces)
{
	size_t bucket = 0;
	while (bucket < LATENCY_BUCKETS && seconds > bucket_seconds[bucket])
		bucket++;
	atomic_fetch_add(&metrics->buckets[bucket], 1);
	atomic_fetch_add(&metrics->microseconds, (unsigned long)(seconds * 1e6));
	atomic_fetch_add(&metrics->pictures, 1);
	atomic_fetch_add(&metrics->faces, faces);
	if (faces == 0)
		atomic_fetch_add(&metrics->no_face, 1);
}

static void print_number(struct strbuf *out, const char *name, const char *kind, const char *help, double value)
{
	strbuf_format(out, "# HELP moodcast_%s %s\n# TYPE moodcast_%s %s\nmoodcast_%s %.15g\n", name, help, name, kind,
	              name, value);
}

static void print_latency(struct metrics *metrics, struct strbuf *out)
{
	strbuf_add(out, "# HELP moodcast_analysis_seconds Time to analyse one picture.\n"
	                "# TYPE moodcast_analysis_seconds histogram\n");
	unsigned long below = 0;
	for (size_t i = 0; i < LATENCY_BUCKETS; i++) {
		below += atomic_load(&metrics->buckets[i]);
		strbuf_format(out, "moodcast_analysis_seconds_bucket{le=\"%g\"} %lu\n", bucket_seconds[i], below);
	}
	below += atomic_load(&metrics->buckets[LATENCY_BUCKETS]);
	strbuf_format(out, "moodcast_analysis_seconds_bucket{le=\"+Inf\"} %lu\n", below);
	strbuf_format(out, "moodcast_analysis_seconds_sum %.6f\n", (double)atomic_load(&metrics->microseconds) / 1e6);
	strbuf_format(out, "moodcast_analysis_seconds_count %lu\n", below);
}

void metrics_print(struct server *server, struct strbuf *out)
{
	struct metrics *metrics = &server->metrics;
	const struct {
		const char *name, *help;
		atomic_ulong *value;
	} counters[] = {
	    {"requests_total", "Requests answered.", &metrics->requests},
	    {"refused_total", "Requests answered with a status of 400 or above.", &metrics->refused},
	    {"busy_total", "Pictures refused because the queue was full or their session's last one was not answered.",
	     &metrics->busy},
	    {"timeouts_total", "Connections ended because headers or body came too slowly.", &metrics->timeouts},
	    {"pictures_total", "Pictures analysed.", &metrics->pictures},
	    {"faces_total", "Faces found.", &metrics->faces},
	    {"no_face_total", "Pictures without a face.", &metrics->no_face},
	    {"stream_frames_total", "Frames of the server-side camera that were shown.", &metrics->stream_frames},
	    {"stream_dropped_total", "Frames of the server-side camera that came too fast and were dropped.",
	     &metrics->stream_dropped},
	};
	for (size_t i = 0; i < ARRAY_COUNT(counters); i++)
		print_number(out, counters[i].name, "counter", counters[i].help, (double)atomic_load(counters[i].value));
	print_latency(metrics, out);
	pthread_mutex_lock(&server->queue_lock);
	size_t queued = server->queued;
	pthread_mutex_unlock(&server->queue_lock);
	print_number(out, "queue_pictures", "gauge", "Pictures that wait.", (double)queued);
	print_number(out, "stream_viewers", "gauge", "Open streams.", (double)stream_viewers(server));
	print_number(out, "uptime_seconds", "gauge", "Since the start.", clock_seconds() - server->started);
	print_number(out, "peak_memory_bytes", "gauge", "Largest resident size so far.", (double)peak_memory_bytes());
}
