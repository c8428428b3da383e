#include "nn/nn.h"

#include <string.h>

/* Simonyan & Zisserman 2015, configuration D, without the dense layers; names as Keras gives them. */
#define CONV(layer, from, to)                                                            \
	{                                                                                    \
		.name = layer, .kernel_name = layer "/kernel", .bias_name = layer "/bias",       \
		.kind = LAYER_CONV, .in = from, .out = to                                        \
	}
#define POOL(layer, maps)                                                                \
	{                                                                                    \
		.name = layer, .kind = LAYER_POOL, .in = maps, .out = maps                       \
	}
static const struct layer vgg16_layers[VGG16_LAYERS] = {
    CONV("block1_conv1", 3, 64),    CONV("block1_conv2", 64, 64),   POOL("block1_pool", 64),
    CONV("block2_conv1", 64, 128),  CONV("block2_conv2", 128, 128), POOL("block2_pool", 128),
    CONV("block3_conv1", 128, 256), CONV("block3_conv2", 256, 256), CONV("block3_conv3", 256, 256),
    POOL("block3_pool", 256),       CONV("block4_conv1", 256, 512), CONV("block4_conv2", 512, 512),
    CONV("block4_conv3", 512, 512), POOL("block4_pool", 512),       CONV("block5_conv1", 512, 512),
    CONV("block5_conv2", 512, 512), CONV("block5_conv3", 512, 512), POOL("block5_pool", 512),
};

int vgg16_new(struct network **out, int cut, struct err *err)
{
	if (cut < CUT_BLOCK1_POOL || cut > CUT_INPUT)
		return err_set(err, ERR_SETTINGS, "network: there is no cut number %d", cut);
	struct network *network = mem_alloc(1, sizeof *network, err);
	if (!network)
		return ERR_MEMORY;
	network->cut = cut;
	const char *last = network_cut_name(cut);
	while (cut != CUT_INPUT && (network->count == 0 || strcmp(network->layers[network->count - 1].name, last) != 0)) {
		network->layers[network->count] = vgg16_layers[network->count];
		network->count++;
	}
	*out = network;
	return OK;
}

int network_cut_find(const char *name)
{
	for (int cut = CUT_BLOCK1_POOL; cut <= CUT_BLOCK5_POOL; cut++)
		if (strcmp(name, network_cut_name(cut)) == 0)
			return cut;
	return -1;
}

int network_first_behind(const struct network *network, const char *cut, size_t *first, struct err *err)
{
	*first = 0;
	if (strcmp(cut, network_cut_name(CUT_INPUT)) == 0)
		return OK;
	for (size_t i = 0; i + 1 < network->count; i++) {
		*first = i + 1;
		if (strcmp(network->layers[i].name, cut) == 0)
			return OK;
	}
	return err_set(err, ERR_SETTINGS, "features that end at %s leave nothing to train of a network that ends at %s",
	               cut, network_cut_name(network->cut));
}

bool vgg16_has_layer(const char *name)
{
	for (size_t i = 0; i < VGG16_LAYERS; i++)
		if (strcmp(name, vgg16_layers[i].name) == 0)
			return true;
	return false;
}
