"""abuse.py URL SECONDS RATE PID: 200 clients at once, half of them slow or gone midway, some with 10 MB, garbage or 20,000 x 20,000 pixels, beside
RATE plain requests a second. Nothing but honest statuses may come back, and the plain requests must all be answered."""
import asyncio, collections, os, re, struct, sys, time, urllib.parse, zlib

url, seconds, rate, pid = urllib.parse.urlparse(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
host, port, end = url.hostname, url.port, time.monotonic() + float(sys.argv[2])
seen, bad, plain = collections.defaultdict(collections.Counter), [], []


def png(width, height, rows):
    part = lambda name, data: struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)) + part(b"IDAT", zlib.compress(rows)) + part(b"IEND", b"")


def huge_jpeg():
    frame = b"\xff\xd8\xff\xc0\x00\x0b\x08" + struct.pack(">HH", 20000, 20000) + b"\x01\x01\x11\x00"
    return frame + b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + os.urandom(3000)


face = png(160, 120, b"".join(b"\0" + bytes(255 if abs(x - 80) < 20 and abs(y - 60) < 20 else 0 for x in range(160)) for y in range(120)))
bodies = {
    "picture": (face, {200, 503}),
    "garbage": (b"\xff\xd8\xff\xe0" + os.urandom(20000), {400, 503}),
    "ten megabytes": (b"\xff\xd8" + bytes(10 << 20), {413}),
    "huge png": (png(20000, 20000, bytes(20001 * 40)), {413, 503}),
    "huge jpeg": (huge_jpeg(), {413, 503}),
}


def head(method, path, size):
    return f"{method} {path} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: {size}\r\n\r\n".encode()


async def answer(reader):
    line = await asyncio.wait_for(reader.readline(), 60)
    if not line:
        raise ConnectionError
    size, status = 0, int(line.split()[1])
    while (line := await reader.readline()) not in (b"\r\n", b""):
        if line.lower().startswith(b"content-length:"):
            size = int(line.split(b":")[1])
    await reader.readexactly(size)
    return status


async def patient(name, n):
    body, good = bodies[name]
    while time.monotonic() < end:
        try:
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(head("POST", "/api/analyze", len(body)) + body)
            status = await answer(reader)
            seen[name][status] += 1
            if status not in good:
                bad.append(f"{name}: {status}")
            writer.close()
        except (ConnectionError, asyncio.IncompleteReadError):
            seen[name]["broken off"] += 1
        await asyncio.sleep(0.05)


async def unreliable(n):
    while time.monotonic() < end:
        try:
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(head("POST", "/api/analyze", len(face)))
            for at in range(0, len(face) // 2, 20):
                writer.write(face[at:at + 20])
                await asyncio.sleep(0.02 * (n % 5))
            writer.transport.abort() if n % 2 else writer.close()
            seen["stopped midway"][""] += 1
        except ConnectionError:
            pass


async def steady(n, of):
    reader = writer = None
    due = time.monotonic()
    while time.monotonic() < end:
        due += of / rate
        await asyncio.sleep(max(0, due - time.monotonic()))
        start = time.monotonic()
        if writer is None:
            reader, writer = await asyncio.open_connection(host, port)
        writer.write(head("GET", "/healthz" if n % 2 else "/", 0))
        status = await answer(reader)
        plain.append(time.monotonic() - start)
        if status != 200:
            bad.append(f"a plain request: {status}")


def memory():
    return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{pid}/status").read()).group(1)) / 1024


async def main():
    jobs = [unreliable(n) for n in range(100)]
    names = list(bodies)
    jobs += [patient(names[n % len(names)], n) for n in range(80)]
    await asyncio.gather(*jobs)
    times, wrong = eval(os.fdopen(pipe_out).read() or "([], ['the plain client died'])")
    plain.extend(sorted(times))
    bad.extend(wrong)
    for name, counts in seen.items():
        print(f"  {name}: " + ", ".join(f"{status} {count}" for status, count in counts.items()))
    print(f"  {len(plain)} plain requests in {seconds:g} s, p50 {1000 * plain[len(plain) // 2]:.1f} ms, p99 {1000 * plain[len(plain) * 99 // 100]:.1f} ms; memory {memory():.0f} MB")
    if bad:
        sys.exit("wrong: " + ", ".join(sorted(set(bad))))
    if not seen["picture"][200] or len(plain) < 10:
        sys.exit("the others were not served")


async def only_steady():
    await asyncio.gather(*[steady(n, 20) for n in range(20)])


# The plain requests come from a process of their own, so that the bad clients' work does not slow them.
pipe_out, pipe_in = os.pipe()
child = os.fork()
if child == 0:
    asyncio.run(only_steady())
    with os.fdopen(pipe_in, "w") as out:
        out.write(repr((plain, bad)))
    os._exit(0)
os.close(pipe_in)
asyncio.run(main())
