/*
 * Huffman's code for the words of a vocabulary ("A method for the construction of minimum-redundancy codes", 1952), for
 * hierarchical softmax: inner node k of the tree is an output row, and a word is told by a left or right at each node
 * on the way from the root. Two sorted queues, words and inner nodes, make it linear (van Leeuwen 1976).
 */
#include "text/text_internal.h"

#include <stdlib.h>

struct tree {
	int64_t *weight; /* [2 count − 1]: words by falling count, then inner nodes by rising weight */
	uint32_t *parent;
	uint8_t *right;
};

static void join_nodes(struct tree *tree, size_t count, const int64_t *occurrences)
{
	size_t word = count, inner = count; /* the lightest that are left: words from the back, nodes from the front */

	for (size_t i = 0; i < count; i++)
		tree->weight[i] = occurrences[i];
	for (size_t made = count; made < 2 * count - 1; made++) {
		for (int side = 0; side < 2; side++) {
			bool take_word = word > 0 && (inner == made || tree->weight[word - 1] < tree->weight[inner]);
			size_t taken = take_word ? --word : inner++;
			tree->weight[made] += tree->weight[taken];
			tree->parent[taken] = (uint32_t)made;
			tree->right[taken] = (uint8_t)side;
		}
	}
}

/* A word's way down: nodes from the root, numbered by age from the last one joined. */
static size_t write_path(const struct tree *tree, size_t count, size_t word, struct huffman *out, size_t at)
{
	size_t root = 2 * count - 2, depth = 0;

	for (size_t node = word; node != root; node = tree->parent[node])
		depth++;
	size_t place = at + depth;
	for (size_t node = word; node != root; node = tree->parent[node]) {
		out->node[--place] = (uint32_t)(tree->parent[node] - count);
		out->label[place] = tree->right[node] ? 0 : 1;
	}
	return at + depth;
}

static size_t total_depth(const struct tree *tree, size_t count)
{
	size_t total = 0;

	for (size_t word = 0; word < count; word++)
		for (size_t node = word; node != 2 * count - 2; node = tree->parent[node])
			total++;
	return total;
}

int huffman_build(struct huffman *out, const int64_t *occurrences, size_t count, struct err *err)
{
	struct tree tree = {0};
	struct huffman built = {0};
	int code = ERR_MEMORY;

	if (!(tree.weight = mem_alloc(2 * count, sizeof *tree.weight, err)) ||
	    !(tree.parent = mem_alloc(2 * count, sizeof *tree.parent, err)) ||
	    !(tree.right = mem_alloc(2 * count, 1, err)) || !(built.start = mem_alloc(count + 1, sizeof *built.start, err)))
		goto out;
	join_nodes(&tree, count, occurrences);
	size_t total = total_depth(&tree, count);
	if (!(built.node = mem_alloc(total, sizeof *built.node, err)) ||
	    !(built.label = mem_alloc(total, sizeof *built.label, err)))
		goto out;
	for (size_t word = 0; word < count; word++)
		built.start[word + 1] = write_path(&tree, count, word, &built, built.start[word]);
	*out = built;
	built = (struct huffman){0};
	code = OK;
out:
	free(tree.weight);
	free(tree.parent);
	free(tree.right);
	huffman_free(&built);
	return code;
}

void huffman_free(struct huffman *huffman)
{
	free(huffman->start);
	free(huffman->node);
	free(huffman->label);
	*huffman = (struct huffman){0};
}
