/*
 * One self-contained HTML file: no request leaves it, no script runs in it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/report_internal.h"

void html_escape(struct strbuf *out, const char *text)
{
	for (; *text; text++) {
		const char *entity = *text == '&'    ? "&amp;"
		                     : *text == '<'  ? "&lt;"
		                     : *text == '>'  ? "&gt;"
		                     : *text == '"'  ? "&quot;"
		                     : *text == '\'' ? "&#39;"
		                                     : NULL;
		if (entity)
			strbuf_add(out, entity);
		else
			strbuf_add_bytes(out, text, 1);
	}
}

/* <tag>escaped text</tag> */
static void add_element(struct page *page, const char *tag, const char *text)
{
	strbuf_format(&page->body, "<%s>", tag);
	html_escape(&page->body, text);
	strbuf_format(&page->body, "</%.*s>\n", (int)strcspn(tag, " "), tag);
}

void page_section(struct page *page, const char *id, const char *title)
{
	strbuf_add(&page->body, "<h2 id=\"");
	html_escape(&page->body, id);
	strbuf_add(&page->body, "\">");
	html_escape(&page->body, title);
	strbuf_add(&page->body, "</h2>\n");
}

void page_heading(struct page *page, const char *title)
{
	add_element(page, "h3", title);
}

void page_paragraph(struct page *page, const char *fmt, ...)
{
	struct err err = {0};
	va_list args;
	char *text;
	int length;

	va_start(args, fmt);
	length = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	text = length < 0 ? NULL : mem_alloc((size_t)length + 1, 1, &err);
	if (!text) {
		page->body.failed = true;
		return;
	}
	va_start(args, fmt);
	vsnprintf(text, (size_t)length + 1, fmt, args);
	va_end(args);
	add_element(page, "p", text);
	free(text);
}

void page_warning(struct page *page, const char *text)
{
	add_element(page, "p class=\"warning\"", text);
}

void page_list_start(struct page *page)
{
	strbuf_add(&page->body, "<ul>\n");
}

void page_list_item(struct page *page, const char *text)
{
	add_element(page, "li", text);
}

void page_list_end(struct page *page)
{
	strbuf_add(&page->body, "</ul>\n");
}

void page_tiles_start(struct page *page)
{
	strbuf_add(&page->body, "<div class=\"tiles\">\n");
}

void page_tile(struct page *page, const char *figure, const char *label, const char *note)
{
	strbuf_add(&page->body, "<div class=\"tile\">");
	add_element(page, "b", figure);
	add_element(page, "span", label);
	if (note)
		add_element(page, "small", note);
	strbuf_add(&page->body, "</div>\n");
}

void page_tiles_end(struct page *page)
{
	strbuf_add(&page->body, "</div>\n");
}

void page_table_start(struct page *page, const char *caption, const char *const *columns, size_t count)
{
	page->table_columns = count;
	page->number_columns = 0;
	strbuf_add(&page->body, "<div class=\"scroll\"><table>\n");
	if (caption)
		add_element(page, "caption", caption);
	strbuf_add(&page->body, "<thead><tr>");
	for (size_t i = 0; i < count; i++) {
		bool number = columns[i][0] == '#';
		page->number_columns |= number && i < 64 ? (uint64_t)1 << i : 0;
		add_element(page, number ? "th scope=\"col\" class=\"n\"" : "th scope=\"col\"", columns[i] + number);
	}
	strbuf_add(&page->body, "</tr></thead><tbody>\n");
}

static void table_row(struct page *page, const char *const *cells, bool strong)
{
	strbuf_add(&page->body, strong ? "<tr class=\"strong\">" : "<tr>");
	for (size_t i = 0; i < page->table_columns; i++) {
		if (i == 0)
			add_element(page, "th scope=\"row\"", cells[i]);
		else
			add_element(page, i < 64 && page->number_columns >> i & 1 ? "td class=\"n\"" : "td", cells[i]);
	}
	strbuf_add(&page->body, "</tr>\n");
}

void page_table_row(struct page *page, const char *const *cells)
{
	table_row(page, cells, false);
}

void page_table_row_strong(struct page *page, const char *const *cells)
{
	table_row(page, cells, true);
}

void page_table_end(struct page *page)
{
	strbuf_add(&page->body, "</tbody></table></div>\n");
}

void page_confusion(struct page *page, char *const *names, const double *counts, size_t n)
{
	strbuf_add(&page->body,
	           "<div class=\"scroll\"><table class=\"confusion\">\n<caption>True class (rows) against verdict "
	           "(columns), pictures</caption><thead><tr><td></td>");
	for (size_t c = 0; c < n; c++)
		add_element(page, "th scope=\"col\" class=\"n\"", names[c]);
	strbuf_add(&page->body, "</tr></thead><tbody>\n");
	for (size_t r = 0; r < n; r++) {
		double sum = 0;
		for (size_t c = 0; c < n; c++)
			sum += counts[r * n + c];
		strbuf_add(&page->body, "<tr>");
		add_element(page, "th scope=\"row\"", names[r]);
		for (size_t c = 0; c < n; c++) {
			double share = sum > 0 ? counts[r * n + c] / sum : 0;
			strbuf_format(&page->body, "<td class=\"n%s\" style=\"--share:%.0f%%\">%s<small>%s</small></td>",
			              r == c ? " hit" : "", 70 * share, show_count(counts[r * n + c]), show_share(share));
		}
		strbuf_add(&page->body, "</tr>\n");
	}
	page_table_end(page);
}

void page_figures_start(struct page *page)
{
	strbuf_add(&page->body, "<div class=\"figures\">\n");
}

int page_figure(struct page *page, const struct plot *plot, const char *caption, struct err *err)
{
	strbuf_add(&page->body, plot->large ? "<figure class=\"large\">" : "<figure>");
	if (plot_draw(plot, &page->body, err) != OK)
		return err->code;
	add_element(page, "figcaption", caption);
	strbuf_add(&page->body, "</figure>\n");
	return OK;
}

void page_figures_end(struct page *page)
{
	strbuf_add(&page->body, "</div>\n");
}

void page_pictures_start(struct page *page)
{
	strbuf_add(&page->body, "<div class=\"pictures\">\n");
}

int page_picture(struct page *page, const struct page_picture *picture, struct err *err)
{
	bool png = picture->size > 4 && memcmp(picture->bytes, "\x89PNG", 4) == 0;

	strbuf_add(&page->body, picture->large ? "<figure class=\"large\"><img alt=\"" : "<figure><img alt=\"");
	html_escape(&page->body, picture->alt);
	strbuf_format(&page->body, "\" src=\"data:image/%s;base64,", png ? "png" : "jpeg");
	strbuf_base64(&page->body, picture->bytes, picture->size);
	strbuf_add(&page->body, "\">");
	add_element(page, "figcaption", picture->caption);
	strbuf_add(&page->body, "</figure>\n");
	return strbuf_check(&page->body, err);
}

void page_pictures_end(struct page *page)
{
	strbuf_add(&page->body, "</div>\n");
}

void page_columns_start(struct page *page)
{
	strbuf_add(&page->body, "<div class=\"columns\">\n");
}

void page_columns_end(struct page *page)
{
	strbuf_add(&page->body, "</div>\n");
}

void page_html(struct page *page, const char *html)
{
	strbuf_add(&page->body, html);
}

/* Links to the sections, read back from the body, whose titles are escaped already. */
static void add_navigation(struct strbuf *out, const char *body)
{
	static const char mark[] = "<h2 id=\"";

	strbuf_add(out, "<nav>");
	for (const char *at = strstr(body, mark); at; at = strstr(at, mark)) {
		const char *id = at + strlen(mark), *title = strchr(id, '>'), *end = title ? strstr(title, "</h2>") : NULL;
		if (!end)
			break;
		strbuf_add(out, "<a href=\"#");
		strbuf_add_bytes(out, id, strcspn(id, "\""));
		strbuf_add(out, "\">");
		strbuf_add_bytes(out, title + 1, (size_t)(end - title - 1));
		strbuf_add(out, "</a> ");
		at = end;
	}
	strbuf_add(out, "</nav>\n");
}

int page_finish(const struct page *page, const char *title, const char *path, struct err *err)
{
	struct strbuf out = {0};
	int code = strbuf_check(&page->body, err);

	strbuf_add(&out,
	           "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
	           "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	           "<meta name=\"color-scheme\" content=\"light dark\">\n"
	           "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
	           "img-src data:\">\n<link rel=\"icon\" href=\"data:,\">\n<title>");
	html_escape(&out, title);
	strbuf_add(&out, "</title>\n<style>\n");
	strbuf_add(&out, page_style);
	strbuf_add(&out, "</style></head><body><main>\n<h1>");
	html_escape(&out, title);
	strbuf_add(&out, "</h1>\n");
	if (code == OK && page->body.text) {
		add_navigation(&out, page->body.text);
		strbuf_add_bytes(&out, page->body.text, page->body.length);
	}
	strbuf_add(&out, "</main></body></html>\n");
	if (code == OK)
		code = strbuf_check(&out, err);
	if (code == OK)
		code = file_write(path, out.text, out.length, err);
	strbuf_free(&out);
	return code;
}

void page_free(struct page *page)
{
	strbuf_free(&page->body);
	*page = (struct page){0};
}
