#include "vision/vision.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- names ---------------------------------------------------------------------------- */

#define MAX_TOKENS 5

struct token {
	const char *text;
	size_t length;
};

/* The last MAX_TOKENS parts of `text` between separators, the last one first. */
static size_t tokens_from_end(const char *text, size_t length, char separator, struct token *tokens)
{
	size_t count = 0;
	while (count < MAX_TOKENS) {
		size_t start = length;
		while (start > 0 && text[start - 1] != separator)
			start--;
		tokens[count++] = (struct token){.text = text + start, .length = length - start};
		if (start == 0)
			break;
		length = start - 1;
	}
	return count;
}

/* "S001", "s1" and, without need of a letter, "1" → 1; 0 when it is none of these or outside 1..63. */
static unsigned token_number(struct token token, char letter, bool letter_needed)
{
	size_t i = 0;
	if (token.length > 0 && toupper((unsigned char)token.text[0]) == letter)
		i = 1;
	else if (letter_needed)
		return 0;
	unsigned number = 0;
	if (i == token.length || token.length - i > 6)
		return 0;
	for (; i < token.length; i++) {
		if (!isdigit((unsigned char)token.text[i]))
			return 0;
		number = number * 10 + (unsigned)(token.text[i] - '0');
	}
	return number <= 63 ? number : 0;
}

static bool all_digits(struct token token)
{
	for (size_t i = 0; i < token.length; i++) {
		if (!isdigit((unsigned char)token.text[i]))
			return false;
	}
	return token.length > 0;
}

static bool person_from(struct token token, struct kface_name *out)
{
	static const char *const ends[] = {".zip", ".tar", ".tar.gz", ".tgz", ".tar.zst", ".7z"};
	for (size_t i = 0; i < ARRAY_COUNT(ends); i++) {
		size_t length = strlen(ends[i]);
		if (token.length > length && strncasecmp(token.text + token.length - length, ends[i], length) == 0) {
			token.length -= length;
			break;
		}
	}
	bool digit = false;
	for (size_t i = 0; i < token.length; i++)
		digit = digit || isdigit((unsigned char)token.text[i]);
	if (!digit || token.length >= sizeof out->person)
		return false;
	memcpy(out->person, token.text, token.length);
	out->person[token.length] = '\0';
	return true;
}

/* tokens: C, E, L, S, person. */
static bool name_from(const struct token *tokens, bool letters, struct kface_name *out)
{
	struct kface_name name = {
	    .accessory = token_number(tokens[3], 'S', letters),
	    .light = token_number(tokens[2], 'L', letters),
	    .expression = token_number(tokens[1], 'E', letters),
	    .camera = token_number(tokens[0], 'C', letters),
	};
	if (!name.accessory || !name.light || !name.expression || !name.camera || !person_from(tokens[4], &name))
		return false;
	*out = name;
	return true;
}

bool kface_name_parse(const char *path, struct kface_name *out)
{
	const char *file = path_name(path), *dot = strrchr(file, '.');
	size_t length = dot ? (size_t)(dot - path) : strlen(path);
	struct token tokens[MAX_TOKENS];
	if (tokens_from_end(path, length, '/', tokens) == MAX_TOKENS && name_from(tokens, true, out))
		return true;
	size_t flat = length - (size_t)(file - path);
	if (tokens_from_end(file, flat, '_', tokens) != MAX_TOKENS || tokens[4].text != file)
		return false;
	/* Five bare numbers are K-FACE's only behind one of its long IDs. */
	bool letters = !(all_digits(tokens[4]) && tokens[4].length >= 6);
	return name_from(tokens, letters, out);
}

/* ---- texts --------------------------------------------------------------------------------- */

#define TEXT_POINTS 7
#define TEXT_LIMIT 4096

/* Parts that a camera does not see, as bits of enum kface_part. */
static unsigned hidden_parts(unsigned camera)
{
	const unsigned right = 1u << KFACE_RIGHT_EAR, left = 1u << KFACE_LEFT_EAR;
	switch (camera) {
	case 7:
	case 16:
		return 0;
	case 1:
	case 2:
		return right | 1u << KFACE_RIGHT_EYE;
	case 12:
	case 13:
		return left | 1u << KFACE_LEFT_EYE;
	case 3:
	case 4:
	case 5:
	case 6:
	case 14:
	case 15:
	case 19:
		return right;
	default:
		return left;
	}
}

/* Numbers of one line into values[4]; their count, 5 for more than four, −1 for what is no number. */
static int line_numbers(const char *line, double *values)
{
	static const char separators[] = " \t,;\r";
	int count = 0;
	for (line += strspn(line, separators); *line; line += strspn(line, separators)) {
		char *end;
		double value = strtod(line, &end);
		if (end == line || !isfinite(value) || fabs(value) > 1e6 || !strchr(separators, *end))
			return -1;
		if (count == 4)
			return 5;
		values[count++] = value;
		line = end;
	}
	return count;
}

static int take_box(const double *values, size_t line, struct rect *box, struct err *err)
{
	*box = (struct rect){
	    .x = (int)lrint(values[0]), .y = (int)lrint(values[1]), .w = (int)lrint(values[2]), .h = (int)lrint(values[3])};
	if (box->w <= 0 || box->h <= 0)
		return err_set(err, ERR_DATA, "box without area (line %zu)", line);
	return OK;
}

struct text_parse {
	struct kface_text text;
	struct rect boxes[KFACE_PARTS];
	size_t points, n_boxes;
};

static int take_line(struct text_parse *parse, const char *text, size_t line, struct err *err)
{
	double values[4];
	int count = line_numbers(text, values);
	if (count == 0)
		return OK;
	bool point = parse->points < TEXT_POINTS;
	if (count != (point ? 2 : 4))
		return err_set(err, ERR_DATA, "not %s numbers (line %zu)", point ? "two" : "four", line);
	if (point) {
		memcpy(parse->text.point[parse->points++], values, 2 * sizeof *values);
		return OK;
	}
	if (parse->n_boxes == KFACE_PARTS)
		return err_set(err, ERR_DATA, "more than seven boxes (line %zu)", line);
	return take_box(values, line, &parse->boxes[parse->n_boxes++], err);
}

static void name_boxes(struct text_parse *parse, unsigned camera)
{
	unsigned hidden = hidden_parts(camera);
	size_t expected = KFACE_PARTS - (size_t)__builtin_popcount(hidden);
	parse->text.known[KFACE_FACE] = true;
	parse->text.box[KFACE_FACE] = parse->boxes[0];
	if (expected != parse->n_boxes)
		return;
	size_t at = 0;
	for (unsigned part = 0; part < KFACE_PARTS; part++) {
		if (hidden >> part & 1)
			continue;
		parse->text.known[part] = true;
		parse->text.box[part] = parse->boxes[at++];
	}
}

int kface_text_parse(const void *bytes, size_t size, unsigned camera, struct kface_text *out, struct err *err)
{
	char copy[TEXT_LIMIT];
	if (size >= sizeof copy)
		return err_set(err, ERR_DATA, "too long for a text with boxes");
	memcpy(copy, bytes, size);
	copy[size] = '\0';
	char *text = strncmp(copy, "\xEF\xBB\xBF", 3) == 0 ? copy + 3 : copy;
	struct text_parse parse = {0};
	for (size_t line = 1; text; line++) {
		char *end = strchr(text, '\n');
		if (end)
			*end = '\0';
		int status = take_line(&parse, text, line, err);
		if (status != OK)
			return status;
		text = end ? end + 1 : NULL;
	}
	if (parse.n_boxes < 5)
		return err_set(err, ERR_DATA, "fewer than seven points and five boxes (%zu and %zu)", parse.points,
		               parse.n_boxes);
	name_boxes(&parse, camera);
	*out = parse.text;
	return OK;
}
