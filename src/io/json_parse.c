/*
 * JSON text → tree, by jansson (RFC 8259). See json_internal.h for why io.h is not included.
 */
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "io/json_internal.h"

#define WHOLE_REALS 9007199254740992.0 /* 2^53 */

struct conversion {
	bool lenient, whole_reals;
};

static struct json *convert(const json_t *value, const struct conversion *how);

static struct json *convert_text(const json_t *value, const struct conversion *how)
{
	const char *text = json_string_value(value);
	bool cut = strlen(text) != json_string_length(value);
	return cut && how->lenient ? json_node_null() : json_node_text(text);
}

static struct json *convert_real(const json_t *value, const struct conversion *how)
{
	double number = json_real_value(value);
	if (how->whole_reals && number == floor(number) && fabs(number) <= WHOLE_REALS)
		return json_node_integer((int64_t)number);
	return json_node_real(number);
}

static struct json *convert_array(const json_t *value, const struct conversion *how)
{
	struct json *array = json_node_list(false);
	for (size_t i = 0; array && i < json_array_size(value); i++)
		if (!json_node_add(array, NULL, convert(json_array_get(value, i), how))) {
			json_node_free(array);
			return NULL;
		}
	return array;
}

static struct json *convert_object(const json_t *value, const struct conversion *how)
{
	struct json *object = json_node_list(true);
	json_t *source = (json_t *)(uintptr_t)value; /* iteration wants it without const, but changes nothing */
	for (void *at = json_object_iter(source); object && at; at = json_object_iter_next(source, at))
		if (!json_node_add(object, json_object_iter_key(at), convert(json_object_iter_value(at), how))) {
			json_node_free(object);
			return NULL;
		}
	return object;
}

static struct json *convert(const json_t *value, const struct conversion *how)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return convert_object(value, how);
	case JSON_ARRAY:
		return convert_array(value, how);
	case JSON_STRING:
		return convert_text(value, how);
	case JSON_INTEGER:
		return json_node_integer(json_integer_value(value));
	case JSON_REAL:
		return convert_real(value, how);
	case JSON_TRUE:
		return json_node_bool(true);
	case JSON_FALSE:
		return json_node_bool(false);
	case JSON_NULL:
		break;
	}
	return json_node_null();
}

int json_parse_value(struct json **out, const char *text, size_t size, size_t first_line, bool lenient, struct err *err)
{
	json_error_t error;
	struct conversion how = {.lenient = lenient};
	size_t flags = JSON_DECODE_ANY | (lenient ? JSON_ALLOW_NUL : JSON_REJECT_DUPLICATES);
	json_t *value = json_loadb(text, size, flags, &error);
	if (!value && lenient && json_error_code(&error) == json_error_numeric_overflow) {
		how.whole_reals = true;
		value = json_loadb(text, size, flags | JSON_DECODE_INT_AS_REAL, &error);
	}
	if (!value && json_error_code(&error) == json_error_out_of_memory)
		return err_set(err, ERR_MEMORY, "no memory for a JSON value of %zu bytes", size);
	if (!value)
		return err_set(err, ERR_DATA, "line %zu: %s", first_line + (error.line > 0 ? (size_t)error.line - 1 : 0),
		               error.text);
	struct json *tree = convert(value, &how);
	json_decref(value);
	if (!tree)
		return err_set(err, ERR_MEMORY, "no memory for a JSON value of %zu bytes", size);
	*out = tree;
	return OK;
}
