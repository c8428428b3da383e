/* Which libraries read and write here, for the records of a run. */
#include <archive.h>
#include <cairo.h>
#include <hdf5.h>
#include <pango/pango.h>
#include <png.h>
#include <zlib.h>

#include "io/io.h"

void io_libraries(struct strbuf *out)
{
	unsigned major = 0, minor = 0, release = 0;

	if (H5get_libversion(&major, &minor, &release) < 0)
		major = 0;
	strbuf_format(out, "HDF5 %u.%u.%u, %s, zlib %s, libpng %s, cairo %s, pango %s", major, minor, release,
	              archive_version_string(), zlibVersion(), png_get_libpng_ver(NULL),
	              cairo_version_string(), pango_version_string());
}
