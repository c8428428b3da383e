/*
 * The tree behind struct json, as the parser sees it.
 *
 * jansson has functions and macros with names that io.h uses too (json_load_file, json_integer_value, json_is_integer),
 * so json_parse.c includes jansson and this header, never io.h; and this header includes nothing but base.
 */
#ifndef MOODCAST_JSON_INTERNAL_H
#define MOODCAST_JSON_INTERNAL_H

#include "base/base.h"

struct json;

/* New values without a parent; NULL without memory. */
struct json *json_node_null(void);
struct json *json_node_bool(bool truth);
struct json *json_node_integer(int64_t number);
struct json *json_node_real(double number);
struct json *json_node_text(const char *text);
struct json *json_node_list(bool object);
/* Puts `value` behind the last one; `key` for objects, which must not hold it yet. False (and value freed) without
 * memory. */
bool json_node_add(struct json *list, const char *key, struct json *value);
void json_node_free(struct json *node);
/* Did an addition anywhere in this value's document fail? */
bool json_tree_failed(const struct json *value);

/* One JSON value and nothing behind it. A syntax error names the line, counted from first_line. With `lenient` (records
 * of foreign data) repeated keys are allowed (the last one counts), a text with \u0000 becomes null, and where an
 * integer does not fit in 64 bits all numbers of this value are read as reals: those that are whole and below 2^53 stay
 * integers. */
int json_parse_value(struct json **out, const char *text, size_t size, size_t first_line, bool lenient,
                     struct err *err) MUST_CHECK;

#endif
