// The camera and the loop: one picture in flight, never a queue.
const LONGEST = 640;

export class Camera {
	// onState(name, detail), onFrame(blob) → promise: the next picture is taken when it is settled.
	constructor(video, onState, onFrame) {
		this.video = video;
		this.onState = onState;
		this.onFrame = onFrame;
		this.stream = null;
		this.round = 0;
	}

	async start() {
		if (!window.isSecureContext || !navigator.mediaDevices) return this.onState("insecure");
		const round = ++this.round;
		this.onState("asking");
		let stream;
		try {
			stream = await navigator.mediaDevices.getUserMedia({ audio: false, video: { facingMode: "user", width: { ideal: 640 }, height: { ideal: 480 } } });
		} catch (error) {
			const names = { NotAllowedError: "denied", SecurityError: "denied", NotFoundError: "none", OverconstrainedError: "none", NotReadableError: "in_use", AbortError: "in_use" };
			return this.onState(names[error.name] || "failed", error.message);
		}
		if (round !== this.round) return stream.getTracks().forEach((track) => track.stop());
		this.stream = stream;
		stream.getVideoTracks()[0].addEventListener("ended", () => { if (this.stream === stream) this.end("lost"); });
		this.video.srcObject = stream;
		await this.video.play().catch(() => {});
		this.onState("live");
		this.loop(round);
	}

	end(state) {
		this.round++;
		if (this.stream) this.stream.getTracks().forEach((track) => track.stop());
		this.stream = null;
		this.video.srcObject = null;
		this.onState(state);
	}

	async loop(round) {
		const canvas = document.createElement("canvas");
		const pen = canvas.getContext("2d");
		while (round === this.round) {
			const { videoWidth: width, videoHeight: height } = this.video;
			if (!width || document.hidden) { await pause(200); continue; }
			const scale = Math.min(1, LONGEST / Math.max(width, height));
			canvas.width = Math.round(width * scale);
			canvas.height = Math.round(height * scale);
			pen.drawImage(this.video, 0, 0, canvas.width, canvas.height);
			const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.85));
			if (round !== this.round) return;
			const wait = await this.onFrame(blob);
			await pause(wait || 0);
		}
	}
}

export function pause(milliseconds) {
	return new Promise((done) => setTimeout(done, milliseconds));
}
