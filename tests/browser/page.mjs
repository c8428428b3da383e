// node page.mjs URL SCRATCH: drives the page as a person would. Each check is a sentence; the first failure of each part is told.
import { createRequire } from "node:module";
import { writeFileSync, mkdirSync } from "node:fs";
import { deflateSync } from "node:zlib";
const { chromium } = createRequire(import.meta.url)(process.env.PLAYWRIGHT);
const [url, scratch] = process.argv.slice(2), shots = process.env.SHOTS;
let failed = 0;
const check = (truth, sentence) => { if (!truth) { failed++; console.log(`FAILED ${sentence}`); } };

// A white square in a dark frame: what the cascade of the test bundle takes for a face.
function camera(path) {
	const [w, h, side] = [320, 240, 100], luma = Buffer.alloc(w * h, 16), chroma = Buffer.alloc((w * h) / 2, 128);
	for (let y = (h - side) / 2; y < (h + side) / 2; y++) luma.fill(235, y * w + (w - side) / 2, y * w + (w + side) / 2);
	writeFileSync(path, Buffer.concat([Buffer.from(`YUV4MPEG2 W${w} H${h} F15:1 Ip A1:1 C420jpeg\n`), Buffer.from("FRAME\n"), luma, chroma]));
}
function crc(bytes) {
	let c = ~0;
	for (const byte of bytes) { c ^= byte; for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1; }
	return ~c >>> 0;
}
function png(path, face) {
	const side = 160, rows = Buffer.alloc((side + 1) * side), head = Buffer.from([0, 0, 0, side, 0, 0, 0, side, 8, 0, 0, 0, 0]);
	for (let y = 60; face && y < 100; y++) rows.fill(255, y * (side + 1) + 61, y * (side + 1) + 101);
	const part = (name, data) => {
		const body = Buffer.concat([Buffer.from(name), data]), out = Buffer.alloc(body.length + 8);
		out.writeUInt32BE(data.length, 0); body.copy(out, 4); out.writeUInt32BE(crc(body), body.length + 4);
		return out;
	};
	writeFileSync(path, Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), part("IHDR", head), part("IDAT", deflateSync(rows)), part("IEND", Buffer.alloc(0))]));
}
const film = process.env.CAMERA || `${scratch}/camera.y4m`;
camera(`${scratch}/camera.y4m`);
png(`${scratch}/face.png`, true);
png(`${scratch}/none.png`, false);

async function open(options, work) {
	const args = ["--no-sandbox", "--use-fake-device-for-media-stream" + (options.devices === 0 ? "=device-count=0" : ""), ...(options.deny ? ["--deny-permission-prompts"] : ["--use-fake-ui-for-media-stream"]),
		...(options.devices === 0 ? [] : [`--use-file-for-fake-video-capture=${film}`])];
	const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args });
	const page = await browser.newPage({ viewport: { width: options.width || 1400, height: options.height || 900 }, colorScheme: options.scheme || "light", locale: options.locale || "en-GB" });
	const errors = [], hosts = new Set();
	page.on("console", (message) => { if (message.type() === "error") errors.push(message.text()); });
	page.on("pageerror", (error) => errors.push(error.message));
	page.on("request", (request) => { const at = new URL(request.url()); if (at.protocol.startsWith("http")) hosts.add(at.host); });
	if (options.before) await page.addInitScript(options.before);
	try {
		await page.goto(url);
		await page.waitForSelector("#moods button");
		await work(page);
	} catch (error) {
		check(false, `${options.name}: ${error.message.split("\n")[0]}`);
	}
	if (shots) { mkdirSync(shots, { recursive: true }); await page.screenshot({ path: `${shots}/${options.name}.png`, fullPage: true }); }
	check(errors.length === 0, `${options.name}: the console is clean: ${errors.join("; ")}`);
	check(hosts.size === 1 && hosts.has(new URL(url).host), `${options.name}: nobody else is asked: ${[...hosts]}`);
	check(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${options.name}: no horizontal scrolling`);
	await browser.close();
}
const ids = (page) => page.$$eval("#list .song", (songs) => songs.map((song) => song.dataset.song));
const status = (page) => page.textContent("#status");
const drawn = (page) => page.$eval("#overlay", (canvas) => canvas.width > 0 && canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value));
async function loop(page) {
	check(await page.isVisible("#consent"), "consent comes first");
	check(await page.$eval("#video", (video) => video.srcObject === null), "no camera before consent");
	await page.click("#start");
	await page.waitForSelector("#air", { state: "visible", timeout: 15000 });
	await page.waitForSelector("#list .song", { timeout: 20000 });
	await page.waitForTimeout(400);
	check(await drawn(page), "a box is drawn over the video");
	check((await page.$$("#bars .bar")).length >= 2, "there is a bar for each class");
	check((await page.$$eval("#list .why", (whys) => whys.map((why) => why.textContent))).every((why) => why.includes("playlist")), "every song says why");
	check((await page.$$eval("#list a", (links) => links.every((link) => link.rel === "noopener noreferrer" && link.target === "_blank"))), "links open only on a click, without referrer");
}
async function verdicts(page) {
	const [first, second] = await ids(page);
	await page.click(`[data-song="${first}"] .dislike`);
	await page.waitForFunction((id) => !document.querySelector(`#list [data-song="${id}"]`), first);
	check(!(await ids(page)).includes(first), "a disliked song leaves the list");
	await page.click(`#list [data-song="${second}"] .like`);
	await page.waitForSelector(`#liked [data-song="${second}"]`);
	check(await page.getAttribute(`#liked [data-song="${second}"] .like`, "aria-pressed") === "true", "a liked song is kept above the list");
	check((await page.$$eval("#list .song", (songs) => songs.length)) > 0, "other songs stay");
	const before = await ids(page);
	await Promise.all([page.waitForResponse((response) => response.url().includes("/api/recommend")), page.click("#next")]);
	await page.waitForTimeout(300);
	check((await ids(page)).every((id) => !before.includes(id)), "the next songs are other songs");
}

await open({ name: "camera" }, async (page) => {
	await loop(page);
	if (shots) await page.screenshot({ path: `${shots}/camera_live.png`, fullPage: true });
	await verdicts(page);
	await page.click("#retake");
	await page.waitForFunction(() => document.querySelectorAll("#list .song").length === 0);
	await page.click("#stop");
	check(await page.isHidden("#air"), "after Stop the sign is off");
	check(await page.$eval("#video", (video) => video.srcObject === null), "after Stop the camera is released");
	check((await status(page)).includes("off"), "after Stop the page says so");
});
await open({ name: "upload" }, async (page) => {
	await page.setInputFiles("#upload", `${scratch}/face.png`);
	if (!process.env.MOODCAST_BUNDLE) {
		await page.waitForSelector("#list .song", { timeout: 15000 });
		check(await drawn(page), "a box is drawn over an uploaded picture");
	}
	await page.setInputFiles("#upload", `${scratch}/none.png`);
	await page.waitForFunction(() => document.querySelector("#status").textContent.includes("No face"));
	check((await ids(page)).length === 0, "songs of an earlier picture do not stay");
});
await open({ name: "korean_dark", scheme: "dark", locale: "ko-KR" }, async (page) => {
	check((await page.textContent("h1")).includes("표정"), "a Korean browser gets Korean");
	await page.click('#moods button[data-label="negative"]');
	await page.waitForSelector("#list .song");
	check((await page.textContent("#basis")).includes("부정"), "the chosen mood is named");
	check(await page.getAttribute('#moods button[data-label="negative"]', "aria-pressed") === "true", "the chosen mood is marked");
	if (!process.env.MOODCAST_BUNDLE) {
		const chip = '#context [data-chip="summer"]';
		check((await page.textContent(chip)) === "여름", "chips speak Korean");
		await page.click(chip);
		await page.waitForFunction(() => [...document.querySelectorAll("#list .why")].some((why) => why.textContent.startsWith("#여름")));
		check(await page.getAttribute(chip, "aria-pressed") === "true", "a chosen chip is marked");
		await page.focus(chip);
		await page.keyboard.press("Enter");
		check(await page.getAttribute(chip, "aria-pressed") === "false", "a chip is let go by the keyboard and keeps its focus");
		check(await page.evaluate(() => document.activeElement.dataset.chip) === "summer", "focus stays on the chip");
		check((await page.$$('#context [data-chip="1990s"]')).length === 0, "a chip without a known tag is not shown");
	}
	const notes = () => page.textContent("#notes");
	if (!process.env.MOODCAST_BUNDLE) check(/^노래 \d+곡 가운데 \d+곡/.test(await notes()), `what the server notes is told in Korean: ${await notes()}`);
	await page.click("#language");
	check((await page.textContent("h1")).startsWith("A face"), "the language can be switched");
	if (!process.env.MOODCAST_BUNDLE) check((await notes()).includes("there are no more candidates"), "and in English after the switch");
	await page.click("#language");
});
await open({ name: "phone", width: 400, height: 850 }, async (page) => {
	await loop(page);
	const small = await page.$$eval("button", (buttons) => buttons.filter((button) => button.offsetParent && button.offsetHeight < 43).map((button) => button.id));
	check(small.length === 0, `buttons are large enough for a thumb: ${small}`);
});
await open({ name: "phone_start", width: 400, height: 850, scheme: "dark" }, async (page) => {
	await page.keyboard.press("Tab");
	await page.keyboard.press("Tab");
	await page.keyboard.press("Tab");
	check(await page.evaluate(() => document.activeElement.id) === "start", "the keyboard reaches the start button");
});
const phone = { width: 400, height: 850 };
const says = (page, words) => page.waitForFunction((part) => document.querySelector("#status").textContent.includes(part), words);
for (const size of [{}, phone]) {
	const name = (state) => (size.width ? `${state}_phone` : state);
	await open({ name: name("denied"), deny: true, ...size }, async (page) => {
		await page.click("#start");
		await says(page, "does not allow");
		check(await page.isHidden("#air"), "no sign without a camera");
	});
	await open({ name: name("missing"), devices: 0, ...size }, async (page) => {
		await page.click("#start");
		await says(page, "No camera");
	});
}
await open({ name: "upload_phone", ...phone }, async (page) => {
	await page.setInputFiles("#upload", `${scratch}/face.png`);
	if (!process.env.MOODCAST_BUNDLE) await page.waitForSelector("#list .song", { timeout: 15000 });
});
// A browser that has the camera and another program that keeps it: what getUserMedia rejects with then.
await open({ name: "in_use", before: () => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("busy", "NotReadableError")); } }, async (page) => {
	await page.click("#start");
	await says(page, "Another program uses the camera");
	check(await page.isHidden("#air"), "no sign while another program has the camera");
	await page.click('#moods button[data-label="negative"]');
	await page.waitForSelector("#list .song");
});
// On an address that is neither https nor localhost browsers have no mediaDevices at all.
await open({ name: "insecure", before: () => Object.defineProperty(Navigator.prototype, "mediaDevices", { get: () => undefined }) }, async (page) => {
	await page.click("#start");
	await says(page, "only to https or localhost");
	check(await page.isHidden("#air"), "no sign on an insecure address");
});
await open({ name: "lost" }, async (page) => {
	await page.click("#start");
	await page.waitForSelector("#air", { state: "visible", timeout: 15000 });
	await page.$eval("#video", (video) => video.srcObject.getVideoTracks()[0].dispatchEvent(new Event("ended")));
	await says(page, "The camera was lost");
	check(await page.isHidden("#air"), "a lost camera takes the sign down");
	check(await page.$eval("#video", (video) => video.srcObject === null), "a lost camera is released");
	await page.click("#start");
	await page.waitForSelector("#air", { state: "visible", timeout: 15000 });
});
process.exit(failed ? 1 : 0);
