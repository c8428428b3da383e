#include "runtime/http_internal.h"

#include <string.h>

/* The page's files, put into the program by the assembler as they are (paths from the top of the tree, where make
 * runs). */
#define EMBED(symbol, file)                                                                                            \
	__asm__(".pushsection .rodata,\"a\",@progbits\n"                                                                   \
	        ".hidden page_" #symbol "\n.global page_" #symbol "\npage_" #symbol ":\n"                                  \
	        ".incbin \"src/runtime/page/" file "\"\n"                                                                  \
	        ".hidden page_" #symbol "_end\n.global page_" #symbol "_end\npage_" #symbol "_end:\n"                      \
	        ".byte 0\n.popsection\n");                                                                                 \
	extern const char page_##symbol[], page_##symbol##_end[]

EMBED(index, "index.html");
EMBED(app, "app.js");
EMBED(camera, "camera.js");
EMBED(texts, "texts.js");
EMBED(style, "style.css");
EMBED(icon, "icon.svg");
EMBED(context, "context.json");

static const struct asset assets[] = {
    {"/index.html", "text/html; charset=utf-8", page_index, page_index_end},
    {"/app.js", "text/javascript; charset=utf-8", page_app, page_app_end},
    {"/camera.js", "text/javascript; charset=utf-8", page_camera, page_camera_end},
    {"/texts.js", "text/javascript; charset=utf-8", page_texts, page_texts_end},
    {"/style.css", "text/css; charset=utf-8", page_style, page_style_end},
    {"/icon.svg", "image/svg+xml", page_icon, page_icon_end},
    {"/context.json", "application/json; charset=utf-8", page_context, page_context_end},
};

const struct asset *asset_find(const char *path)
{
	for (size_t i = 0; i < ARRAY_COUNT(assets); i++)
		if (strcmp(assets[i].path, path) == 0)
			return &assets[i];
	return NULL;
}
