/* Every setting, one row each. Defaults, ranges, help, the example file, SETTINGS.md and identities come from here. */
#include "config/config_internal.h"

#define AT(field) offsetof(struct settings, field)
#define INTEGER(s, k, field, normal, low, high, help) {s, k, SETTING_INTEGER, AT(field), normal, low, high, NULL, true, help}
#define FREE_INTEGER(s, k, field, normal, low, high, help)                                                             \
	{s, k, SETTING_INTEGER, AT(field), normal, low, high, NULL, false, help}
#define REAL(s, k, field, normal, low, high, help) {s, k, SETTING_REAL, AT(field), normal, low, high, NULL, true, help}
#define OTHER(s, k, kind, field, normal, help) {s, k, SETTING_##kind, AT(field), normal, 0, 0, NULL, true, help}
#define CHOICE(s, k, field, normal, choices, help) {s, k, SETTING_CHOICE, AT(field), normal, 0, 0, choices, true, help}

const struct setting schema[] = {
    INTEGER("run", "seed", run.seed, "1", 0, 2147483647, "every random choice follows from it"),
    FREE_INTEGER("run", "threads", run.threads, "0", 0, 1024, "0 = every core; results do not depend on it"),

    INTEGER("sample", "people", sample.people, "48", 6, 9999, "drawn people"),
    INTEGER("sample", "pictures", sample.pictures, "12", 3, 3000, "pictures a drawn person"),
    INTEGER("sample", "width", sample.width, "346", 64, 2000, "pixels of a drawn picture"),
    INTEGER("sample", "height", sample.height, "230", 64, 2000, "pixels of a drawn picture"),
    INTEGER("sample", "backgrounds", sample.backgrounds, "80", 4, 100000, "drawn pictures without a face"),
    INTEGER("sample", "playlists", sample.playlists, "2000", 50, 1000000, "drawn playlists"),
    INTEGER("sample", "songs", sample.songs, "3000", 100, 1000000, "songs in them"),

    OTHER("faces", "input", PATHS, faces.input, "",
          "archives (nested zip, tar, 7z), folders or CSV indexes, globs allowed; @sample/FILE = a result of the stage sample"),
    CHOICE("faces", "layout", faces.layout, "auto", "auto|kface|folders|csv", "how the input is organised"),
    OTHER("faces", "accessories", NUMBERS, faces.accessories, "", "K-FACE S numbers to take, as 1, 3-5; empty = all"),
    OTHER("faces", "lights", NUMBERS, faces.lights, "", "K-FACE L numbers to take"),
    OTHER("faces", "expressions", NUMBERS, faces.expressions, "", "K-FACE E numbers to take"),
    OTHER("faces", "cameras", NUMBERS, faces.cameras, "", "K-FACE C numbers to take; C7 is frontal"),
    OTHER("faces", "classes", MAP, faces.classes, "E01=neutral, E02=positive, E03=negative",
          "expression or folder name = class; empty = the folders' own names"),
    OTHER("faces", "person_pattern", TEXT, faces.person_pattern, "",
          "POSIX extended regular expression whose first group in a path names the person"),
    INTEGER("faces", "people", faces.people, "0", 0, 1e6, "at most so many people, drawn by seed; 0 = all"),
    INTEGER("faces", "per_person_class", faces.per_person_class, "0", 0, 1e6,
            "at most so many pictures a person and class, drawn by seed; 0 = all"),
    INTEGER("faces", "frame_width", faces.frame_width, "256", 16, 4096, "pictures that fit are stored as they are, larger ones shrunk"),
    INTEGER("faces", "frame_height", faces.frame_height, "256", 16, 4096, "the same for the height"),
    REAL("faces", "box_margin", faces.box_margin, "0.5", 0, 5, "context kept around a known box when a picture must be cut, in box sides"),
    REAL("faces", "validation", faces.validation, "0.1", 0, 0.8, "share of people for validation"),
    REAL("faces", "test", faces.test, "0.2", 0, 0.8, "share of people held out"),
    REAL("faces", "max_skipped", faces.max_skipped, "0.02", 0, 1, "share of unreadable pictures above which the stage fails"),
    INTEGER("faces", "compress", faces.compress, "1", 0, 9, "deflate level of the stored pixels; 0 = plain"),

    OTHER("cascade", "positives", PATHS, cascade.positives, "", "archives or folders of face crops, .vec files; empty = the training people of faces"),
    OTHER("cascade", "backgrounds", PATHS, cascade.backgrounds, "", "archives or folders of pictures without faces"),
    INTEGER("cascade", "window_width", cascade.window_width, "24", 8, 100, "pixels"),
    INTEGER("cascade", "window_height", cascade.window_height, "24", 8, 100, "pixels"),
    CHOICE("cascade", "mode", cascade.mode, "BASIC", "BASIC|CORE|ALL", "Haar features: upright, with centre-surround and 4-strip ones, and tilted ones"),
    CHOICE("cascade", "boost", cascade.boost, "GAB", "DAB|RAB|LB|GAB", "discrete, real, logit or gentle boosting (-bt)"),
    INTEGER("cascade", "stages", cascade.stages, "12", 1, 60, "at most so many stages"),
    INTEGER("cascade", "num_pos", cascade.num_pos, "1000", 10, 1e7, "positives a stage (opencv_traincascade -numPos)"),
    INTEGER("cascade", "num_neg", cascade.num_neg, "1000", 10, 1e7, "negatives a stage (-numNeg)"),
    INTEGER("cascade", "max_weak_count", cascade.max_weak_count, "100", 1, 10000, "weak classifiers a stage at most (-maxWeakCount)"),
    REAL("cascade", "min_hit_rate", cascade.min_hit_rate, "0.995", 0.5, 1, "of each stage (-minHitRate)"),
    REAL("cascade", "max_false_alarm", cascade.max_false_alarm, "0.5", 0.01, 0.99, "of each stage (-maxFalseAlarmRate)"),
    REAL("cascade", "weight_trim_rate", cascade.weight_trim_rate, "0.95", 0.5, 1, "share of weight that takes part in a round (-weightTrimRate)"),
    REAL("cascade", "acceptance_ratio", cascade.acceptance_ratio, "0.000005", 0, 1,
         "stop when the cascade so far accepts no larger share of the background windows (-acceptanceRatioBreakValue)"),
    REAL("cascade", "centre", cascade.centre, "0.55", 0.1, 1, "a face without a box is the central square of this share of the shorter side"),
    REAL("cascade", "holdout", cascade.holdout, "0.2", 0, 0.9, "share of crops and backgrounds kept for the evaluation"),
    OTHER("cascade", "mirror", BOOL, cascade.mirror, "yes", "train on mirrored crops as well"),
    INTEGER("cascade", "copies", cascade.copies, "5", 0, 1000, "varied copies of each training crop: shifted, turned, scaled, relit"),
    FREE_INTEGER("cascade", "memory_mb", cascade.memory_mb, "3072", 1, 1048576, "most megabytes for the table of feature values; needing more is an error"),

    OTHER("preprocess", "crop", WORDS, preprocess.crop, "cascade, box, centre", "where the face is taken from, in order of preference"),
    REAL("preprocess", "margin", preprocess.margin, "0.2", -0.4, 2, "added on each side of the face, in face sides"),
    REAL("preprocess", "centre", preprocess.centre, "0.6", 0.1, 1, "the central square taken as the face when nothing else is known, as a share of the shorter side"),
    INTEGER("preprocess", "size", preprocess.size, "150", 32, 512, "pixels of the network's input"),
    CHOICE("preprocess", "kernel", preprocess.kernel, "area", "nearest|bilinear|area", "how the face is resampled"),
    CHOICE("preprocess", "channels", preprocess.channels, "bgr", "rgb|bgr", "what the network expects; ImageNet's Keras weights: bgr"),
    OTHER("preprocess", "mean", WORDS, preprocess.mean, "103.939, 116.779, 123.68", "subtracted from each channel, in their order"),
    REAL("preprocess", "scale", preprocess.scale, "1", 1e-6, 1e6, "multiplied after the mean"),
    REAL("preprocess", "detect_scale", preprocess.detect_scale, "1.1", 1.01, 4, "step of the detector's window sizes"),
    INTEGER("preprocess", "detect_neighbors", preprocess.detect_neighbors, "3", 0, 1000, "overlapping detections that make a face"),
    INTEGER("preprocess", "detect_min_size", preprocess.detect_min_size, "40", 8, 10000, "smallest face, pixels"),

    OTHER("network", "weights", PATHS, network.weights, "init", "Keras HDF5 files, later ones fill what earlier ones lack; init = random (He), not pretrained"),
    CHOICE("network", "missing", network.missing, "error", "error|init", "layers that no file holds"),
    CHOICE("network", "cut", network.cut, "block5_pool", "block1_pool|block2_pool|block3_pool|block4_pool|block5_pool", "the layer whose output is the feature"),
    CHOICE("network", "storage", network.storage, "float32", "float32|float16", "of features.h5"),
    FREE_INTEGER("network", "batch", network.batch, "8", 1, 256, "pictures at a time"),

    INTEGER("emotion", "average_pool", emotion.average_pool, "0", 0, 64, "side of an average pooling before Flatten; 0 = none"),
    INTEGER("emotion", "epochs", emotion.epochs, "30", 1, 10000, "at most"),
    INTEGER("emotion", "batch", emotion.batch, "50", 1, 100000, "pictures a step"),
    INTEGER("emotion", "patience", emotion.patience, "6", 1, 10000, "epochs without a better validation before it stops"),
    REAL("emotion", "learning_rate", emotion.learning_rate, "0.001", 1e-8, 10, "of Adam"),
    REAL("emotion", "l2", emotion.l2, "0.0001", 0, 100, "on the kernel"),
    CHOICE("emotion", "class_weights", emotion.class_weights, "balanced", "none|balanced", "balanced = each class counts alike"),
    OTHER("emotion", "standardise", BOOL, emotion.standardise, "yes", "train on standardised features; folded into the kernel afterwards"),

    OTHER("playlists", "input", PATHS, playlists.input, "", "Melon JSON or CSV files; @sample/FILE = a result of the stage sample"),
    OTHER("playlists", "pairs", PATHS, playlists.pairs, "", "CSV files playlist_id,song_id, joined by id"),
    OTHER("playlists", "song_meta", PATHS, playlists.song_meta, "", "Melon song_meta.json for names and artists"),
    REAL("playlists", "holdout", playlists.holdout, "0.1", 0, 0.9, "share of playlists whose hidden halves judge the models"),
    REAL("playlists", "max_skipped", playlists.max_skipped, "0.02", 0, 1, "share of malformed records above which the stage fails"),

    INTEGER("tags", "size", tags.size, "100", 2, 2000, "dimensions of a tag vector"),
    INTEGER("tags", "window", tags.window, "3", 1, 1000, "tags on each side"),
    INTEGER("tags", "min_count", tags.min_count, "1", 1, 1e9, "rarer tags get no vector"),
    INTEGER("tags", "negative", tags.negative, "5", 1, 100, "noise tags a pair"),
    INTEGER("tags", "epochs", tags.epochs, "5", 1, 10000, "passes over the playlists"),
    INTEGER("tags", "neighbours", tags.neighbours, "10", 1, 1000, "nearest tags listed for each"),
    REAL("tags", "alpha", tags.alpha, "0.025", 1e-6, 1, "learning rate at the start"),
    REAL("tags", "min_alpha", tags.min_alpha, "0.0001", 0, 1, "and at the end"),
    REAL("tags", "sample", tags.sample, "0.001", 0, 1, "sub-sampling threshold of frequent tags; 0 = none"),
    REAL("tags", "ns_exponent", tags.ns_exponent, "0.75", -2, 2, "noise distribution = count to this power"),

    INTEGER("als", "factors", als.factors, "128", 1, 2048, "dimensions of playlists and songs"),
    INTEGER("als", "iterations", als.iterations, "15", 1, 10000, "passes over both sides"),
    REAL("als", "regularization", als.regularization, "0.08", 1e-9, 1e6, "lambda of Hu, Koren, Volinsky"),
    REAL("als", "alpha", als.alpha, "1", 1e-9, 1e6, "confidence = 1 + alpha f(likes)"),
    CHOICE("als", "confidence", als.confidence, "log", "raw|log|bm25", "f: the likes as they are, log(1 + likes), or BM25 of the matrix"),

    OTHER("recommend", "tags", FAMILY, recommend.tags,
          "neutral = 잔잔한, 카페, 휴식; positive = 신나는, 기분전환, 여름, 드라이브; negative = 슬픔, 위로, 힐링, 이별",
          "recommend.tags.CLASS = tags that stand for this expression"),
    INTEGER("recommend", "similar_tags", recommend.similar_tags, "10", 1, 1000, "tags most like the seed tags"),
    INTEGER("recommend", "playlists", recommend.playlists, "30", 1, 10000, "playlists that hold them"),
    INTEGER("recommend", "songs_per_playlist", recommend.songs_per_playlist, "20", 1, 10000, "best songs of each playlist"),
    INTEGER("recommend", "choices", recommend.choices, "40", 1, 100000, "best songs among which the seed chooses"),
    INTEGER("recommend", "count", recommend.count, "10", 1, 1000, "songs in an answer"),
    REAL("recommend", "min_similarity", recommend.min_similarity, "0.3", -1, 1, "cosine below which a tag is not similar"),

    INTEGER("evaluate", "neighbours", evaluate.neighbours, "100", 1, 10000, "neighbours of the item-kNN comparator"),
    INTEGER("evaluate", "bootstrap", evaluate.bootstrap, "1000", 10, 1000000, "draws behind the 95 % intervals"),
    OTHER("evaluate", "show_tags", TAGS, evaluate.show_tags, "신나는, 여름, 드라이브, 잔잔한, 카페, 힐링, 슬픔, 이별, 위로, 새벽", "tags whose neighbours the report lists"),

    OTHER("report", "title", TEXT, report.title, "moodcast", "heading of the report"),
    OTHER("report", "faces", BOOL, report.faces, "no", "may the report show faces? Licensed pictures must not"),

    OTHER("pack", "name", TEXT, pack.name, "moodcast", "name of the bundle"),
};
const size_t schema_count = ARRAY_COUNT(schema);
