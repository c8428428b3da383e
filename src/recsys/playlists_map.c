/* Hash maps from ids and texts to consecutive numbers. The numbers depend on the order of adding alone, never on the
 * hash. */
#include "recsys/playlists_internal.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_AT_FIRST ((size_t)1024)
#define MAP_LIMIT ((size_t)INT32_MAX)

typedef uint64_t hash_of_number(const void *map, size_t number);

static void slots_place(struct slots *slots, uint64_t hash, uint32_t number)
{
	size_t at = hash & (slots->size - 1);
	while (slots->slot[at])
		at = (at + 1) & (slots->size - 1);
	slots->slot[at] = number + 1;
}

/* Makes room for one more than `count` entries. */
static int slots_reserve(struct slots *slots, size_t count, hash_of_number *hash, const void *map, struct err *err)
{
	if (count >= MAP_LIMIT)
		return err_set(err, ERR_DATA, "more than %zu different playlists, songs or tags", MAP_LIMIT);
	if (2 * (count + 1) <= slots->size)
		return OK;
	struct slots larger = {.size = slots->size ? 2 * slots->size : SLOTS_AT_FIRST};
	larger.slot = mem_alloc(larger.size, sizeof *larger.slot, err);
	if (!larger.slot)
		return err->code;
	for (size_t i = 0; i < count; i++)
		slots_place(&larger, hash(map, i), (uint32_t)i);
	free(slots->slot);
	*slots = larger;
	return OK;
}

/* ---- ids ------------------------------------------------------------------------------------ */

static uint64_t id_hash(const void *map, size_t number)
{
	const int64_t *id = &((const struct id_map *)map)->ids[number];
	return hash64(id, sizeof *id, 0);
}

int id_map_add(struct id_map *map, int64_t id, uint32_t *number, bool *fresh, struct err *err)
{
	int status = slots_reserve(&map->slots, map->count, id_hash, map, err);
	if (status != OK)
		return status;
	size_t mask = map->slots.size - 1, at = hash64(&id, sizeof id, 0) & mask;
	for (; map->slots.slot[at]; at = (at + 1) & mask)
		if (map->ids[map->slots.slot[at] - 1] == id) {
			*number = map->slots.slot[at] - 1;
			*fresh = false;
			return OK;
		}
	int64_t *ids = mem_grow(map->ids, &map->capacity, map->count + 1, sizeof *ids, err);
	if (!ids)
		return err->code;
	map->ids = ids;
	*number = (uint32_t)map->count;
	*fresh = true;
	ids[map->count++] = id;
	map->slots.slot[at] = *number + 1;
	return OK;
}

void id_map_free(struct id_map *map)
{
	free(map->slots.slot);
	free(map->ids);
	*map = (struct id_map){0};
}

/* ---- texts ------------------------------------------------------------------------------------ */

static uint64_t text_hash(const void *map, size_t number)
{
	const char *text = ((const struct word_map *)map)->texts.items[number];
	return hash64(text, strlen(text), 0);
}

int word_map_add(struct word_map *map, const char *text, uint32_t *number, bool *fresh, struct err *err)
{
	int status = slots_reserve(&map->slots, map->texts.count, text_hash, map, err);
	if (status != OK)
		return status;
	size_t mask = map->slots.size - 1, at = hash64(text, strlen(text), 0) & mask;
	for (; map->slots.slot[at]; at = (at + 1) & mask)
		if (strcmp(map->texts.items[map->slots.slot[at] - 1], text) == 0) {
			*number = map->slots.slot[at] - 1;
			*fresh = false;
			return OK;
		}
	if ((status = path_list_add(&map->texts, text, err)) != OK)
		return status;
	*number = (uint32_t)(map->texts.count - 1);
	*fresh = true;
	map->slots.slot[at] = *number + 1;
	return OK;
}

void word_map_free(struct word_map *map)
{
	free(map->slots.slot);
	path_list_free(&map->texts);
	*map = (struct word_map){0};
}
