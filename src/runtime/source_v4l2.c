#include "runtime/source_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* A camera by Video4Linux2 with plain open, ioctl and mmap. The newest filled buffer is taken and older ones are given
 * back unread, so a slow reader never sees an old picture. */

#define CAMERA_BUFFERS 4
#define CAMERA_WIDTH 640
#define CAMERA_HEIGHT 480

struct camera_buffer {
	void *start;
	size_t length;
};
struct camera {
	int fd;
	uint32_t format;
	size_t width, height, stride;
	struct camera_buffer buffers[CAMERA_BUFFERS];
	uint32_t n_buffers;
	bool streams;
};

static int camera_ioctl(int fd, unsigned long request, void *argument)
{
	int result;
	do
		result = ioctl(fd, request, argument);
	while (result < 0 && errno == EINTR);
	return result;
}

static int camera_check(struct source *source, struct camera *camera, struct err *err)
{
	struct v4l2_capability capability = {0};
	if (camera_ioctl(camera->fd, VIDIOC_QUERYCAP, &capability) < 0)
		return err_errno(err, "%s: no Video4Linux device", source->name);
	uint32_t can = capability.capabilities & V4L2_CAP_DEVICE_CAPS ? capability.device_caps : capability.capabilities;
	if (!(can & V4L2_CAP_VIDEO_CAPTURE) || !(can & V4L2_CAP_STREAMING))
		return err_set(err, ERR_IO,
		               "%s: this device does not capture video (many cameras have a second, lesser device)",
		               source->name);
	return OK;
}

/* Bytes of the pixels of one row of the first plane. */
static size_t row_bytes(uint32_t format, size_t width)
{
	if (format == V4L2_PIX_FMT_YUYV)
		return (width + 1) / 2 * 4;
	return format == V4L2_PIX_FMT_NV12 ? (width + 1) / 2 * 2 : width;
}

/* The driver may answer with another size or format than was asked for; what it says holds. */
static int camera_negotiate(struct source *source, struct camera *camera, struct err *err)
{
	static const uint32_t wanted[] = {V4L2_PIX_FMT_MJPEG, V4L2_PIX_FMT_YUYV, V4L2_PIX_FMT_NV12, V4L2_PIX_FMT_GREY};
	for (size_t i = 0; i < ARRAY_COUNT(wanted); i++) {
		struct v4l2_format format = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE};
		format.fmt.pix.width = CAMERA_WIDTH;
		format.fmt.pix.height = CAMERA_HEIGHT;
		format.fmt.pix.pixelformat = wanted[i];
		format.fmt.pix.field = V4L2_FIELD_ANY;
		if (camera_ioctl(camera->fd, VIDIOC_S_FMT, &format) < 0) {
			if (errno == EBUSY)
				return err_set(err, ERR_IO, "%s: another program uses the camera", source->name);
			continue;
		}
		if (format.fmt.pix.pixelformat != wanted[i])
			continue;
		camera->format = wanted[i];
		camera->width = format.fmt.pix.width;
		camera->height = format.fmt.pix.height;
		size_t least = row_bytes(wanted[i], camera->width);
		camera->stride = format.fmt.pix.bytesperline < least ? least : format.fmt.pix.bytesperline;
		if (camera->width - 1 < SOURCE_MAX_SIDE && camera->height - 1 < SOURCE_MAX_SIDE)
			return OK;
	}
	return err_set(err, ERR_IO, "%s: the camera offers none of MJPG, YUYV, NV12 and GREY", source->name);
}

static int camera_map(struct source *source, struct camera *camera, struct err *err)
{
	struct v4l2_requestbuffers request = {
	    .count = CAMERA_BUFFERS, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP};
	if (camera_ioctl(camera->fd, VIDIOC_REQBUFS, &request) < 0)
		return err_errno(err, "%s: no buffers", source->name);
	uint32_t count = request.count < CAMERA_BUFFERS ? request.count : CAMERA_BUFFERS;
	if (count == 0)
		return err_set(err, ERR_IO, "%s: the driver gives no buffers", source->name);
	for (uint32_t i = 0; i < count; i++) {
		struct v4l2_buffer buffer = {.index = i, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP};
		if (camera_ioctl(camera->fd, VIDIOC_QUERYBUF, &buffer) < 0)
			return err_errno(err, "%s: buffer %u", source->name, i);
		void *start = mmap(NULL, buffer.length, PROT_READ | PROT_WRITE, MAP_SHARED, camera->fd, buffer.m.offset);
		if (start == MAP_FAILED)
			return err_errno(err, "%s: buffer %u", source->name, i);
		camera->buffers[camera->n_buffers++] = (struct camera_buffer){start, buffer.length};
		if (camera_ioctl(camera->fd, VIDIOC_QBUF, &buffer) < 0)
			return err_errno(err, "%s: buffer %u", source->name, i);
	}
	int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
	if (camera_ioctl(camera->fd, VIDIOC_STREAMON, &type) < 0)
		return err_errno(err, "%s: the camera does not start", source->name);
	camera->streams = true;
	return OK;
}

/* 1 with a filled buffer, 0 when none is ready, −1 with *err. */
static int camera_take(struct source *source, struct camera *camera, struct v4l2_buffer *out, struct err *err)
{
	*out = (struct v4l2_buffer){.type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP};
	if (camera_ioctl(camera->fd, VIDIOC_DQBUF, out) == 0)
		return out->index < camera->n_buffers ? 1 : (err_set(err, ERR_IO, "%s: an unknown buffer", source->name), -1);
	if (errno == EAGAIN)
		return 0;
	if (errno == ENODEV)
		err_set(err, ERR_IO, "%s: the camera was unplugged", source->name);
	else
		err_errno(err, "%s", source->name);
	return -1;
}

static int camera_decode(struct source *source, const struct camera *camera, const struct v4l2_buffer *buffer,
                         struct image *out, struct err *err)
{
	const struct camera_buffer *memory = &camera->buffers[buffer->index];
	size_t used = buffer->bytesused < memory->length ? buffer->bytesused : memory->length;
	if (camera->format == V4L2_PIX_FMT_MJPEG)
		return image_decode(out, memory->start, used, 3, source->name, err);
	size_t rows = camera->format == V4L2_PIX_FMT_NV12 ? camera->height + (camera->height + 1) / 2 : camera->height;
	if (used < camera->stride * (rows - 1) + row_bytes(camera->format, camera->width))
		return err_set(err, ERR_DATA, "%s: a frame is cut off", source->name);
	int code = image_new(out, camera->width, camera->height, 3, err);
	if (code != OK)
		return code;
	if (camera->format == V4L2_PIX_FMT_YUYV)
		yuyv_to_rgb(memory->start, camera->stride, camera->width, camera->height, out->pixels);
	else if (camera->format == V4L2_PIX_FMT_NV12)
		nv12_to_rgb(memory->start, camera->stride, camera->width, camera->height, out->pixels);
	else
		grey_to_rgb(memory->start, camera->stride, camera->width, camera->height, out->pixels);
	return OK;
}

/* Waits for a frame, then skips to the newest one. */
static int camera_newest(struct source *source, struct camera *camera, struct v4l2_buffer *out, bool *end,
                         struct err *err)
{
	int taken = 0;
	while (taken == 0) {
		int ready = source_wait(source, camera->fd);
		if (ready < 0)
			return err_errno(err, "%s", source->name);
		*end = ready == 0;
		if (*end)
			return OK;
		taken = camera_take(source, camera, out, err);
	}
	struct v4l2_buffer newer;
	while (taken > 0 && (taken = camera_take(source, camera, &newer, err)) > 0) {
		if (camera_ioctl(camera->fd, VIDIOC_QBUF, out) < 0)
			return err_errno(err, "%s", source->name);
		*out = newer;
	}
	return taken < 0 ? err->code : OK;
}

static int camera_next(struct source *source, struct image *out, bool *end, struct err *err)
{
	struct camera *camera = source->state;
	for (;;) {
		struct v4l2_buffer buffer;
		struct err own = {0};
		int code = camera_newest(source, camera, &buffer, end, err);
		if (code != OK || *end)
			return code;
		int decoded = camera_decode(source, camera, &buffer, out, &own);
		if (camera_ioctl(camera->fd, VIDIOC_QBUF, &buffer) < 0) {
			image_free(out);
			return err_errno(err, "%s", source->name);
		}
		if (decoded == OK)
			return OK;
		if (decoded == ERR_MEMORY)
			return err_set(err, decoded, "%s", own.text);
		source->skipped++;
	}
}

static void camera_close(struct source *source)
{
	struct camera *camera = source->state;
	int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
	if (camera->streams)
		camera_ioctl(camera->fd, VIDIOC_STREAMOFF, &type);
	for (uint32_t i = 0; i < camera->n_buffers; i++)
		munmap(camera->buffers[i].start, camera->buffers[i].length);
	if (camera->fd >= 0)
		close(camera->fd);
	free(camera);
}

int source_open_v4l2(struct source *source, struct err *err)
{
	static const struct source_kind kind = {camera_next, NULL, camera_close};
	struct camera *camera = mem_alloc(1, sizeof(*camera), err);
	if (!camera)
		return err->code;
	source->state = camera;
	source->kind = &kind;
	camera->fd = open(source->name, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (camera->fd < 0)
		return err_errno(err, "%s", source->name);
	int code = camera_check(source, camera, err);
	if (code == OK)
		code = camera_negotiate(source, camera, err);
	return code == OK ? camera_map(source, camera, err) : code;
}
