/* The recommender's tensors: whatever a file holds, what is mapped can be searched without leaving it. */
#include "fuzz_file.h"
#include "recsys/recsys.h"

static void ask(const struct recommender *recommender)
{
	struct err err = {0};
	char summer[] = "여름", *tags[] = {summer};
	const struct recommender_view *view = recommender_view(recommender);
	const int64_t song = view->song_id[view->n_songs / 2];
	const struct recommend_label label = {"positive", 1, tags, 1};
	const struct recommend_request request = {.labels = &label,
	                                          .n_labels = 1,
	                                          .songs = &song,
	                                          .n_songs = 1,
	                                          .count = 3,
	                                          .seed = 1,
	                                          .similar_tags = 2,
	                                          .playlists = 4,
	                                          .songs_per_playlist = 4,
	                                          .choices = 8,
	                                          .per_artist = 1};
	struct recommend_result result = {0};
	if (recommend(recommender, &request, &result, &err) != OK && !err.text[0])
		abort();
	if (result.count > request.count)
		abort();
	recommend_result_free(&result);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct err err = {0};
	struct tensor_file *file = NULL;
	struct recommender *recommender = NULL;
	char path[96];
	fuzz_file(path, "safetensors", bytes, size);
	if (tensors_map(&file, path, &err) == OK && recommender_map(&recommender, file, &err) == OK)
		ask(recommender);
	else if (!err.text[0])
		abort();
	recommender_free(recommender);
	tensors_unmap(file);
	unlink(path);
	return 0;
}
