/* The opponent of bench_network.c inside its own process: VGG16 by oneDNN. */
#ifndef MOODCAST_BENCH_NETWORK_H
#define MOODCAST_BENCH_NETWORK_H

#include <stdbool.h>
#include <stddef.h>

#include "nn/nn.h"

struct onednn;
/* Prepared for `batch` pictures of `size` pixels; weights reordered once. NULL when a layer cannot be made at all. */
struct onednn *onednn_new(const struct network *network, size_t batch, size_t size, bool winograd);
void onednn_free(struct onednn *net);
/* input [batch][size][size][3] → output NHWC; with the reorders at both ends. */
void onednn_forward(struct onednn *net, const float *input, float *output);

#endif
