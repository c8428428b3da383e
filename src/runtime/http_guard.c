#include "runtime/http_internal.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int listen_parse(const char *text, char *host, size_t host_size, unsigned *port, struct err *err)
{
	const char *colon = strrchr(text, ':');
	char *end = NULL;
	unsigned long number = colon ? strtoul(colon + 1, &end, 10) : 0;
	if (!colon || colon == text || !isdigit((unsigned char)colon[1]) || *end || number > 65535)
		return err_set(err, ERR_SETTINGS, "--listen %s: not ADDRESS:PORT, as in 127.0.0.1:8080 or [::1]:8080", text);
	const char *start = text;
	size_t length = (size_t)(colon - text);
	if (text[0] == '[') {
		if (colon[-1] != ']')
			return err_set(err, ERR_SETTINGS, "--listen %s: the bracket is not closed", text);
		start++;
		length -= 2;
	}
	if (length == 0 || length >= host_size)
		return err_set(err, ERR_SETTINGS, "--listen %s: no address in it", text);
	memcpy(host, start, length);
	host[length] = '\0';
	*port = (unsigned)number;
	return OK;
}

bool host_is_loopback(const char *host)
{
	struct in_addr v4;
	if (inet_pton(AF_INET, host, &v4) == 1)
		return (ntohl(v4.s_addr) >> 24) == 127;
	return strcasecmp(host, "localhost") == 0 || strcmp(host, "::1") == 0;
}

bool session_name_valid(const char *name)
{
	size_t length = strlen(name);
	if (length == 0 || length > HTTP_SESSION_NAME)
		return false;
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)name[i]) && name[i] != '-' && name[i] != '_')
			return false;
	return true;
}

/* The name of a Host header without its port; false when it is no host. */
static bool host_name(const char *header, char *name, size_t size)
{
	const char *end;
	if (header[0] == '[') {
		end = strchr(++header, ']');
		if (!end || (end[1] && end[1] != ':'))
			return false;
	} else {
		end = header + strcspn(header, ":");
	}
	size_t length = (size_t)(end - header);
	if (length == 0 || length >= size)
		return false;
	memcpy(name, header, length);
	name[length] = '\0';
	const char *port = *end == ']' ? end + 1 : end;
	if (*port && (port[1] == '\0' || strspn(port + 1, "0123456789") != strlen(port + 1)))
		return false;
	return true;
}

/* A page of another site can be made to reach this address under its own name (DNS rebinding): so a name that is
 * neither loopback nor the bound address is refused. With remote access any numeric address is good, for those cannot
 * be rebound. */
static bool host_allowed(const struct guard_facts *facts)
{
	char name[256];
	unsigned char address[16];
	if (!host_name(facts->host, name, sizeof(name)))
		return false;
	if (host_is_loopback(name) || strcasecmp(name, facts->listen_host) == 0)
		return true;
	return facts->remote && (inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1);
}

static bool same_origin(const char *origin, const char *host)
{
	const char *rest = strncmp(origin, "http://", 7) == 0    ? origin + 7
	                   : strncmp(origin, "https://", 8) == 0 ? origin + 8
	                                                         : NULL;
	return rest && strcasecmp(rest, host) == 0;
}

static bool same_token(const char *a, const char *b)
{
	size_t length = strlen(b);
	if (strlen(a) != length)
		return false;
	unsigned difference = 0;
	for (size_t i = 0; i < length; i++)
		difference |= (unsigned char)(a[i] ^ b[i]);
	return difference == 0;
}

const char *framing_check(const struct framing_facts *facts)
{
	if (facts->hosts > 1)
		return "the request has more than one Host header";
	if (facts->lengths > 1 || facts->encodings > 1)
		return "the request says more than once how long it is";
	if (facts->lengths && facts->encodings)
		return "the request has both a Content-Length and a Transfer-Encoding";
	return NULL;
}

unsigned guard_check(const struct guard_facts *facts, const char **why)
{
	if (!facts->host) {
		*why = "the request has no Host header";
		return MHD_HTTP_BAD_REQUEST;
	}
	if (!host_allowed(facts)) {
		*why = "this server does not answer to that host name; use its address";
		return MHD_HTTP_MISDIRECTED_REQUEST;
	}
	if (facts->origin && !same_origin(facts->origin, facts->host)) {
		*why = "requests from another site are refused";
		return MHD_HTTP_FORBIDDEN;
	}
	if (facts->api && facts->fetch_site && strcmp(facts->fetch_site, "cross-site") == 0) {
		*why = "requests from another site are refused";
		return MHD_HTTP_FORBIDDEN;
	}
	if (facts->token && !same_token(facts->token, facts->own_token)) {
		*why = "the token is not of this start of the server; load the page again";
		return MHD_HTTP_FORBIDDEN;
	}
	/* Browsers put Origin on every POST: there the token is a must. A program on this machine could read it from the
	 * page anyway, so without Origin and on loopback it may be left out. */
	if (facts->post && !facts->token && (facts->origin || facts->remote)) {
		*why = "the header X-Moodcast-Token with the page's token is missing";
		return MHD_HTTP_FORBIDDEN;
	}
	return 0;
}
