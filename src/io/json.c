/*
 * The tree of a JSON document: reading values and building them. No library is involved here; json_parse.c makes trees
 * from text, json_print.c text from trees.
 */
#include "io/io.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/json_internal.h"

struct json_list {
	struct json **items;
	char **keys; /* objects only */
	size_t count, capacity;
};

/* 64 bytes: one cache line a value. */
struct json {
	enum json_kind kind;
	bool integer; /* of a number: `whole` holds it, else `real` */
	bool truth;
	bool failed; /* in a root: something below could not be added for want of memory */
	struct json *parent;
	union {
		double real;
		int64_t whole;
		char *text;
		struct json_list list;
	} as;
};

/* ---- nodes ---------------------------------------------------------------------------- */

/* Values and texts are small and many: plain calloc and strdup take half the time of aligned blocks. */
static struct json *node_new(enum json_kind kind)
{
	struct json *node = calloc(1, sizeof *node);
	if (node)
		node->kind = kind;
	return node;
}

struct json *json_node_null(void)
{
	return node_new(JSON_KIND_NULL);
}

struct json *json_node_bool(bool truth)
{
	struct json *node = node_new(JSON_KIND_BOOL);
	if (node)
		node->truth = truth;
	return node;
}

struct json *json_node_integer(int64_t number)
{
	struct json *node = node_new(JSON_KIND_NUMBER);
	if (node) {
		node->integer = true;
		node->as.whole = number;
	}
	return node;
}

struct json *json_node_real(double number)
{
	if (!isfinite(number))
		return json_node_null();
	struct json *node = node_new(JSON_KIND_NUMBER);
	if (node)
		node->as.real = number;
	return node;
}

struct json *json_node_text(const char *text)
{
	struct json *node = node_new(JSON_KIND_TEXT);
	if (node && !(node->as.text = strdup(text))) {
		free(node);
		return NULL;
	}
	return node;
}

struct json *json_node_list(bool object)
{
	return node_new(object ? JSON_KIND_OBJECT : JSON_KIND_ARRAY);
}

static bool is_list(const struct json *value)
{
	return value && (value->kind == JSON_KIND_ARRAY || value->kind == JSON_KIND_OBJECT);
}

static bool list_reserve(struct json *node)
{
	struct err ignored = {0};
	struct json_list *list = &node->as.list;
	size_t capacity = list->capacity, key_capacity = list->capacity;
	struct json **items = mem_grow(list->items, &capacity, list->count + 1, sizeof *items, &ignored);
	if (!items)
		return false;
	list->items = items;
	if (node->kind == JSON_KIND_OBJECT) {
		char **keys = mem_grow(list->keys, &key_capacity, list->count + 1, sizeof *keys, &ignored);
		if (!keys)
			return false; /* capacity stays as it was: the larger item block does no harm */
		list->keys = keys;
	}
	list->capacity = capacity;
	return true;
}

bool json_node_add(struct json *list, const char *key, struct json *value)
{
	bool object = list->kind == JSON_KIND_OBJECT;
	char *name = object && key ? strdup(key) : NULL;
	if (!value || (object && !name) || !list_reserve(list)) {
		free(name);
		json_node_free(value);
		return false;
	}
	struct json_list *into = &list->as.list;
	if (object)
		into->keys[into->count] = name;
	into->items[into->count++] = value;
	value->parent = list;
	return true;
}

void json_node_free(struct json *node)
{
	if (!node)
		return;
	if (node->kind == JSON_KIND_TEXT)
		free(node->as.text);
	if (is_list(node)) {
		struct json_list *list = &node->as.list;
		for (size_t i = 0; i < list->count; i++) {
			json_node_free(list->items[i]);
			if (list->keys)
				free(list->keys[i]);
		}
		free(list->items);
		free(list->keys);
	}
	free(node);
}

void json_free(struct json *root)
{
	json_node_free(root);
}

/* ---- reading ------------------------------------------------------------------------------ */

enum json_kind json_kind(const struct json *value)
{
	return value ? value->kind : JSON_KIND_NULL;
}

size_t json_count(const struct json *array_or_object)
{
	return is_list(array_or_object) ? array_or_object->as.list.count : 0;
}

struct json *json_at(const struct json *array, size_t i)
{
	return i < json_count(array) ? array->as.list.items[i] : NULL;
}

const char *json_key(const struct json *object, size_t i)
{
	return json_kind(object) == JSON_KIND_OBJECT && i < json_count(object) ? object->as.list.keys[i] : NULL;
}

static size_t key_position(const struct json *object, const char *key)
{
	const struct json_list *list = &object->as.list;
	size_t i = 0;
	while (i < list->count && strcmp(list->keys[i], key) != 0)
		i++;
	return i;
}

struct json *json_get(const struct json *object, const char *key)
{
	return json_kind(object) == JSON_KIND_OBJECT ? json_at(object, key_position(object, key)) : NULL;
}

const char *json_text(const struct json *value, const char *otherwise)
{
	return json_kind(value) == JSON_KIND_TEXT ? value->as.text : otherwise;
}

bool json_is_integer(const struct json *value)
{
	return json_kind(value) == JSON_KIND_NUMBER && value->integer;
}

double json_number(const struct json *value, double otherwise)
{
	if (json_kind(value) != JSON_KIND_NUMBER)
		return otherwise;
	return value->integer ? (double)value->as.whole : value->as.real;
}

int64_t json_integer_value(const struct json *value, int64_t otherwise)
{
	return json_is_integer(value) ? value->as.whole : otherwise;
}

bool json_bool(const struct json *value, bool otherwise)
{
	return json_kind(value) == JSON_KIND_BOOL ? value->truth : otherwise;
}

/* ---- building ------------------------------------------------------------------------------- */

struct json *json_object_new(void)
{
	return json_node_list(true);
}

struct json *json_array_new(void)
{
	return json_node_list(false);
}

static void remember_failure(struct json *value)
{
	while (value->parent)
		value = value->parent;
	value->failed = true;
}

void json_set(struct json *object, const char *key, struct json *value)
{
	if (json_kind(object) != JSON_KIND_OBJECT) {
		json_node_free(value);
		return;
	}
	size_t at = key_position(object, key);
	if (value && at < object->as.list.count) {
		json_node_free(object->as.list.items[at]);
		object->as.list.items[at] = value;
		value->parent = object;
	} else if (!json_node_add(object, key, value)) {
		remember_failure(object);
		return;
	}
	if (value->failed)
		remember_failure(object);
}

void json_append(struct json *array, struct json *value)
{
	if (json_kind(array) != JSON_KIND_ARRAY) {
		json_node_free(value);
		return;
	}
	bool failed = value && value->failed;
	if (!json_node_add(array, NULL, value) || failed)
		remember_failure(array);
}

static struct json *set_list(struct json *object, const char *key, bool is_object)
{
	if (json_kind(object) != JSON_KIND_OBJECT)
		return NULL;
	json_set(object, key, json_node_list(is_object));
	struct json *made = json_get(object, key);
	return is_list(made) && json_count(made) == 0 ? made : NULL;
}

struct json *json_set_object(struct json *object, const char *key)
{
	return set_list(object, key, true);
}

struct json *json_set_array(struct json *object, const char *key)
{
	return set_list(object, key, false);
}

void json_set_text(struct json *object, const char *key, const char *text)
{
	json_set(object, key, text ? json_node_text(text) : json_node_null());
}

void json_set_number(struct json *object, const char *key, double number)
{
	json_set(object, key, json_node_real(number));
}

void json_set_integer(struct json *object, const char *key, int64_t number)
{
	json_set(object, key, json_node_integer(number));
}

void json_set_bool(struct json *object, const char *key, bool truth)
{
	json_set(object, key, json_node_bool(truth));
}

static struct json *append_list(struct json *array, bool is_object)
{
	if (json_kind(array) != JSON_KIND_ARRAY)
		return NULL;
	size_t before = json_count(array);
	json_append(array, json_node_list(is_object));
	return json_at(array, before);
}

struct json *json_append_object(struct json *array)
{
	return append_list(array, true);
}

struct json *json_append_array(struct json *array)
{
	return append_list(array, false);
}

void json_append_text(struct json *array, const char *text)
{
	json_append(array, text ? json_node_text(text) : json_node_null());
}

void json_append_number(struct json *array, double number)
{
	json_append(array, json_node_real(number));
}

void json_append_integer(struct json *array, int64_t number)
{
	json_append(array, json_node_integer(number));
}

bool json_tree_failed(const struct json *value)
{
	while (value->parent)
		value = value->parent;
	return value->failed;
}
