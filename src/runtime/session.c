#include "runtime/runtime.h"

#include <math.h>
#include <string.h>

/* Time constants in seconds. A face's probabilities are followed with 0.7 s, so that a blink does not move them; a
 * mood that stood 1.5 s is settled; a face may be lost for 1 s before the state says so, and after 6 s the next one
 * starts afresh. */
#define FOLLOW_SECONDS 0.7
#define SETTLE_SECONDS 1.5
#define LOST_SECONDS 1.0
#define FORGET_SECONDS 6.0
/* How far another class must be ahead before the label changes. */
#define LEAD 0.08f
/* Boxes of one face in two pictures share at least so much of their union. */
#define SAME_FACE 0.3

void session_start(struct session *session, size_t n_classes)
{
	memset(session, 0, sizeof(*session));
	session->n_classes = n_classes;
	session->settled_label = SIZE_MAX;
}

void session_retake(struct session *session)
{
	memset(session->smoothed, 0, sizeof(session->smoothed));
	session->face = session->settled = session->any = false;
	session->settled_label = SIZE_MAX;
}

static void no_face(struct session *session, double seconds)
{
	double gone = seconds - session->face_seen;
	if (session->any && gone < LOST_SECONDS)
		return;
	session->face = false;
	session->settled = false;
	session->label_since = seconds;
	if (gone >= FORGET_SECONDS)
		session->any = false;
}

/* s ← s + (1 − exp(−Δt / τ)) (p − s): an exponential average whose memory does not depend on the frame rate. */
static void follow(struct session *session, const float *scores, double seconds)
{
	float share = (float)(1.0 - exp(-(seconds - session->updated) / FOLLOW_SECONDS));
	for (size_t i = 0; i < session->n_classes; i++)
		session->smoothed[i] += share * (scores[i] - session->smoothed[i]);
}

static size_t largest(const float *x, size_t n)
{
	size_t best = 0;
	for (size_t i = 1; i < n; i++)
		if (x[i] > x[best])
			best = i;
	return best;
}

void session_update(struct session *session, const float *scores, double seconds)
{
	if (seconds < session->updated)
		seconds = session->updated;
	if (!scores) {
		no_face(session, seconds);
		session->updated = seconds;
		return;
	}
	if (!session->any) {
		memcpy(session->smoothed, scores, session->n_classes * sizeof(float));
		session->label = largest(scores, session->n_classes);
		session->label_since = seconds;
		session->any = true;
	} else {
		follow(session, scores, seconds);
	}
	if (!session->face)
		session->label_since = seconds;
	session->face = true;
	session->face_seen = session->updated = seconds;
	size_t best = largest(session->smoothed, session->n_classes);
	if (best != session->label && session->smoothed[best] >= session->smoothed[session->label] + LEAD) {
		session->label = best;
		session->label_since = seconds;
		session->settled = false;
	}
	if (!session->settled && seconds - session->label_since >= SETTLE_SECONDS) {
		session->settled = true;
		if (session->settled_label != session->label)
			session->moods++;
		session->settled_label = session->label;
	}
}

/* Jaccard index of two boxes: intersection over union. */
static double overlap(const struct rect *a, const struct rect *b)
{
	int left = a->x > b->x ? a->x : b->x, top = a->y > b->y ? a->y : b->y;
	int right = a->x + a->w < b->x + b->w ? a->x + a->w : b->x + b->w;
	int bottom = a->y + a->h < b->y + b->h ? a->y + a->h : b->y + b->h;
	if (right <= left || bottom <= top)
		return 0;
	double common = (double)(right - left) * (bottom - top);
	return common / ((double)a->w * a->h + (double)b->w * b->h - common);
}

static const struct seen_face *followed_face(const struct session *session, const struct analysis *analysis,
                                             double seconds)
{
	const struct seen_face *found = NULL;
	double most = SAME_FACE;
	for (size_t i = 0; i < analysis->count && session->any; i++) {
		double share = overlap(&analysis->faces[i].box, &session->box);
		if (share >= most) {
			found = &analysis->faces[i];
			most = share;
		}
	}
	/* Somebody else's larger face does not take over while the first may only have blinked out. */
	if (!found && analysis->count && (!session->any || analysis->count == 1 ||
	                                  seconds - session->face_seen >= LOST_SECONDS))
		found = &analysis->faces[0];
	return found;
}

void session_see(struct session *session, const struct analysis *analysis, double seconds)
{
	const struct seen_face *face = followed_face(session, analysis, seconds);
	if (face)
		session->box = face->box;
	session_update(session, face ? face->scores : NULL, seconds);
}

static size_t find_song(const int64_t *songs, size_t count, int64_t song)
{
	for (size_t i = 0; i < count; i++)
		if (songs[i] == song)
			return i;
	return SIZE_MAX;
}

static void forget_song(int64_t *songs, size_t *count, int64_t song)
{
	size_t i = find_song(songs, *count, song);
	if (i == SIZE_MAX)
		return;
	memmove(songs + i, songs + i + 1, (*count - i - 1) * sizeof(*songs));
	(*count)--;
}

/* Once each; when the list is full the oldest goes. */
static void keep_song(int64_t *songs, size_t *count, int64_t song)
{
	if (find_song(songs, *count, song) != SIZE_MAX)
		return;
	if (*count == SESSION_SONGS)
		memmove(songs, songs + 1, --*count * sizeof(*songs));
	songs[(*count)++] = song;
}

void session_saw_song(struct session *session, int64_t song)
{
	keep_song(session->seen, &session->n_seen, song);
}

void session_judge(struct session *session, int64_t song, enum verdict verdict)
{
	forget_song(session->liked, &session->n_liked, song);
	forget_song(session->disliked, &session->n_disliked, song);
	if (verdict == VERDICT_LIKE)
		keep_song(session->liked, &session->n_liked, song);
	if (verdict == VERDICT_DISLIKE)
		keep_song(session->disliked, &session->n_disliked, song);
}

void session_to_json(const struct session *session, const struct bundle *bundle, struct json *object)
{
	json_set_text(object, "state", session->face ? (session->settled ? "settled" : "changing") : "no face");
	json_set_integer(object, "moods", (int64_t)session->moods);
	if (!session->face || !session->any)
		return;
	json_set_text(object, "label", bundle->classes[session->label]);
	json_set_number(object, "intensity", session->smoothed[session->label]);
	struct json *box = json_set_object(object, "box");
	json_set_integer(box, "x", session->box.x);
	json_set_integer(box, "y", session->box.y);
	json_set_integer(box, "w", session->box.w);
	json_set_integer(box, "h", session->box.h);
	struct json *scores = json_set_object(object, "scores");
	for (size_t i = 0; i < session->n_classes; i++)
		json_set_number(scores, bundle->classes[i], session->smoothed[i]);
}
