// node report.mjs PAGE.html…: each page as it is shown on a phone, on a desk, in the dark and on paper. Each check is a sentence.
import { createRequire } from "node:module";
import { basename, dirname } from "node:path";
const { chromium } = createRequire(import.meta.url)(process.env.PLAYWRIGHT);
const shots = process.env.SHOTS;
let failed = 0;
const check = (truth, sentence) => { if (!truth) { failed++; console.log(`FAILED ${sentence}`); } };

// Letters whose picture is that of a letter no font has, each drawn in the font of the element that holds it.
function missingGlyphs() {
	const canvas = document.createElement("canvas"), side = 48;
	canvas.width = canvas.height = side;
	const pen = canvas.getContext("2d", { willReadFrequently: true });
	const picture = (letter, font) => {
		pen.clearRect(0, 0, side, side);
		pen.font = font;
		pen.fillText(letter, 4, 34);
		return pen.getImageData(0, 0, side, side).data.filter((_, i) => i % 4 === 3).join();
	};
	const nowhere = ["\u0378", "\ue123", "\u{2fffe}"], fonts = new Map();
	for (const element of document.querySelectorAll("body *")) {
		const own = [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE || node.nodeType === Node.CDATA_SECTION_NODE);
		const text = own.map((node) => node.data).join("");
		if (!text.trim()) continue;
		const style = getComputedStyle(element), font = `${style.fontStyle} ${style.fontWeight} 28px ${style.fontFamily}`;
		if (!fonts.has(font)) fonts.set(font, new Set());
		for (const letter of text.normalize()) if (letter.trim() && letter !== "\u00a0") fonts.get(font).add(letter);
	}
	const missing = new Set(), seen = new Set();
	for (const [font, letters] of fonts) {
		const tofu = new Set(nowhere.map((letter) => picture(letter, font)));
		for (const letter of letters) {
			seen.add(letter);
			if (tofu.has(picture(letter, font))) missing.add(letter);
		}
		// What the comparison rests on: letters of no font look alike, and unlike one that every font has.
		if (!tofu.has(picture("\ue124", font)) || tofu.has(picture("a", font))) missing.add("cannot tell");
	}
	return { missing: [...missing], hangul: [...seen].filter((letter) => letter >= "가" && letter <= "힣").length };
}
// Text smaller than this cannot be read on a phone; drawings are scaled to the width of the page.
function smallestText() {
	let smallest = Infinity;
	for (const text of document.querySelectorAll("p, td, th, li, figcaption, small, svg text")) {
		const drawing = text.closest("svg"), scale = drawing ? drawing.getBoundingClientRect().width / drawing.viewBox.baseVal.width : 1;
		if (text.getClientRects().length) smallest = Math.min(smallest, parseFloat(getComputedStyle(text).fontSize) * scale);
	}
	return smallest;
}

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
const views = [{ name: "phone", width: 400 }, { name: "desk", width: 1400 }, { name: "dark", width: 1400, colorScheme: "dark" }, { name: "paper", width: 718, media: "print" }];
for (const file of process.argv.slice(2)) {
	for (const view of views) {
		const name = `${basename(dirname(file))}_${basename(file, ".html")}_${view.name}`;
		const page = await browser.newPage({ viewport: { width: view.width, height: 900 }, colorScheme: view.colorScheme || "light" });
		const errors = [], asked = [];
		page.on("console", (message) => { if (message.type() === "error" || message.type() === "warning") errors.push(message.text()); });
		page.on("pageerror", (error) => errors.push(error.message));
		page.on("request", (request) => { if (!/^(file|data):/.test(request.url())) asked.push(request.url()); });
		await page.emulateMedia({ media: view.media || "screen", colorScheme: view.colorScheme || "light" });
		await page.goto(`file://${file}`);
		if (shots) await page.screenshot({ path: `${shots}/${name}.png`, fullPage: true });
		const wide = async () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
		check((await wide()) <= 0, `${name}: no sideways scrolling`);
		await page.evaluate(() => document.querySelectorAll("details").forEach((details) => { details.open = true; }));
		check((await wide()) <= 0, `${name}: no sideways scrolling with everything unfolded`);
		const glyphs = await page.evaluate(missingGlyphs), smallest = await page.evaluate(smallestText);
		check(glyphs.missing.length === 0, `${name}: every letter has a glyph: ${glyphs.missing.join(" ")}`);
		check(glyphs.hangul >= 3, `${name}: there is Hangul to look at: ${glyphs.hangul} letters`);
		check(smallest >= 9, `${name}: text is large enough to read: ${smallest.toFixed(1)} pixels`);
		check(await page.evaluate(() => [...document.querySelectorAll("nav a")].length >= 6 && [...document.querySelectorAll("nav a")].every((link) => document.querySelector(link.hash))), `${name}: each link of the navigation leads somewhere`);
		check(errors.length === 0, `${name}: the console is clean: ${errors.join("; ")}`);
		check(asked.length === 0, `${name}: nothing is asked from outside: ${asked}`);
		await page.close();
	}
}
await browser.close();
process.exit(failed ? 1 : 0);
