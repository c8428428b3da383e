/*
 * A Video4Linux2 camera for tests, loaded with LD_PRELOAD: open("/dev/video0") gives a memfd, ioctl answers as a driver
 * does. FAKE_CAMERA=yuyv, nv12 and grey offer only that format, with padded rows; =mjpg hands out the JPEG named by
 * FAKE_CAMERA_JPEG; =unplug is gone (ENODEV) after five frames and back at the next open; =busy refuses the format;
 * =none cannot capture.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define WIDTH 320
#define HEIGHT 240
#define STRIDE (WIDTH * 2 + 64)
#define ROOM 524288

static int memory_fd = -1, camera_fd = -1, next_buffer, given, queued;
static size_t jpeg_size;
static unsigned char jpeg_bytes[ROOM];

static int mode_is(const char *name)
{
	const char *mode = getenv("FAKE_CAMERA");
	return mode && strcmp(mode, name) == 0;
}

/* A bright square on black, without colour. */
static void draw(unsigned char *memory)
{
	int step = mode_is("nv12") || mode_is("grey") ? 1 : 2;
	memset(memory, 128, ROOM);
	for (int y = 0; y < HEIGHT; y++)
		for (int x = 0; x < WIDTH; x++) {
			int inside = abs(x - WIDTH / 2) < 50 && abs(y - HEIGHT / 2) < 50;
			memory[y * STRIDE + step * x] = inside ? 235 : 16;
		}
}

/* Made when the library is loaded, since a server that has started may make no file any more. */
__attribute__((constructor)) static void make_camera(void)
{
	memory_fd = memfd_create("camera", MFD_CLOEXEC);
	if (memory_fd < 0 || ftruncate(memory_fd, 4 * ROOM) != 0)
		return;
	unsigned char *all = mmap(NULL, 4 * ROOM, PROT_READ | PROT_WRITE, MAP_SHARED, memory_fd, 0);
	const char *path = getenv("FAKE_CAMERA_JPEG");
	FILE *file = mode_is("mjpg") && path ? fopen(path, "rb") : NULL;
	jpeg_size = file ? fread(jpeg_bytes, 1, ROOM, file) : 0;
	if (file)
		fclose(file);
	for (int i = 0; i < 4; i++) {
		if (jpeg_size)
			memcpy(all + i * ROOM, jpeg_bytes, jpeg_size);
		else
			draw(all + i * ROOM);
	}
	munmap(all, 4 * ROOM);
}

static int open_camera(void)
{
	next_buffer = given = queued = 0;
	camera_fd = fcntl(memory_fd, F_DUPFD_CLOEXEC, 0);
	return camera_fd;
}

int open(const char *path, int flags, ...)
{
	va_list arguments;
	va_start(arguments, flags);
	int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, int) : 0;
	va_end(arguments);
	if (strcmp(path, "/dev/video0") == 0)
		return open_camera();
	int (*real)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
	return real(path, flags, mode);
}

static int fail(int code)
{
	errno = code;
	return -1;
}

static int dequeue(struct v4l2_buffer *buffer)
{
	if (mode_is("unplug") && given >= 5)
		return fail(ENODEV);
	if (queued == 0)
		return fail(EAGAIN);
	usleep(20000);
	queued--;
	given++;
	buffer->index = (unsigned)(next_buffer++ % 4);
	buffer->bytesused = (unsigned)(jpeg_size ? jpeg_size : STRIDE * HEIGHT * (mode_is("nv12") ? 3 : 2) / 2);
	/* One frame at a time: a second call finds nothing ready. */
	static int ready;
	ready = !ready;
	if (!ready) {
		queued++;
		given--;
		next_buffer--;
		return fail(EAGAIN);
	}
	return 0;
}

static int negotiate(struct v4l2_format *format)
{
	if (mode_is("busy"))
		return fail(EBUSY);
	unsigned own = mode_is("mjpg")   ? V4L2_PIX_FMT_MJPEG
	               : mode_is("nv12") ? V4L2_PIX_FMT_NV12
	               : mode_is("grey") ? V4L2_PIX_FMT_GREY
	                                 : V4L2_PIX_FMT_YUYV;
	format->fmt.pix.pixelformat = own;
	format->fmt.pix.width = WIDTH;
	format->fmt.pix.height = HEIGHT;
	format->fmt.pix.bytesperline = own == V4L2_PIX_FMT_MJPEG ? 0 : STRIDE;
	return 0;
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list arguments;
	va_start(arguments, request);
	void *argument = va_arg(arguments, void *);
	va_end(arguments);
	if (fd != camera_fd || camera_fd < 0) {
		int (*real)(int, unsigned long, ...) = (int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl");
		return real(fd, request, argument);
	}
	struct v4l2_buffer *buffer = argument;
	switch (request) {
	case VIDIOC_QUERYCAP:
		((struct v4l2_capability *)argument)->capabilities =
		    mode_is("none") ? V4L2_CAP_VIDEO_OUTPUT : V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
		return 0;
	case VIDIOC_S_FMT:
		return negotiate(argument);
	case VIDIOC_REQBUFS:
		((struct v4l2_requestbuffers *)argument)->count = 4;
		return 0;
	case VIDIOC_QUERYBUF:
		buffer->length = ROOM;
		buffer->m.offset = buffer->index * ROOM;
		return 0;
	case VIDIOC_QBUF:
		queued++;
		return 0;
	case VIDIOC_DQBUF:
		return dequeue(buffer);
	case VIDIOC_STREAMON:
	case VIDIOC_STREAMOFF:
		return 0;
	default:
		return fail(ENOTTY);
	}
}
