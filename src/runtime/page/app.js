import { Camera, pause } from "/camera.js";
import { text, labelText, noteText, currentLanguage, switchLanguage } from "/texts.js";

const $ = (id) => document.getElementById(id);
const token = document.querySelector('meta[name="moodcast-token"]').content;
const session = crypto.getRandomValues(new Uint32Array(3)).reduce((name, part) => name + part.toString(36), "s");
const state = { classes: [], status: ["idle", {}], basis: null, songs: [], liked: [], disliked: new Set(), moods: 0, faces: null, uploaded: null, turn: 0, live: false, groups: [], chips: new Map() };

// ---- asking the server

async function ask(path, options = {}) {
	const headers = { "X-Moodcast-Token": token, ...(options.plain ? {} : { "X-Moodcast-Session": session }), ...options.headers };
	const response = await fetch(path, { ...options, headers, cache: "no-store" });
	const body = await response.json();
	if (!response.ok) throw Object.assign(new Error(body.error), { status: response.status });
	return body;
}
const sendPicture = (blob, plain) => ask("/api/analyze", { method: "POST", body: blob, plain, headers: { "Content-Type": blob.type || "application/octet-stream" } });
const sendFeedback = (value) => ask("/api/feedback", { method: "POST", body: JSON.stringify(value), headers: { "Content-Type": "application/json" } });

// ---- words

function say(key, values = {}) {
	state.status = [key, values];
	const shown = { ...values, ...(values.label ? { label: labelText(values.label) } : {}) };
	$("status").textContent = key === "idle" ? "" : text(key, shown);
}

function translate() {
	const other = currentLanguage() === "en" ? ["한국어", "ko"] : ["English", "en"];
	document.documentElement.lang = currentLanguage();
	[$("language").textContent, $("language").lang] = other;
	for (const node of document.querySelectorAll("[data-text]")) node.textContent = text(node.dataset.text);
	say(...state.status);
	showMoods();
	showContext();
	showBars();
	showSongs();
}

// ---- boxes and bars

const colourOf = (label) => state.classes.find((entry) => entry.name === label)?.colour || "#888888";
function inkOn(colour) {
	const [r, g, b] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255);
	return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.45 ? "#000000" : "#ffffff";
}

function drawFaces(reply, mirrored) {
	const canvas = $("overlay"), pen = canvas.getContext("2d"), ratio = window.devicePixelRatio || 1;
	const width = canvas.clientWidth, height = canvas.clientHeight;
	canvas.width = Math.round(width * ratio);
	canvas.height = Math.round(height * ratio);
	pen.setTransform(ratio, 0, 0, ratio, 0, 0);
	if (!reply) return;
	const scale = Math.min(width / reply.width, height / reply.height);
	const left = (width - reply.width * scale) / 2, top = (height - reply.height * scale) / 2;
	// The first face is the one that counts; in a crowd only it has a label.
	for (const face of [...reply.faces].reverse()) {
		const x = left + (mirrored ? reply.width - face.x - face.w : face.x) * scale, y = top + face.y * scale;
		const colour = colourOf(face.label), label = `${labelText(face.label)} ${Math.round(100 * face.scores[face.label])} %`;
		pen.lineWidth = 5;
		pen.strokeStyle = "rgba(255,255,255,.85)";
		pen.strokeRect(x, y, face.w * scale, face.h * scale);
		pen.lineWidth = 3;
		pen.strokeStyle = colour;
		pen.strokeRect(x, y, face.w * scale, face.h * scale);
		if (reply.faces.length > 3 && face !== reply.faces[0]) continue;
		pen.font = "600 15px system-ui, sans-serif";
		const wide = pen.measureText(label).width + 14, up = y >= 26 ? y - 26 : y;
		pen.fillStyle = colour;
		pen.fillRect(x - 1.5, up, wide, 26);
		pen.fillStyle = inkOn(colour);
		pen.fillText(label, x + 5.5, up + 18);
	}
}

function showBars(scores = state.scores) {
	state.scores = scores;
	const bars = $("bars");
	if (bars.children.length !== state.classes.length) {
		bars.replaceChildren(...state.classes.map(() => make("div", "bar", make("span", "label"), make("div", "track", make("div", "fill")), make("span", "share"))));
	}
	state.classes.forEach((entry, i) => {
		const bar = bars.children[i], share = Math.round(100 * (scores?.[entry.name] || 0));
		bar.querySelector(".label").textContent = labelText(entry.name);
		bar.querySelector(".fill").style.width = `${share}%`;
		bar.querySelector(".fill").style.background = entry.colour;
		bar.querySelector(".share").textContent = scores ? `${share} %` : "";
	});
}

function make(tag, name, ...children) {
	const node = document.createElement(tag);
	if (name) node.className = name;
	node.append(...children);
	return node;
}

// ---- the camera

const camera = new Camera($("video"), cameraState, cameraFrame);

function cameraState(name, why = "") {
	state.live = name === "live";
	$("air").hidden = !state.live;
	$("stage").hidden = false;
	$("consent").hidden = ["asking", "live"].includes(name);
	$("start").textContent = text($("start").dataset.text = name === "asking" || name === "live" ? "start" : "start_again");
	$("frame").hidden = !["asking", "live"].includes(name);
	$("stop").hidden = $("retake").hidden = !state.live;
	$("picture").hidden = true;
	$("frame").classList.add("mirror");
	$("video").hidden = false;
	if (!state.live) {
		drawFaces(null);
		showBars(null);
	}
	$("bars").hidden = !state.live;
	say(name === "live" ? "looking" : name, { why });
}

async function cameraFrame(blob) {
	try {
		const reply = await sendPicture(blob, false);
		if (!state.live) return 0;
		drawFaces(reply, true);
		follow(reply.mood);
		return 0;
	} catch (error) {
		if (error.status === 503 || error.status === 429) return 300;
		if (state.live) say(error.status === 403 ? "stale" : "server_gone");
		return 1500;
	}
}

// Below a half another class may be just as likely: then the page says so.
const verdictOf = (share) => (share >= 50 ? "settled" : "unsure");

// The server smooths over time; the page shows what it says and asks for songs when a mood has settled.
function follow(mood) {
	if (!mood?.scores) {
		say("lost_face");
		showBars(null);
		return;
	}
	const share = Math.round(100 * mood.scores[mood.label]);
	showBars(mood.scores);
	say(mood.state === "settled" ? verdictOf(share) : "changing", { label: mood.label, share });
	if (mood.state === "settled" && mood.moods !== state.moods) {
		state.moods = mood.moods;
		newSongs({ kind: "face", label: mood.label, query: state.classes.map((entry) => `${entry.name}=${mood.scores[entry.name].toFixed(4)}`).join(",") });
	}
}

async function followServer() {
	$("consent").hidden = true;
	$("stage").hidden = false;
	$("video").hidden = $("retake").hidden = $("stop").hidden = true;
	$("picture").hidden = $("air").hidden = false;
	$("picture").src = "/api/stream";
	$("picture").alt = text("server_camera");
	for (;;) {
		try {
			const reply = await ask("/api/latest");
			follow(reply.mood);
		} catch (error) {
			say(error.status === 404 ? "looking" : "server_gone");
		}
		await pause(500);
	}
}

// ---- songs

function parameters(basis) {
	const query = new URLSearchParams();
	if (basis.kind === "label") query.set("label", basis.label);
	else query.set("scores", basis.query);
	for (const chip of state.chips.values()) for (const tag of chip.tags) query.append("tag", tag);
	return query;
}

async function newSongs(basis, again = false) {
	state.basis = basis;
	const query = parameters(basis);
	if (again) query.set("again", "1");
	try {
		const reply = await ask(`/api/recommend?${query}`);
		if (state.basis !== basis) return;
		state.songs = reply.songs;
		state.notes = reply.notes;
	} catch (error) {
		state.songs = [];
		state.notes = [error.status ? error.message : text("server_gone")];
	}
	showSongs();
}

function clearSongs() {
	state.basis = null;
	state.songs = state.notes = [];
	showSongs();
}

async function judge(song, verdict) {
	const liked = state.liked.some((other) => other.id === song.id);
	const value = liked && verdict === "like" ? "none" : verdict;
	state.liked = state.liked.filter((other) => other.id !== song.id);
	if (value === "like") state.liked.unshift(song);
	try {
		await sendFeedback({ song: song.id, verdict: value });
		if (state.basis) await newSongs(state.basis, true);
	} catch (error) {
		say(error.status === 403 ? "stale" : "server_gone");
	}
}

function whyOf(why) {
	const parts = [];
	if (why.label) parts.push(text("why", { label: labelText(why.label), share: Math.round(100 * why.probability) }));
	if (why.tag) parts.push(`#${why.tag}`);
	if (why.similar && why.similar !== why.tag) parts.push(`#${why.similar}`);
	parts.push(`${text("playlist")} ${why.title ? `“${why.title}”` : why.playlist}`);
	if (why.new_by) parts.push(`${text("new_song")} ${why.new_by.map((tag) => `#${tag}`).join(" ")}`);
	return parts.join(" → ");
}

function linkTo(place, address) {
	const link = make("a", "", `${place} ↗`);
	link.title = text("search", { place });
	link.href = address;
	link.target = "_blank";
	link.rel = "noopener noreferrer";
	return link;
}

function songNode(song, place) {
	const title = song.name || text("no_title", { id: song.id }), liked = state.liked.some((other) => other.id === song.id);
	const words = make("div", "", make("span", "name", title), song.artist ? make("span", "artist", song.artist) : "");
	const node = make("li", "song", make("span", "place", place), words, make("div", "why", whyOf(song.why)));
	if (song.name) {
		const query = encodeURIComponent(`${song.artist} ${song.name}`.trim());
		node.append(make("div", "links", linkTo("YouTube", `https://www.youtube.com/results?search_query=${query}`),
			linkTo("Melon", `https://www.melon.com/search/total/index.htm?q=${query}`)));
	}
	const verdicts = make("div", "verdict");
	for (const [verdict, sign] of [["like", liked ? "♥" : "♡"], ["dislike", "✕"]]) {
		const button = make("button", verdict, sign);
		button.type = "button";
		button.title = text(verdict, { name: title });
		button.setAttribute("aria-label", button.title);
		if (verdict === "like") button.setAttribute("aria-pressed", String(liked));
		button.addEventListener("click", () => judge(song, verdict));
		verdicts.append(button);
	}
	node.dataset.song = song.id;
	node.append(verdicts);
	return node;
}

function showSongs() {
	const basis = state.basis;
	$("basis").textContent = basis ? text(basis.kind === "label" ? "basis_label" : "basis_face", { label: labelText(basis.label) }) : text("songs_empty");
	if (basis && state.songs.length === 0) $("basis").textContent = text("no_songs");
	$("next").hidden = !basis;
	$("main").classList.toggle("has-songs", state.songs.length > 0);
	$("liked").hidden = state.liked.length === 0;
	$("liked").replaceChildren(...state.liked.map((song) => songNode(song, "♥")));
	$("list").replaceChildren(...state.songs.filter((song) => !state.liked.some((other) => other.id === song.id)).map((song, i) => songNode(song, String(i + 1))));
	$("notes").hidden = !state.notes?.length;
	$("notes").textContent = (state.notes || []).map(noteText).join(" ");
	for (const button of $("moods").querySelectorAll("button")) button.setAttribute("aria-pressed", String(basis?.kind === "label" && basis.label === button.dataset.label));
}

// One chip a group; pressed again it is let go. What is chosen stays for the moods to come.
function showContext() {
	$("context").hidden = state.groups.length === 0;
	$("context").setAttribute("aria-label", text("context"));
	const focused = document.activeElement?.dataset?.chip, places = [...$("context").querySelectorAll(".chips")].map((chips) => chips.scrollLeft);
	$("context").replaceChildren(...state.groups.map((group) => {
		const row = make("div", "group", make("span", "name", group[currentLanguage()]));
		row.setAttribute("role", "group");
		row.setAttribute("aria-label", group[currentLanguage()]);
		const chips = make("div", "chips");
		for (const chip of group.chips) {
			const button = make("button", "", chip[currentLanguage()]);
			button.type = "button";
			button.dataset.chip = chip.name;
			button.setAttribute("aria-pressed", String(state.chips.get(group.name) === chip));
			button.addEventListener("click", () => chooseChip(group, chip));
			chips.append(button);
		}
		row.append(chips);
		return row;
	}));
	$("context").querySelectorAll(".chips").forEach((chips, i) => { chips.scrollLeft = places[i] || 0; });
	if (focused) $("context").querySelector(`[data-chip="${focused}"]`)?.focus();
}

function chooseChip(group, chip) {
	if (state.chips.get(group.name) === chip) state.chips.delete(group.name);
	else state.chips.set(group.name, chip);
	showContext();
	if (state.basis) newSongs({ ...state.basis }, true);
}

function showMoods() {
	const old = $("moods").querySelectorAll("button");
	old.forEach((button) => button.remove());
	for (const entry of state.classes) {
		const button = make("button", "", labelText(entry.name));
		button.type = "button";
		button.dataset.label = entry.name;
		button.style.setProperty("--tone", entry.colour);
		button.addEventListener("click", () => newSongs({ kind: "label", label: entry.name }));
		$("moods").append(button);
	}
}

// ---- a picture from the disk

async function upload(file) {
	const turn = ++state.turn; // the answer to an earlier picture may come after that to this one
	if (state.live) camera.end("stopped");
	$("stage").hidden = $("frame").hidden = $("picture").hidden = $("bars").hidden = false;
	$("retake").hidden = $("stop").hidden = $("video").hidden = true;
	$("frame").classList.remove("mirror");
	if (state.uploaded) URL.revokeObjectURL(state.uploaded);
	$("picture").src = state.uploaded = URL.createObjectURL(file);
	drawFaces(null);
	showBars(null);
	clearSongs();
	say("reading");
	try {
		const reply = await sendPicture(file, true), face = reply.faces[0];
		if (turn !== state.turn) return;
		drawFaces(reply, false);
		$("bars").hidden = !face;
		if (!face) return say("no_face_upload");
		showBars(face.scores);
		const share = Math.round(100 * face.scores[face.label]);
		say(verdictOf(share), { label: face.label, share });
		newSongs({ kind: "face", label: face.label, query: state.classes.map((entry) => `${entry.name}=${face.scores[entry.name].toFixed(4)}`).join(",") });
	} catch (error) {
		if (turn !== state.turn) return;
		say([400, 413, 415].includes(error.status) ? "too_large" : error.status === 403 ? "stale" : "server_gone");
	}
}

// ---- start

$("start").addEventListener("click", () => camera.start());
$("stop").addEventListener("click", () => camera.end("stopped"));
$("next").addEventListener("click", () => newSongs({ ...state.basis }));
$("language").addEventListener("click", () => { switchLanguage(); translate(); });
$("upload").addEventListener("change", (event) => { if (event.target.files[0]) upload(event.target.files[0]); event.target.value = ""; });
$("retake").addEventListener("click", async () => {
	clearSongs();
	say("reading");
	await sendFeedback({ retake: true }).catch(() => say("server_gone"));
});

async function begin() {
	translate();
	try {
		const [info, context] = await Promise.all([ask("/api/info"), ask("/api/context")]);
		state.groups = context.groups;
		state.classes = info.classes;
		$("honesty").replaceChildren(...info.honesty.map((sentence) => make("li", "", sentence)));
		translate();
		if (info.source === "server") followServer();
	} catch (error) {
		$("stage").hidden = false;
		say("server_gone");
	}
}
begin();
