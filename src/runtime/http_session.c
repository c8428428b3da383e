#include "runtime/http_internal.h"

#include <string.h>

/* A fixed number of sessions, so that strangers cannot fill the memory: the one unused for longest gives way. */
struct session_slot *session_slot_find(struct server *server, const char *name)
{
	struct session_slot *oldest = &server->sessions[0];
	for (size_t i = 0; i < HTTP_SESSIONS; i++) {
		struct session_slot *slot = &server->sessions[i];
		if (slot->used && strcmp(slot->name, name) == 0) {
			slot->used = ++server->session_clock;
			return slot;
		}
		if (slot->used < oldest->used)
			oldest = slot;
	}
	memset(oldest, 0, sizeof(*oldest));
	snprintf(oldest->name, sizeof(oldest->name), "%s", name);
	oldest->used = ++server->session_clock;
	session_start(&oldest->session, server->bundle->n_classes);
	return oldest;
}
