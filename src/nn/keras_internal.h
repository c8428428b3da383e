/* What the writer of Keras models keeps in a file of its own: the architecture as Keras' JSON. */
#ifndef MOODCAST_NN_KERAS_INTERNAL_H
#define MOODCAST_NN_KERAS_INTERNAL_H

#include "nn/nn.h"

#define KERAS_VERSION "2.3.1"
#define KERAS_BACKEND "tensorflow"
#define KERAS_BASE "vgg16"
#define KERAS_POOL "average_pooling2d_1"
#define KERAS_FLATTEN "flatten_1"
#define KERAS_DENSE "dense_1"   /* the hidden layer when there is one, else the last */
#define KERAS_DROPOUT "dropout_1"
#define KERAS_LAST "dense_2"    /* behind a hidden layer */

/* The text of the attribute model_config; freed by the caller. */
int keras_model_config(const struct keras_model *model, char **out, struct err *err) MUST_CHECK;

#endif
