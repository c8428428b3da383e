/*
 * Playlists that nobody made, in Melon's schema. A playlist has a mood, often a second one near it, and a genre; its
 * tags and songs follow these, with a share of noise, so that tags of one mood meet in playlists and songs of one mood
 * in the same ones: what Word2Vec and ALS are meant to find. Songs lie in cells of (mood, genre), ordered by mood, so
 * that "this cell", "this mood" and "any song" are ranges of one array of summed popularity.
 */
#include "recsys/recsys.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOODS = 10, GENRES = 8, MOOD_TAGS = 12, GENRE_TAGS = 6, CELLS = MOODS * GENRES, MAX_TAGS = 10, MAX_SONGS = 150 };

static const char *const mood_tags[MOODS][MOOD_TAGS] = {
	{"신나는", "기분전환", "파티", "스트레스해소", "운동", "에너지", "헬스", "텐션업", "흥폭발", "클럽", "러닝", "노동요"},
	{"여름", "드라이브", "바다", "휴양지", "해변", "여행", "휴가", "청량", "시원한", "여름밤", "트로피컬", "물놀이"},
	{"잔잔한", "힐링", "카페", "휴식", "편안한", "감성", "산책", "오후", "커피", "독서", "일요일", "브런치"},
	{"새벽", "밤", "새벽감성", "잠들기전", "수면", "몽환", "밤하늘", "자장가", "고요한", "불면증", "혼자", "달빛"},
	{"슬픔", "이별", "눈물", "그리움", "아픔", "짝사랑", "미련", "헤어짐", "우울", "외로움", "추억", "후회"},
	{"비오는날", "비", "장마", "빗소리", "창가", "우산", "흐린날", "센치한", "소나기", "젖은거리", "구름", "안개"},
	{"위로", "응원", "희망", "용기", "힘내", "자존감", "토닥토닥", "괜찮아", "치유", "마음", "청춘", "꿈"},
	{"사랑", "설렘", "고백", "달달한", "데이트", "연애", "봄", "벚꽃", "썸", "두근두근", "봄바람", "커플"},
	{"겨울", "크리스마스", "눈오는날", "캐롤", "연말", "첫눈", "따뜻한", "포근한", "난로", "겨울밤", "새해", "목도리"},
	{"집중", "공부", "작업", "매장음악", "배경음악", "출근길", "퇴근길", "코딩", "시험기간", "도서관", "일할때", "아침"},
};
/* Where a second mood comes from. */
static const int near_moods[MOODS][2] = {{1, 9}, {0, 7}, {3, 6}, {2, 5}, {5, 6},
                                         {4, 3}, {2, 4}, {1, 2}, {7, 3}, {2, 0}};
static const double mood_weight[MOODS] = {1.3, 1.2, 1.3, 1.0, 1.1, 0.8, 0.8, 1.0, 0.7, 0.8};

static const char *const genre_tags[GENRES][GENRE_TAGS] = {
	{"발라드", "보컬", "명품발라드", "OST", "드라마", "가창력"},
	{"댄스", "아이돌", "걸그룹", "보이그룹", "케이팝", "안무"},
	{"힙합", "랩", "비트", "트랩", "붐뱁", "플로우"},
	{"알앤비", "소울", "그루브", "네오소울", "어반", "음색"},
	{"인디", "어쿠스틱", "기타", "포크", "밴드음악", "숨은명곡"},
	{"락", "메탈", "밴드", "라이브", "페스티벌", "기타솔로"},
	{"재즈", "피아노", "뉴에이지", "연주곡", "클래식", "보사노바"},
	{"일렉", "하우스", "디제이", "라운지", "신스팝", "퓨처베이스"},
};
/* Share of the genres in each mood. */
static const double genre_weight[MOODS][GENRES] = {
    {0.2, 3, 2, 0.6, 0.4, 1.5, 0.1, 3},     {0.4, 2, 1.2, 1.2, 1, 0.8, 0.4, 2},
    {1.2, 0.2, 0.2, 1.2, 3, 0.2, 2.5, 0.4}, {1.2, 0.1, 0.6, 2, 2, 0.2, 2, 0.6},
    {4, 0.2, 0.4, 1.2, 1.2, 0.4, 0.5, 0.1}, {2.5, 0.1, 0.5, 1.5, 1.5, 0.2, 1.2, 0.2},
    {2, 0.3, 0.6, 0.8, 2, 0.8, 0.6, 0.2},   {2, 1.5, 0.6, 2, 1.5, 0.3, 0.4, 0.4},
    {2, 0.8, 0.3, 1.2, 1, 0.3, 2, 0.2},     {0.4, 0.6, 0.5, 0.8, 1, 0.4, 3, 2},
};
static const char *const general_tags[] = {
	"가을", "팝", "국내", "인기", "최신", "추천", "명곡", "띵곡", "음악", "노래", "분위기", "매일", "2010년대", "90년대", "올드팝", "신곡", "여자보컬",
	"남자보컬", "저녁", "주말", "하루", "일상", "플레이리스트", "듣기좋은", "취향저격", "좋은노래",
};
static const char *const rare_first[] = {
	"나만의", "우리동네", "엄마가좋아하는", "고양이와듣는", "옥상에서", "기차안", "첫차", "막차", "편의점앞", "자전거탄", "창밖", "낡은", "초록", "노을진", "한강",
	"제주", "골목길", "캠핑장", "베란다", "토요일밤",
};
static const char *const rare_last[] = {"감성", "노래", "멜로디", "이야기", "풍경", "산책곡", "기록", "온도", "리듬", "취향"};
static const char *const song_words[] = {
	"푸른", "느린", "작은", "먼", "하얀", "마지막", "첫", "조용한", "빛나는", "흐르는", "걷는", "숨은", "파도", "창문", "골목", "계절", "편지", "등대", "정류장",
	"그림자", "숲길", "소풍", "별자리", "종이배",
};

struct range {
	size_t first, end;
};

struct shop {
	const struct drawn_playlists *wish;
	struct range cells[CELLS];
	double *sum;   /* [songs + 1]: popularity of the songs before this one */
	size_t *id;    /* [songs]: what the song is called outside */
	size_t *at_id; /* the other way */
	struct rng rng;
	struct drawn_playlists_counts counts;
};

struct drawn_playlist {
	int mood, second, genre;
	const char *tags[MAX_TAGS];
	char rare[MAX_TAGS][64];
	size_t n_tags, songs[MAX_SONGS], n_songs;
	long likes;
	bool untitled;
};

static size_t pick(struct rng *rng, const double *weight, size_t count)
{
	double sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += weight[i];
	double left = rng_unit(rng) * sum;
	for (size_t i = 0; i + 1 < count; i++)
		if ((left -= weight[i]) < 0)
			return i;
	return count - 1;
}

/* ---- songs ---- */

static int open_shop(struct shop *shop, struct err *err)
{
	size_t songs = shop->wish->songs, first = 0;
	double weight[CELLS], all = 0, before = 0;

	if (!(shop->sum = mem_alloc(songs + 1, sizeof *shop->sum, err)) ||
	    !(shop->id = mem_alloc(songs, sizeof *shop->id, err)) ||
	    !(shop->at_id = mem_alloc(songs, sizeof *shop->at_id, err)))
		return ERR_MEMORY;
	for (size_t c = 0; c < CELLS; c++)
		all += weight[c] = mood_weight[c / GENRES] * (genre_weight[c / GENRES][c % GENRES] + 0.3);
	for (size_t c = 0; c < CELLS; c++) {
		before += weight[c];
		shop->cells[c] = (struct range){first, c + 1 == CELLS ? songs : (size_t)((double)songs * before / all)};
		first = shop->cells[c].end;
	}
	rng_seed(&shop->rng, shop->wish->seed, "sample.songs", 0);
	for (size_t s = 0; s < songs; s++) {
		shop->sum[s + 1] = shop->sum[s] + exp(1.4 * rng_normal(&shop->rng));
		shop->id[s] = s;
	}
	rng_shuffle(&shop->rng, shop->id, songs);
	for (size_t s = 0; s < songs; s++)
		shop->at_id[shop->id[s]] = s;
	return OK;
}

static void close_shop(struct shop *shop)
{
	free(shop->sum);
	free(shop->id);
	free(shop->at_id);
}

/* A song of the range by its popularity; the range is not empty. */
static size_t draw_song(struct shop *shop, struct range range)
{
	double at = rng_range(&shop->rng, shop->sum[range.first], shop->sum[range.end]);
	size_t low = range.first, high = range.end;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		if (shop->sum[middle] <= at)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* Mostly this mood and genre, then the mood, then the genre in any mood, then whatever is popular. */
static struct range draw_range(struct shop *shop, const struct drawn_playlist *p)
{
	double share = rng_unit(&shop->rng);
	int mood = p->second >= 0 && rng_unit(&shop->rng) < 0.3 ? p->second : p->mood;

	if (share < 0.50)
		return shop->cells[mood * GENRES + p->genre];
	if (share < 0.75)
		return (struct range){shop->cells[mood * GENRES].first, shop->cells[mood * GENRES + GENRES - 1].end};
	if (share < 0.88)
		return shop->cells[rng_below(&shop->rng, MOODS) * GENRES + (size_t)p->genre];
	return (struct range){0, shop->wish->songs};
}

static bool has_song(const struct drawn_playlist *p, size_t song)
{
	for (size_t i = 0; i < p->n_songs; i++)
		if (p->songs[i] == song)
			return true;
	return false;
}

static void draw_songs(struct shop *shop, struct drawn_playlist *p)
{
	double length = exp(3.1 + 0.7 * rng_normal(&shop->rng));
	size_t want = rng_unit(&shop->rng) < 0.01 ? 0 : length < 4 ? 4 : length > MAX_SONGS ? MAX_SONGS : (size_t)length;

	/* A narrow mood can run out of songs: then the playlist is shorter. */
	for (size_t tries = 20 * want; tries > 0 && p->n_songs < want; tries--) {
		struct range range = draw_range(shop, p);
		size_t song = range.first < range.end ? draw_song(shop, range) : 0;
		if (range.first < range.end && !has_song(p, song))
			p->songs[p->n_songs++] = song;
	}
}

/* ---- tags ---- */

static const char *draw_tag(struct shop *shop, struct drawn_playlist *p, size_t number)
{
	struct rng *rng = &shop->rng;
	double share = rng_unit(rng), zipf[MOOD_TAGS];

	for (size_t i = 0; i < MOOD_TAGS; i++)
		zipf[i] = 1 / pow((double)i + 1, 0.7);
	if (share < 0.58)
		return mood_tags[p->mood][pick(rng, zipf, MOOD_TAGS)];
	if (share < 0.70 && p->second >= 0)
		return mood_tags[p->second][pick(rng, zipf, MOOD_TAGS)];
	if (share < 0.84)
		return genre_tags[p->genre][pick(rng, zipf, GENRE_TAGS)];
	if (share < 0.94)
		return general_tags[rng_below(rng, ARRAY_COUNT(general_tags))];
	snprintf(p->rare[number], sizeof p->rare[number], "%s%s", rare_first[rng_below(rng, ARRAY_COUNT(rare_first))],
	         rare_last[rng_below(rng, ARRAY_COUNT(rare_last))]);
	return p->rare[number];
}

static bool has_tag(const struct drawn_playlist *p, const char *tag)
{
	for (size_t i = 0; i < p->n_tags; i++)
		if (!strcmp(p->tags[i], tag))
			return true;
	return false;
}

static void draw_tags(struct shop *shop, struct drawn_playlist *p)
{
	size_t want = rng_unit(&shop->rng) < 0.04 ? 0 : 1;

	while (want > 0 && want < MAX_TAGS && rng_unit(&shop->rng) < 0.78)
		want++;
	for (size_t tries = 4 * want; tries > 0 && p->n_tags < want; tries--) {
		const char *tag = draw_tag(shop, p, p->n_tags);
		if (!has_tag(p, tag))
			p->tags[p->n_tags++] = tag;
	}
}

static void draw_playlist(struct shop *shop, size_t number, struct drawn_playlist *out)
{
	struct drawn_playlist p = {.second = -1};
	struct rng *rng = &shop->rng;

	rng_seed(rng, shop->wish->seed, "sample.playlist", number);
	p.mood = (int)pick(rng, mood_weight, MOODS);
	p.genre = (int)pick(rng, genre_weight[p.mood], GENRES);
	if (rng_unit(rng) < 0.35)
		p.second = near_moods[p.mood][rng_below(rng, 2)];
	p.likes = (long)exp(1.9 + 1.6 * rng_normal(rng));
	p.untitled = rng_unit(rng) < 0.03;
	*out = p;
	draw_tags(shop, out);
	draw_songs(shop, out);
}

/* ---- writing; no text above needs escaping in JSON ---- */

static void write_title(FILE *stream, const struct drawn_playlist *p, size_t number)
{
	const char *mood = mood_tags[p->mood][number % 4], *genre = genre_tags[p->genre][number / 4 % 2];

	if (p->untitled)
		return;
	switch (number % 5) {
	case 0:
		fprintf(stream, "%s %s 모음", mood, genre);
		break;
	case 1:
		fprintf(stream, "%s, 그리고 %s", mood, genre);
		break;
	case 2:
		fprintf(stream, "%s 때 듣는 %s", mood, genre);
		break;
	default:
		fprintf(stream, "오늘은 %s %s", mood, genre);
		break;
	}
}

static void write_playlist(struct shop *shop, FILE *stream, const struct drawn_playlist *p, size_t number)
{
	struct rng *rng = &shop->rng;

	fprintf(stream, "%s{\"id\": %zu, \"plylst_title\": \"", number ? ",\n" : "", number + 1);
	write_title(stream, p, number);
	fputs("\", \"tags\": [", stream);
	for (size_t i = 0; i < p->n_tags; i++)
		fprintf(stream, "%s\"%s\"", i ? ", " : "", p->tags[i]);
	fputs("], \"songs\": [", stream);
	for (size_t i = 0; i < p->n_songs; i++)
		fprintf(stream, "%s%zu", i ? ", " : "", shop->id[p->songs[i]]);
	fprintf(stream, "], \"like_cnt\": %ld, \"updt_date\": \"%d-%02d-%02d %02d:%02d:%02d.000\"}", p->likes,
	        2014 + (int)rng_below(rng, 7), 1 + (int)rng_below(rng, 12), 1 + (int)rng_below(rng, 28),
	        (int)rng_below(rng, 24), (int)rng_below(rng, 60), (int)rng_below(rng, 60));
	shop->counts.tags += p->n_tags;
	shop->counts.songs += p->n_songs;
}

static int save_playlists(struct shop *shop, const char *path, struct err *err)
{
	struct out_file file = {0};
	struct drawn_playlist p;
	int code = out_open(&file, path, err);

	if (code != OK)
		return code;
	fputs("[", file.stream);
	for (size_t i = 0; i < shop->wish->playlists && code == OK; i++) {
		draw_playlist(shop, i, &p);
		write_playlist(shop, file.stream, &p, i);
		if (i % 256 == 255)
			code = stop_check("drawing playlists", err);
	}
	fputs("]\n", file.stream);
	if (code == OK)
		return out_commit(&file, err);
	out_discard(&file);
	return code;
}

static size_t cell_of(const struct shop *shop, size_t song)
{
	size_t c = 0;

	while (song >= shop->cells[c].end)
		c++;
	return c;
}

static int save_meta(struct shop *shop, const char *path, struct err *err)
{
	struct out_file file = {0};
	int code = out_open(&file, path, err);

	if (code != OK)
		return code;
	fputs("[", file.stream);
	for (size_t id = 0; id < shop->wish->songs; id++) {
		size_t words = ARRAY_COUNT(song_words), cell = cell_of(shop, shop->at_id[id]);
		rng_seed(&shop->rng, shop->wish->seed, "sample.meta", id);
		const char *first = song_words[rng_below(&shop->rng, words / 2)],
		           *last = song_words[words / 2 + rng_below(&shop->rng, words / 2)];
		size_t artist = cell * 16 + rng_below(&shop->rng, 16) + 1, album = artist * 4 + rng_below(&shop->rng, 4);
		fprintf(file.stream,
		        "%s{\"id\": %zu, \"song_name\": \"%s %s (가상곡 %zu)\", \"album_id\": %zu, \"album_name\": \"가상앨범 %zu\", "
		        "\"artist_name_basket\": "
		        "[\"가상가수 %zu호\"], \"song_gn_gnr_basket\": [\"GN%02zu00\"], \"issue_date\": \"%d%02d01\"}",
		        id ? ",\n" : "", id, first, last, id, album, album, artist, cell % GENRES + 1,
		        1995 + (int)rng_below(&shop->rng, 25), 1 + (int)rng_below(&shop->rng, 12));
	}
	fputs("]\n", file.stream);
	return out_commit(&file, err);
}

int drawn_playlists_save(const char *playlists_path, const char *meta_path, const struct drawn_playlists *wish,
                         struct drawn_playlists_counts *counts, struct err *err)
{
	struct shop shop = {.wish = wish};
	int code;

	if (wish->playlists < 1 || wish->songs < CELLS)
		return err_set(err, ERR_SETTINGS, "drawn playlists: %zu playlists of %zu songs; at least 1 of %d are needed",
		               wish->playlists, wish->songs, CELLS);
	code = open_shop(&shop, err);
	if (code == OK)
		code = save_playlists(&shop, playlists_path, err);
	if (code == OK)
		code = save_meta(&shop, meta_path, err);
	if (code == OK)
		*counts = shop.counts;
	close_shop(&shop);
	return code;
}
