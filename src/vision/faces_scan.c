#include "vision/faces_internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The first pass: which layout an input has, and what its names say. */

/* ---- K-FACE trees and class folders -------------------------------------------------------------------- */

static bool kface_of(const struct face_scan *scan, const char *path, struct kface_name *name)
{
	char full[4096];
	int length = snprintf(full, sizeof full, "%s/%s", scan->label, path);
	return length > 0 && (size_t)length < sizeof full && kface_name_parse(full, name);
}

#define KFACE_LABEL 16

static const char *kface_label(const struct kface_name *name, char out[KFACE_LABEL])
{
	snprintf(out, KFACE_LABEL, "E%02u", name->expression);
	return out;
}

static void add_kface(struct face_scan *scan, const char *path)
{
	struct kface_name name;
	if (!kface_of(scan, path, &name)) {
		scan_skip(scan, path, "not a K-FACE name (ID/S001/L1/E01/C7)", true);
		return;
	}
	char label[KFACE_LABEL];
	struct face_find find = {.path = path,
	                         .label = kface_label(&name, label),
	                         .person = name.person,
	                         .split = FACE_SPLIT_FREE,
	                         .accessory = name.accessory,
	                         .light = name.light,
	                         .expression = name.expression,
	                         .camera = name.camera};
	scan_add(scan, &find);
}

/* …/train/happy/x.jpg: the folder is the class, a folder above it may name the part. */
static void add_folder_picture(struct face_scan *scan, const char *path)
{
	char *copy = mem_text(path, &scan->err);
	if (!copy) {
		scan_fail(scan, scan->err.code);
		return;
	}
	char *file = strrchr(copy, '/');
	if (file)
		*file = '\0';
	char *folder = file ? strrchr(copy, '/') : NULL;
	struct face_find find = {.path = path, .label = folder ? folder + 1 : copy, .split = FACE_SPLIT_FREE};
	if (folder)
		*folder = '\0';
	char *rest = NULL;
	for (char *part = folder ? strtok_r(copy, "/", &rest) : NULL; part && find.split == FACE_SPLIT_FREE;
	     part = strtok_r(NULL, "/", &rest))
		find.split = faces_split_parse(part);
	if (file)
		scan_add(scan, &find);
	else
		scan_skip(scan, path, "stands in no class folder", true);
	free(copy);
}

static bool scan_wanted(const char *path, void *context)
{
	struct face_scan *scan = context;
	if (faces_is_picture(path)) {
		scan->pictures++;
		if (scan->layout == LAYOUT_KFACE)
			add_kface(scan, path);
		else
			add_folder_picture(scan, path);
		return false;
	}
	struct kface_name name;
	if (scan->layout != LAYOUT_KFACE || strcasecmp(path_extension(path), "txt") != 0 || !kface_of(scan, path, &name))
		return false;
	struct face_find find = {
	    .accessory = name.accessory, .light = name.light, .expression = name.expression, .camera = name.camera};
	char label[KFACE_LABEL];
	bool person = scan->wanted.names.count == 0 || names_has(&scan->wanted, name.person);
	return person && scan_selects(scan->settings, &find) && scan_class(scan, kface_label(&name, label));
}

static int scan_text(const struct member *member, void *context, struct err *err)
{
	struct face_scan *scan = context;
	struct kface_name name;
	struct kface_text text;
	struct err why = {0};
	if (scan->status != OK || !kface_of(scan, member->path, &name))
		return OK;
	if (kface_text_parse(member->bytes, member->size, name.camera, &text, &why) != OK) {
		scan_skip(scan, member->path, why.text, false);
		return OK;
	}
	size_t length = strlen(member->path) - strlen(path_extension(member->path)) - 1;
	struct face_text found = {.source = scan->source, .box = text.box[KFACE_FACE]};
	found.stem = mem_format(err, "%s/%.*s", scan->label, (int)length, member->path);
	int status = found.stem ? scan_pair_text(scan, &found, err) : err->code;
	if (status != OK)
		free(found.stem);
	return status;
}

static void scan_skipped(const char *path, const char *reason, void *context)
{
	struct face_scan *scan = context;
	/* What only stands around (a licence behind a link) costs nothing. */
	scan_skip(scan, path, reason, faces_is_picture(path) || faces_is_archive(path));
}

struct member_walk faces_walk(const struct faces_settings *settings)
{
	return (struct member_walk){.max_ratio = settings->max_ratio,
	                            .max_total = (uint64_t)(settings->max_unpacked_gb * 1e9),
	                            .limits = "faces.max_ratio, faces.max_unpacked_gb"};
}

/* ---- which layout ---------------------------------------------------------------------------------------- */

#define LAYOUT_SAMPLE 64
#define SAMPLE_IS_FULL 999 /* ends the walk; never leaves this file */

struct layout_guess {
	const struct face_scan *scan;
	size_t pictures, kface;
};

static bool guess_wanted(const char *path, void *context)
{
	struct layout_guess *guess = context;
	struct kface_name name;
	if (!faces_is_picture(path))
		return false;
	guess->kface += kface_of(guess->scan, path, &name);
	return ++guess->pictures == LAYOUT_SAMPLE;
}

static int guess_full(const struct member *member, void *context, struct err *err)
{
	(void)member;
	(void)context;
	(void)err;
	return SAMPLE_IS_FULL;
}

/* K-FACE when more than half of the first names are of its kind, else class folders. */
static int guess_layout(struct face_scan *scan, const char *input, struct err *err)
{
	struct layout_guess guess = {.scan = scan};
	struct member_walk walk = {.wanted = guess_wanted, .deliver = guess_full, .context = &guess};
	int status = members_walk(input, &walk, err);
	if (status != OK && status != SAMPLE_IS_FULL)
		return status;
	scan->layout = 2 * guess.kface > guess.pictures ? LAYOUT_KFACE : LAYOUT_FOLDERS;
	return OK;
}

static bool is_csv(const char *path)
{
	size_t length = strlen(path);
	return strcasecmp(path_extension(path), "csv") == 0 ||
	       (length > 7 && strcasecmp(path + length - 7, ".csv.gz") == 0);
}

int scan_input(struct face_scan *scan, const char *input, struct err *err)
{
	scan->layout = scan->settings->layout;
	if (scan->layout == LAYOUT_CSV || (scan->layout == LAYOUT_AUTO && is_csv(input))) {
		scan->layout = LAYOUT_CSV;
		scan->set->layouts |= 1u << LAYOUT_CSV;
		bool pixels;
		if (faces_csv_has_pixels(input, &pixels, err) != OK)
			return err->code;
		return pixels ? scan_csv_pixels(scan, input, err) : scan_csv(scan, input, err);
	}
	int status = scan_source(scan, input, false, NULL, err);
	if (status == OK && scan->layout == LAYOUT_AUTO)
		status = guess_layout(scan, input, err);
	if (status != OK)
		return status;
	scan->set->layouts |= 1u << scan->layout;
	struct member_walk walk = faces_walk(scan->settings);
	walk.wanted = scan_wanted;
	walk.deliver = scan_text;
	walk.skipped = scan_skipped;
	walk.context = scan;
	walk.max_member = 1 << 20;
	status = members_walk(input, &walk, err);
	if (status == OK)
		status = source_unchanged(&scan->set->sources[scan->source], err);
	if (status == OK && scan->status != OK) {
		*err = scan->err;
		status = scan->status;
	}
	return status;
}
