/* HDF5 files made and opened again, for the tests of what is in them. */
#ifndef MOODCAST_TESTS_HDF_FIXTURE_H
#define MOODCAST_TESTS_HDF_FIXTURE_H

#include "support/support.h"

#include "io/io.h"

static struct hdf_file *create(const char *path)
{
	struct err err = {0};
	struct hdf_file *file;
	assert_ok(hdf_create(&file, path, &err));
	return file;
}

static struct hdf_file *reopen(struct hdf_file *file, const char *path)
{
	struct err err = {0};
	struct hdf_file *back;
	assert_ok(hdf_commit(file, &err));
	assert_ok(hdf_open(&back, path, &err));
	return back;
}

#endif
