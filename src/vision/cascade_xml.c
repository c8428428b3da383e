/*
 * A small tree of XML elements, read by expat with bounds on depth, number of elements and size.
 * A document type declaration is refused: no cascade has one, and entities could blow it up.
 */
#include "vision/vision_internal.h"

#include <expat.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MOST 24
#define ELEMENTS_MOST 2000000
#define TEXT_MOST 65536
#define BLOCK_BYTES 65536

/* Nodes and texts live in blocks that are freed together. */
struct xml_block {
	struct xml_block *next;
	size_t used, size;
	char bytes[];
};
struct xml_reader {
	struct xml_document *document;
	struct xml_node *open;
	XML_Parser parser;
	struct strbuf text;
	size_t depth, elements;
	struct err *err;
	bool failed;
};

static void *block_take(struct xml_document *document, size_t size, struct err *err)
{
	size = (size + 15) & ~(size_t)15;
	struct xml_block *block = document->blocks;
	if (!block || block->size - block->used < size) {
		size_t room = size > BLOCK_BYTES ? size : BLOCK_BYTES;
		block = mem_alloc(1, sizeof *block + room, err);
		if (!block)
			return NULL;
		block->size = room;
		block->next = document->blocks;
		document->blocks = block;
	}
	void *taken = block->bytes + block->used;
	block->used += size;
	return taken;
}

static const char *block_text(struct xml_document *document, const char *text, size_t length, struct err *err)
{
	char *copy = block_take(document, length + 1, err);
	if (copy && length)
		memcpy(copy, text, length);
	return copy;
}

void xml_free(struct xml_document *document)
{
	while (document->blocks) {
		struct xml_block *next = document->blocks->next;
		free(document->blocks);
		document->blocks = next;
	}
	document->root = NULL;
}

static void fail(struct xml_reader *reader, const char *sentence)
{
	if (reader->failed)
		return;
	reader->failed = true;
	if (sentence)
		err_set(reader->err, ERR_DATA, "%s:%lu: %s", reader->document->name,
		        (unsigned long)XML_GetCurrentLineNumber(reader->parser), sentence);
	XML_StopParser(reader->parser, XML_FALSE);
}

static void append_node(struct xml_reader *reader, struct xml_node *node)
{
	node->parent = reader->open;
	if (!reader->open)
		reader->document->root = node;
	else if (reader->open->last)
		reader->open->last->next = node;
	else
		reader->open->first = node;
	if (reader->open)
		reader->open->last = node;
	reader->open = node;
}

static void XMLCALL element_start(void *context, const XML_Char *name, const XML_Char **attributes)
{
	struct xml_reader *reader = context;
	if (reader->failed)
		return;
	if (++reader->depth > DEPTH_MOST) {
		fail(reader, "elements are nested too deep for a cascade");
		return;
	}
	if (++reader->elements > ELEMENTS_MOST) {
		fail(reader, "too many elements for a cascade");
		return;
	}
	struct xml_document *document = reader->document;
	struct xml_node *node = block_take(document, sizeof *node, reader->err);
	if (node)
		node->name = block_text(document, name, strlen(name), reader->err);
	if (!node || !node->name) {
		fail(reader, NULL);
		return;
	}
	for (size_t i = 0; attributes[i]; i += 2)
		if (strcmp(attributes[i], "type_id") == 0)
			node->type = block_text(document, attributes[i + 1], strlen(attributes[i + 1]), reader->err);
	node->text = "";
	node->line = XML_GetCurrentLineNumber(reader->parser);
	append_node(reader, node);
	reader->text.length = 0;
}

static void XMLCALL element_end(void *context, const XML_Char *name)
{
	(void)name;
	struct xml_reader *reader = context;
	if (reader->failed)
		return;
	struct xml_node *node = reader->open;
	if (!node->first && reader->text.length) {
		node->text = block_text(reader->document, reader->text.text, reader->text.length, reader->err);
		if (!node->text) {
			fail(reader, NULL);
			return;
		}
	}
	reader->text.length = 0;
	reader->open = node->parent;
	reader->depth--;
}

static void XMLCALL character_data(void *context, const XML_Char *text, int length)
{
	struct xml_reader *reader = context;
	if (reader->failed)
		return;
	strbuf_add_bytes(&reader->text, text, (size_t)length);
	if (strbuf_check(&reader->text, reader->err) != OK)
		fail(reader, NULL);
	else if (reader->text.length > TEXT_MOST)
		fail(reader, "an element's text is too long for a cascade");
}

static void XMLCALL doctype_start(void *context, const XML_Char *name, const XML_Char *system, const XML_Char *public,
                                  int internal)
{
	(void)name;
	(void)system;
	(void)public;
	(void)internal;
	fail(context, "a cascade has no document type declaration");
}

/* expat takes an int: larger inputs were refused before. */
static int read_all(struct xml_reader *reader, const void *bytes, size_t size)
{
	XML_SetUserData(reader->parser, reader);
	XML_SetElementHandler(reader->parser, element_start, element_end);
	XML_SetCharacterDataHandler(reader->parser, character_data);
	XML_SetStartDoctypeDeclHandler(reader->parser, doctype_start);
	enum XML_Status status = XML_Parse(reader->parser, bytes, (int)size, XML_TRUE);
	if (reader->failed)
		return reader->err->code;
	if (status != XML_STATUS_OK)
		return err_set(reader->err, ERR_DATA, "%s:%lu: not XML: %s", reader->document->name,
		               (unsigned long)XML_GetCurrentLineNumber(reader->parser),
		               XML_ErrorString(XML_GetErrorCode(reader->parser)));
	return OK;
}

int xml_parse(struct xml_document *out, const void *bytes, size_t size, const char *name, struct err *err)
{
	*out = (struct xml_document){.name = name};
	if (size > INT_MAX / 2)
		return err_set(err, ERR_DATA, "%s: too large for a cascade", name);
	struct xml_reader reader = {.document = out, .err = err, .parser = XML_ParserCreate(NULL)};
	if (!reader.parser)
		return err_set(err, ERR_MEMORY, "%s: no memory for the XML reader", name);
	int code = read_all(&reader, bytes, size);
	XML_ParserFree(reader.parser);
	strbuf_free(&reader.text);
	if (code != OK)
		xml_free(out);
	return code;
}

/* ---- asking --------------------------------------------------------------------------- */

const struct xml_node *xml_child(const struct xml_node *node, const char *name)
{
	for (const struct xml_node *child = node->first; child; child = child->next)
		if (strcmp(child->name, name) == 0)
			return child;
	return NULL;
}

size_t xml_count(const struct xml_node *node)
{
	size_t count = 0;
	for (const struct xml_node *child = node->first; child; child = child->next)
		count++;
	return count;
}

int xml_need(const struct xml_document *document, const struct xml_node *node, const char *name,
             const struct xml_node **out, struct err *err)
{
	*out = xml_child(node, name);
	if (*out)
		return OK;
	return err_set(err, ERR_DATA, "%s:%zu: <%s> has no <%s>", document->name, node->line, node->name, name);
}

int xml_numbers(const struct xml_document *document, const struct xml_node *node, double *out, size_t most,
                size_t *count, struct err *err)
{
	static const char blank[] = " \t\r\n";
	const char *at = node->text + strspn(node->text, blank);
	*count = 0;
	while (*at) {
		char *end;
		double number = strtod(at, &end);
		if (end == at || (*end && !strchr(blank, *end)) || !isfinite(number))
			return err_set(err, ERR_DATA, "%s:%zu: <%s>: \"%.24s\" is no finite number", document->name, node->line,
			               node->name, at);
		if (*count == most)
			return err_set(err, ERR_DATA, "%s:%zu: <%s> has more than %zu numbers", document->name, node->line,
			               node->name, most);
		out[(*count)++] = number;
		at = end + strspn(end, blank);
	}
	return OK;
}

static int one_number(const struct xml_document *document, const struct xml_node *node, double *out, struct err *err)
{
	size_t count;
	int code = xml_numbers(document, node, out, 1, &count, err);
	if (code == OK && count != 1)
		return err_set(err, ERR_DATA, "%s:%zu: <%s> is empty", document->name, node->line, node->name);
	return code;
}

int xml_integer(const struct xml_document *document, const struct xml_node *node, long low, long high, long *out,
                struct err *err)
{
	double number;
	int code = one_number(document, node, &number, err);
	if (code != OK)
		return code;
	if (number < (double)low || number > (double)high || number != floor(number))
		return err_set(err, ERR_DATA, "%s:%zu: <%s>: %g is no whole number in %ld..%ld", document->name, node->line,
		               node->name, number, low, high);
	*out = (long)number;
	return OK;
}

int xml_float(const struct xml_document *document, const struct xml_node *node, float *out, struct err *err)
{
	double number;
	int code = one_number(document, node, &number, err);
	if (code != OK)
		return code;
	if (!isfinite((float)number))
		return err_set(err, ERR_DATA, "%s:%zu: <%s>: %g does not fit a float", document->name, node->line, node->name,
		               number);
	*out = (float)number;
	return OK;
}
