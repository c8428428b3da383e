/*
 * nn: the picture-to-expression network: description, weights, preprocessing, forward pass, head.
 *
 * VGG16 without top (Simonyan & Zisserman 2015) up to one of its five poolings gives features; a dense head turns them
 * into class probabilities. Weights come from Keras HDF5 files, from a seeded He initialisation, or, mapped, from
 * safetensors.
 * Depends on: base, config (the names of settings), io, num. Only keras_*.c and head_data.c touch HDF5, so a program
 * that calls nothing of them does not need it. Never includes vision: detections are handed in.
 *
 * Activations are NHWC float32, convolution kernels HWIO, rows contiguous. A network is read-only once loaded and may
 * be shared by threads; scratch is lent by the caller.
 */
#ifndef MOODCAST_NN_H
#define MOODCAST_NN_H

#include "base/base.h"
#include "config/config.h"
#include "io/io.h"
#include "num/num.h"

/* ---- network description ----------------------------------------------------------------- */

enum layer_kind { LAYER_CONV, LAYER_POOL };
enum layer_origin { ORIGIN_NONE, ORIGIN_INIT, ORIGIN_FILE };

/* A 3×3 'same' convolution with bias and ReLU, or a 2×2 maximum pooling. */
struct layer {
	const char *name;                    /* "block1_conv1" … "block5_pool" */
	const char *kernel_name, *bias_name; /* "block1_conv1/kernel", "block1_conv1/bias"; NULL for a pooling */
	enum layer_kind kind;
	size_t in, out;             /* channels */
	const float *kernel, *bias; /* [3][3][in][out], [out]; NULL without weights */
	enum layer_origin origin;
	float *owned; /* kernel and bias in one block, NULL when borrowed */
};
#define VGG16_LAYERS 18
struct network {
	int cut; /* enum network_cut: the last layer is that pooling */
	size_t count;
	struct layer layers[VGG16_LAYERS];
};

/* VGG16 without top up to `cut` (CUT_INPUT: no layer at all), its convolutions without weights yet. Freed by
 * network_free. */
int vgg16_new(struct network **out, int cut, struct err *err) MUST_CHECK;
void network_free(struct network *network); /* NULL is fine */
/* The enum network_cut of "block1_pool" … "block5_pool", -1 for any other name. */
int network_cut_find(const char *name);
/* Is it a layer of the whole network, wherever it is cut? */
bool vgg16_has_layer(const char *name);
/* The layer of that name, NULL when the network has none. */
struct layer *network_layer(struct network *network, const char *name);
size_t layer_kernel_count(const struct layer *layer); /* 9 · in · out, 0 for a pooling */

/* Copies a kernel and a bias into a convolution. ERR_DATA names the layer and the place of a value that is no finite
 * number. */
int layer_set(struct layer *layer, const float *kernel, const float *bias, struct err *err) MUST_CHECK;
/* Gives every convolution without weights normal numbers of deviation √(2 / (9·in)) (He et al. 2015) and a zero bias.
 * One random stream a layer, so a layer's numbers do not depend on which others are missing. */
int network_init_missing(struct network *network, uint64_t seed, struct err *err) MUST_CHECK;
/* Names, separated by ", ", of the convolutions without weights; returns how many. */
size_t network_missing(const struct network *network, struct strbuf *names);
/* "full" when every convolution came from a file, "none" when no one did, else "partial". */
const char *network_pretrained(const struct network *network);

/* Borrows the weights of a mapped file, after a check that all are finite (`block1_conv1/kernel` …); the file must
 * outlive the network. */
int network_from_tensors(struct network **out, const struct tensor_file *file, int cut, struct err *err) MUST_CHECK;
/* Kernels and biases as named tensors, for tensors_save. `out` holds 2 · VGG16_LAYERS; returns how many. Borrowed. */
size_t network_tensors(const struct network *network, struct tensor *out);

/* ---- forward ------------------------------------------------------------------------------ */

struct map_shape {
	size_t height, width, channels;
};
/* Features of square pictures of `size` pixels. ERR_SETTINGS when a pooling would leave nothing. */
int network_shape(const struct network *network, size_t size, struct map_shape *out, struct err *err) MUST_CHECK;

struct forward {
	const struct network *network;
	size_t n, size; /* pictures, pixels a side */
	int threads;
	const float *input; /* [n][size][size][3], preprocessed */
	float *output;      /* [n][h][w][c] of network_shape */
};
/* The reference: windows gathered into matrices, one matrix product a layer (OpenBLAS). What serves and trains runs a
 * network_plan, several times faster. */
/* Bytes of scratch for network_forward; input and output may be NULL here. */
size_t network_workspace(const struct forward *forward);
/* Runs the layers in order. Every convolution must have weights. A picture's features do not depend on the number
 * of threads, nor on the other pictures of the call. */
void network_forward(const struct forward *forward, void *workspace);

/* The same network prepared for pictures of one size: Winograd convolutions with the kernels transformed, in blocks of
 * 16 channels, pooling inside. Read-only, may be shared by threads; owned by the caller; the network need not outlive
 * it. Holds some 310 MB for the whole of VGG16 at 150 pixels, 200 for one picture. Relative L2 error of block5_pool
 * below 1e-5. */
struct plan_options {
	size_t size;          /* pixels a side */
	size_t pictures;      /* that a call will bring: 1 saves memory traffic, 0 = many; another rounding */
	int threads;          /* to prepare with */
	enum cpu_level level; /* at most; CPU_AVX512 = what the CPU has */
	int precision;        /* enum network_precision; fp16: a third of the memory, error of block5_pool below 3e-3 */
};
struct network_plan;
/* Every convolution must have weights. ERR_SETTINGS as network_shape, or fp16 on a CPU without F16C. */
int network_plan_new(struct network_plan **out, const struct network *network, const struct plan_options *options,
                     struct err *err) MUST_CHECK;
void network_plan_free(struct network_plan *plan); /* NULL is fine */
struct plan_run {
	const struct network_plan *plan;
	size_t n;
	int threads;
	const float *input; /* [n][size][size][3], preprocessed */
	float *output;      /* [n][h][w][c] of network_shape */
};
/* Bytes of scratch for up to n pictures. */
size_t network_plan_workspace(const struct network_plan *plan, size_t n, int threads);
/* A picture's features depend neither on the number of threads nor on the other pictures of the call. */
void network_plan_forward(const struct plan_run *run, void *workspace);

/* ---- description ---- */

/* Floating point operations (multiply and add counted apart) of one picture, convolutions done directly. */
double network_flop(const struct network *network, size_t size);
/* A table of layers, output shapes, parameters, FLOP and where the weights came from. */
int network_summary(const struct network *network, size_t size, struct strbuf *out, struct err *err) MUST_CHECK;

/* ---- Keras weights (keras_read.c: needs HDF5) ------------------------------------------------ */

struct network_source {
	int cut;                  /* enum network_cut */
	const char *const *files; /* Keras HDF5, in order: later ones fill what earlier ones lack */
	size_t n_files;
	int missing; /* enum missing_policy for convolutions that no file holds; without files they are initialised */
	uint64_t seed;
};
/* vgg16_new, the files, then network_init_missing as `missing` allows. ERR_DATA names file, layer, expected and found
 * shape. */
int network_load(struct network **out, const struct network_source *source, struct err *err) MUST_CHECK;
/* Fills the convolutions without weights from one file: the no-top layout (`block1_conv1/block1_conv1_W_1:0`), newer
 * names (`block1_conv1/kernel:0`) and full models (`model_weights/vgg16/block1_conv1/kernel:0`), always by the lists
 * `layer_names` and `weight_names`. float16 and float64 are converted. *filled counts the layers taken. */
int network_read_keras(struct network *network, const char *path, size_t *filled, struct err *err) MUST_CHECK;

/* ---- preprocessing: one object, shared by training and serving ------------------------------- */

#define CROP_SOURCES 3
struct preprocess {
	int crop[CROP_SOURCES]; /* enum crop_source, in order of preference */
	size_t n_crop;
	double margin;       /* share of the face's side added on every side */
	double centre;       /* side of the central square, as a share of the shorter side */
	double centre_down;  /* how far its middle lies below the picture's, as a share of the shorter side */
	size_t size;         /* pixels a side of the network's input */
	int kernel;          /* enum resize_kernel */
	int channels;        /* enum channel_order */
	double mean[3];      /* subtracted, in the order of `channels`, in units of 0..255 */
	double scale;        /* multiplied after that */
	double detect_scale; /* the detector's step between sizes */
	size_t detect_neighbors, detect_min_size;
	/* a larger picture is shrunk until it fits, then searched and cut; 0, 0 = never */
	size_t frame_width, frame_height;
};
int preprocess_from_settings(struct preprocess *out, const struct preprocess_settings *settings,
                             struct err *err) MUST_CHECK;
/* Ranges and names; ERR_SETTINGS with the field. */
int preprocess_check(const struct preprocess *preprocess, struct err *err) MUST_CHECK;
/* Adds the fields to a JSON object. Numbers that nine digits cannot carry are written as texts of seventeen, so that
 * what is read back is the same to the bit. */
int preprocess_to_json(const struct preprocess *preprocess, struct json *object, struct err *err) MUST_CHECK;
/* ERR_DATA names a field that is absent, of the wrong kind or out of range. */
int preprocess_from_json(struct preprocess *out, const struct json *object, struct err *err) MUST_CHECK;
/* The same as one line of text, for attributes; freed by the caller. */
int preprocess_print(const struct preprocess *preprocess, char **out, struct err *err) MUST_CHECK;
int preprocess_parse(struct preprocess *out, const char *text, const char *name, struct err *err) MUST_CHECK;
bool preprocess_uses(const struct preprocess *preprocess, int crop_source);

/* What is known of where the face is in a picture of width × height. */
struct face_hints {
	size_t width, height;
	const struct rect *detections; /* the cascade's, any order */
	const int *neighbors;          /* [n_detections] windows behind each; NULL = alike */
	size_t n_detections;
	const struct rect *known; /* the annotated box; NULL or empty = none */
};
/* Is a detection with so many windows behind it sure enough beside the surest of its picture? At least half as many.
 * What is false is often larger than the face, but seldom as sure. */
bool preprocess_sure(int neighbors, int most);
/* The face by the first crop source that has one: the largest sure detection (ties: upper, then left), the known box,
 * the central square. False when none has. *source is an enum crop_source. */
bool preprocess_choose(const struct preprocess *preprocess, const struct face_hints *hints, struct rect *face,
                       int *source);
/* Does preprocess_choose need detections, given whether a box is known? */
bool preprocess_wants_detections(const struct preprocess *preprocess, bool box_known);
/* The network's input for one face: the square around it, enlarged by the margin, resampled, channels ordered, minus
 * mean, times scale. `image` is RGB or grey (replicated); tensor [size][size][3]. Beyond the picture its edge repeats.
 * Allocates nothing. */
int preprocess_apply(const struct preprocess *preprocess, const struct image *image, struct rect face, float *tensor,
                     struct err *err) MUST_CHECK;

/* ---- varied copies of training pictures ------------------------------------------------------- */

#define AUGMENT_MAX_COPIES 64
struct augment {
	size_t copies;                       /* of each training picture, besides itself */
	double flip, grey;                   /* probability */
	double shift, scale;                 /* at most; shares of the face's side */
	double rotation;                     /* at most, degrees */
	double brightness, contrast, gamma;  /* at most; 0 = as it is */
	double blur;                         /* deviation at most, pixels */
	double cutout;                       /* side of a square hole, as a share of the tensor's */
	uint64_t seed;
};
struct augment_draw {
	bool flip, grey;
	double right, down, zoom, turn, brightness, contrast, gamma, blur, hole, hole_x, hole_y;
};
void augment_from_settings(struct augment *out, const struct augment_settings *settings, uint64_t seed);
bool augment_given(const struct augment *augment);
/* What is done to copy `copy` (1 …) of picture `row`: follows from these and the seed alone. */
void augment_draw(const struct augment *augment, size_t row, size_t copy, struct augment_draw *out);
/* The square to cut out instead of `face`. */
struct rect augment_face(const struct augment_draw *draw, struct rect face);
/* The rest, on the tensor of preprocess_apply, in place; scratch as large as the tensor. */
void augment_apply(const struct augment_draw *draw, const struct preprocess *preprocess, float *tensor, float *scratch);

/* ---- the head: training and prediction ---- */

/* [k×k 'valid' average →] Flatten (H, W, C order) → [Dense(hidden), ReLU →] Dense(classes) → softmax over the features
 * of the network's cut. head.c needs neither HDF5 nor BLAS: the program that serves uses it. */
#define HEAD_MAX_HIDDEN 4096
struct head {
	struct map_shape map; /* of the features, before the average */
	size_t average_pool;  /* k; 0 and 1 = none */
	size_t inputs, hidden, classes; /* hidden 0 = no hidden layer */
	const float *hidden_kernel;     /* [inputs][hidden]; NULL without one */
	const float *hidden_bias;       /* [hidden] */
	const float *kernel;            /* [head_width][classes] */
	const float *bias;              /* [classes] */
	float *owned; /* hidden kernel and bias, kernel, bias, in this order; NULL when they are borrowed */
};
/* A head of zeros. ERR_SETTINGS when the average leaves nothing of the map, there are fewer than two classes, or more
 * hidden units than HEAD_MAX_HIDDEN. */
int head_new(struct head **out, struct map_shape map, size_t average_pool, size_t hidden, size_t classes,
             struct err *err) MUST_CHECK;
void head_free(struct head *head); /* NULL is fine */
size_t head_width(const struct head *head);      /* inputs of the last dense layer */
size_t head_parameters(const struct head *head); /* all numbers that are trained */
/* Borrows `dense/kernel`, `dense/bias` and, when there is a hidden layer, `hidden/kernel` and `hidden/bias` of a mapped
 * file, which must outlive the head. ERR_DATA when they do not fit. */
int head_from_tensors(struct head **out, const struct tensor_file *file, struct map_shape map, size_t average_pool,
                      struct err *err) MUST_CHECK;
#define HEAD_TENSORS 4
/* The tensors of those names, borrowed, for tensors_save; returns how many. */
size_t head_tensors(const struct head *head, struct tensor out[HEAD_TENSORS]);
/* Bytes of scratch for head_predict over n maps; 0 without an average. */
size_t head_workspace(const struct head *head, size_t n);
/* Features [n][h][w][c] → probabilities [n][classes]. Double sums in one order, so the bytes depend neither on the
 * number of threads nor on the other rows. Safe from several threads at once, each with its own workspace. */
void head_predict(const struct head *head, size_t n, const float *maps, void *workspace, float *probabilities,
                  int threads);
/* The same for rows [n][inputs] that were averaged already (struct head_data). */
void head_predict_rows(const struct head *head, size_t n, const float *rows, float *probabilities, int threads);

/* Examples, averaged and flattened. */
struct head_data {
	size_t n, inputs, classes;
	float *rows;        /* [n][inputs] */
	int32_t *labels;    /* [n] */
	size_t *index;      /* [n] row of features.h5 it came from; NULL when it came from elsewhere */
	char *const *names; /* [classes], borrowed, for messages; NULL = by number */
};
void head_data_free(struct head_data *data); /* leaves it zeroed */

struct head_epoch {
	size_t epoch; /* 1-based */
	double train_loss, train_accuracy;
	/* NaN without validation examples. calibrated: the loss at the temperature that makes it smallest. */
	double validation_loss, validation_calibrated, validation_accuracy, validation_balanced;
	double temperature; /* 1 without validation examples */
	bool best;
	bool tuning; /* layers were trained with the head */
};
struct head_training {
	size_t epochs, batch, patience; /* patience 0 = never stop early */
	double learning_rate, l2;
	double smoothing; /* share of a label spread over all classes (Szegedy et al. 2016) */
	double focal;     /* exponent γ of the focal loss (Lin et al. 2017); 0 = cross-entropy */
	double dropout;   /* probability that a hidden unit is left out of an example (Srivastava et al. 2014) */
	bool sampling;    /* each class is shown alike often instead of each example once an epoch; not with balance */
	bool balance;     /* class c weighs n / (classes · n_c) in the loss */
	bool standardise; /* by the training part's mean and deviation; folded into kernel and bias at the end */
	uint64_t seed;
	int threads;
	/* A file, or NULL: a training that was stopped or killed goes on from it and ends with the same bytes, as does one
	 * that wants more epochs. It is written after each epoch and each so many steps (0 = none), and left to the
	 * caller. */
	const char *checkpoint;
	size_t checkpoint_steps;
	int (*epoch)(const struct head_epoch *epoch, void *context, struct err *err); /* after each epoch; may be NULL */
	void *context;
};
struct head_outcome {
	size_t epochs; /* that ran */
	struct head_epoch best;
	bool stopped_early;
	size_t tuned, tuned_best; /* epochs with layers, and the best of them; 0 = the head alone was best */
};
/* Fits a head made by head_new by softmax cross-entropy + l2 · Σ kernel² (of all kernels, in units of the standardised
 * features), mini-batches shuffled from the seed, Adam as Keras writes it (β .9, .999, ε 1e-7; Kingma & Ba 2015). After
 * each epoch one temperature is fitted to the validation part (Guo et al. 2017); the epoch with the lowest weighted
 * loss at its temperature is kept, the last kernel and bias divided by it, and training ends `patience` epochs later.
 * So confidence that grows with training neither ends it too soon nor stays in the probabilities. Without validation
 * examples (`validation` NULL or empty) the last epoch is kept as it is. Same bytes for any number of threads.
 * ERR_DATA: a class without training examples; ERR_NUMERIC: a loss that is not finite or explodes, with epoch and step.
 */
int head_train(struct head *head, const struct head_data *train, const struct head_data *validation,
               const struct head_training *training, struct head_outcome *outcome, struct err *err) MUST_CHECK;

/* ---- training the last layers ------------------------------------------------------------ */

/* Trains layers first … last of a network, with the head behind them, in place. Layers below are not touched: what they
 * give is the input here, computed once. Same bytes for any number of threads. */
struct tuner_options {
	size_t first;         /* index into network->layers */
	struct map_shape map; /* of that layer's input */
	size_t batch;         /* the most examples a step may have */
	int optimizer;        /* enum optimizer */
	double momentum;      /* of SGD */
	double clip;          /* largest norm of the gradient of all weights together; 0 = any */
	double smoothing;     /* as head_training */
	double dropout;       /* as head_training */
	uint64_t seed;        /* of the dropout */
	const float *class_weight; /* [classes], lent; NULL = every example counts alike */
	bool predict_only;         /* for tuner_rows alone: no memory for gradients, and weights may be borrowed */
	int threads;
};
struct tuner;
/* network and head must own their weights and outlive the tuner. ERR_SETTINGS says what does not fit. */
int tuner_new(struct tuner **out, const struct network *network, const struct head *head,
              const struct tuner_options *options, struct err *err) MUST_CHECK;
void tuner_free(struct tuner *tuner); /* NULL is fine */
/* Mean softmax cross-entropy of n examples (maps [n][h][w][c], labels in [0, classes)) and its gradient by every
 * trained weight. ERR_NUMERIC when the loss is not finite. */
int tuner_gradient(struct tuner *tuner, size_t n, const float *maps, const int32_t *labels, double *loss,
                   struct err *err) MUST_CHECK;
/* The next gradients are of the examples numbered pictures[n] (lent) in that epoch: by both, and the seed, follows
 * which hidden units are left out. Before the first call, and after one with NULL, none is. */
void tuner_drop(struct tuner *tuner, size_t epoch, const size_t *pictures);
/* How many of those examples had their label's probability the largest. */
size_t tuner_correct(const struct tuner *tuner);
/* One step along the gradient just computed; returns the gradient's norm before it was clipped. */
double tuner_step(struct tuner *tuner, double rate);
/* What the layers as they stand give the head: maps [n][h][w][c] → rows [n][head->inputs], averaged. n ≤ batch. */
void tuner_rows(struct tuner *tuner, size_t n, const float *maps, float *rows);
/* The gradient of a trained array (a layer's or the head's owned memory, kernel or bias), NULL for any other. */
const float *tuner_gradient_of(const struct tuner *tuner, const float *values);

/* features.h5, open for reading (head_data.c: needs HDF5). */
struct head_features {
	struct hdf_file *file;
	char *path;
	size_t n;
	struct map_shape map;
	struct path_list classes, person;
	int32_t *label;
	uint8_t *split; /* 0 train, 1 validation, 2 test */
	uint8_t *copy;  /* 0 the picture itself, 1 … a varied copy */
	char *cut, *pretrained, *preprocess, *weights_sha256;
	bool synthetic;
};
/* ERR_DATA names the file and what is absent, of another length or out of range. */
int head_features_open(struct head_features **out, const char *path, struct err *err) MUST_CHECK;
void head_features_close(struct head_features *features); /* NULL is fine */
/* The examples of one split, in the file's order, read and averaged in blocks: memory is that of the result and one
 * block. */
int head_features_rows(const struct head_features *features, int split, size_t average_pool, struct head_data *out,
                       struct err *err) MUST_CHECK;

/* ---- fine-tuning (tune_train.c) ---- */

/* The index of the first layer behind the one called `cut` ("input" = the first of all); ERR_SETTINGS when the network
 * ends there. */
int network_first_behind(const struct network *network, const char *cut, size_t *first, struct err *err) MUST_CHECK;
struct tune_training {
	/* of the head alone, before; its seed, threads, patience, loss and callback hold for all */
	struct head_training head;
	size_t epochs, batch;
	double rate; /* at most */
	int schedule; /* enum rate_schedule over all steps */
	size_t warmup_steps; /* over which the rate rises from 0 */
	int optimizer; /* enum optimizer */
	double momentum, clip;
	size_t checkpoint_steps; /* 0 = at the end of each epoch only */
	const char *checkpoint; /* a file; a run that was stopped goes on from it and ends with the same bytes */
};
/* Trains the head on features.h5, then head and all layers behind the features' cut together, in place. network and
 * head own their weights. Same bytes for any number of threads. Errors as head_train and tuner_gradient. */
int tune_train(struct network *network, struct head *head, const struct head_features *features,
               const struct tune_training *training, struct head_outcome *outcome, struct err *err) MUST_CHECK;
/* head_features_rows for features that end before the network does: the layers behind them are run. */
int tuned_rows(const struct network *network, const struct head *head, const struct head_features *features, int split,
               int threads, struct head_data *out, struct err *err) MUST_CHECK;

/* ---- cross-validation by person (head_folds.c) ---- */

struct head_folds {
	const struct head_features *features;
	const struct head_data *train, *validation; /* head_features_rows of splits 0 and 1 */
	const struct head *head;                    /* of this shape; not changed */
	const struct head_training *training; /* a checkpoint is a file a fold: its name, then .fold1 … */
	size_t count; /* k ≥ 2 */
};
struct head_fold {
	size_t n; /* pictures judged */
	double accuracy, balanced, least_recall;
};
/* Trains and judges out[0 … count). ERR_SETTINGS when there are too few people. */
int head_folds(const struct head_folds *job, struct head_fold *out, struct err *err) MUST_CHECK;

/* ---- Keras models (keras_write.c: needs HDF5) ---- */

struct keras_model {
	const struct network *network; /* every convolution with weights */
	const struct head *head;
	size_t size;            /* pixels a side of the network's input */
	char *const *classes;   /* head->classes names */
	const char *preprocess; /* JSON text of the preprocessing object */
	double dropout;         /* of the hidden layer, for whoever trains on */
	bool synthetic;
};
/* A file that keras.models.load_model opens: Sequential of the nested model `vgg16` (up to the cut), AveragePooling2D
 * when the head has one, Flatten, Dense(relu) and Dropout when it has a hidden layer, Dense(softmax), all strings
 * fixed-length, names in the order of the layers; plus the moodcast_* attributes. */
int keras_model_save(const struct keras_model *model, const char *path, struct err *err) MUST_CHECK;
/* Reads the head of such a file (HDF5): kernels and biases of its Dense layers, moodcast_average_pool; classes may be
 * NULL. */
int keras_head_load(struct head **out, const char *path, struct path_list *classes, struct err *err) MUST_CHECK;

#endif
