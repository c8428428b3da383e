// Every sentence of the page, in English and Korean.
export const texts = {
	en: {
		skip: "Skip to the content", title: "A face, a mood, a playlist.",
		lead: "Look into the camera. Your expression becomes a mood, the mood becomes songs, and each song says why it is there.",
		promise_local: "Pictures go to the moodcast program that serves this page, and nowhere else.",
		promise_memory: "They stay in memory for a moment: no file, no log.",
		promise_stop: "You see when the camera is on, and one button ends it.",
		not_emotion: "An expression is not an emotion.",
		not_work: "The scores tell how a face looks to a small network, and they are often wrong. Not for work or school.",
		start: "Agree and start the camera", on_air: "Camera on", retake: "Retake", stop: "Stop the camera",
		other: "Without the camera", upload: "Choose a picture", choose: "or pick a mood by hand",
		know: "What to know about these models", songs: "Songs", next: "Next songs",
		context: "When and what for", songs_empty: "Songs appear here once a mood has settled.",
		idle: "", asking: "Your browser asks whether it may use the camera.", looking: "Looking for a face…", lost_face: "No face in sight.",
		reading: "Hold still for a moment…", settled: "This looks {label} ({share} %).", changing: "It seems {label} ({share} %)…",
		unsure: "Hard to tell; perhaps {label} ({share} %).",
		denied: "The browser does not allow the camera here. Allow it in the address bar, or choose a picture or a mood.",
		none: "No camera was found. Choose a picture or a mood instead.",
		in_use: "Another program uses the camera. Close it and try again.",
		insecure: "Browsers give the camera only to https or localhost addresses. Open this page as http://127.0.0.1 on the machine itself.",
		lost: "The camera was lost. Plug it in and start again.", stopped: "The camera is off.",
		failed: "The camera does not start: {why}", server_gone: "The server does not answer.",
		stale: "The server was started again. Load the page anew.", no_face_upload: "No face was found in this picture.",
		too_large: "That picture is too large or is neither JPEG nor PNG.", start_again: "Start the camera again",
		basis_face: "for an expression that looks {label}", basis_label: "for the mood you chose: {label}",
		no_songs: "No further song fits. Pick another mood.", no_title: "Song {id}", like: "Like {name}", dislike: "Not for me: {name}",
		why: "{label} {share} %", playlist: "playlist", new_song: "new song:", search: "Search on {place}", server_camera: "The server's own camera is shown.",
	},
	ko: {
		skip: "본문으로 건너뛰기", title: "표정에서 기분으로, 기분에서 노래로.",
		lead: "카메라를 바라보세요. 표정이 기분이 되고, 기분이 노래가 됩니다. 노래마다 왜 골랐는지 알려 드립니다.",
		promise_local: "사진은 이 페이지를 여는 moodcast 프로그램에만 전달됩니다.",
		promise_memory: "사진은 잠시 메모리에만 머물고, 파일이나 기록으로 남지 않습니다.",
		promise_stop: "카메라가 켜져 있으면 항상 표시되고, 버튼 하나로 끌 수 있습니다.",
		not_emotion: "표정은 감정이 아닙니다.",
		not_work: "점수는 작은 신경망이 얼굴을 어떻게 보았는지일 뿐이며 자주 틀립니다. 직장이나 학교에서 쓰지 마세요.",
		start: "동의하고 카메라 켜기", on_air: "카메라 켜짐", retake: "다시 찍기", stop: "카메라 끄기",
		other: "카메라 없이", upload: "사진 고르기", choose: "또는 기분을 직접 고르기",
		know: "이 모델에 대해 알아 둘 것", songs: "추천 노래", next: "다음 노래",
		context: "언제, 무엇을 하며", songs_empty: "기분이 정해지면 여기에 노래가 나타납니다.",
		idle: "", asking: "브라우저가 카메라 사용을 묻고 있습니다.", looking: "얼굴을 찾는 중…", lost_face: "얼굴이 보이지 않습니다.",
		reading: "잠시만 그대로 있어 주세요…", settled: "{label} 표정으로 보입니다 ({share} %).", changing: "{label} 표정인 듯합니다 ({share} %)…",
		unsure: "확실하지 않지만 {label} 표정인 듯합니다 ({share} %).",
		denied: "브라우저가 카메라를 허용하지 않았습니다. 주소창에서 허용하거나, 사진이나 기분을 골라 주세요.",
		none: "카메라를 찾지 못했습니다. 사진이나 기분을 골라 주세요.",
		in_use: "다른 프로그램이 카메라를 쓰고 있습니다. 닫고 다시 시도해 주세요.",
		insecure: "브라우저는 https나 localhost 주소에서만 카메라를 허용합니다. 이 컴퓨터에서 http://127.0.0.1 로 열어 주세요.",
		lost: "카메라 연결이 끊겼습니다. 다시 연결하고 시작해 주세요.", stopped: "카메라가 꺼졌습니다.",
		failed: "카메라를 켤 수 없습니다: {why}", server_gone: "서버가 응답하지 않습니다.",
		stale: "서버가 다시 시작되었습니다. 페이지를 새로 고쳐 주세요.", no_face_upload: "이 사진에서 얼굴을 찾지 못했습니다.",
		too_large: "사진이 너무 크거나 JPEG, PNG가 아닙니다.", start_again: "카메라 다시 켜기",
		basis_face: "{label} 표정에 어울리는 노래", basis_label: "고른 기분: {label}",
		no_songs: "더 맞는 노래가 없습니다. 다른 기분을 골라 주세요.", no_title: "노래 {id}", like: "좋아요: {name}", dislike: "별로예요: {name}",
		why: "{label} {share} %", playlist: "플레이리스트", new_song: "새 노래:", search: "{place}에서 찾기", server_camera: "서버에 달린 카메라를 보여 줍니다.",
	},
};

const labels = { en: {}, ko: { neutral: "무표정", positive: "긍정", negative: "부정", happy: "행복", sad: "슬픔", angry: "화남", surprise: "놀람", fear: "두려움", disgust: "불쾌" } };
let language = (navigator.language || "en").startsWith("ko") ? "ko" : "en";

export function currentLanguage() { return language; }
export function switchLanguage() { language = language === "en" ? "ko" : "en"; }
export function labelText(name) { return labels[language][name] || name; }
export function text(key, values = {}) {
	return (texts[language][key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

// What the server notes, one sentence a form; what no form fits stays as it came.
const noteForms = [
	[/^neither a tag nor a song of the request is known: nothing to go by$/, "아는 태그도 노래도 없어서 고를 근거가 없습니다."],
	[/^(\d+) of (\d+) songs: there are no more candidates$/, "노래 $2곡 가운데 $1곡: 더 고를 후보가 없습니다."],
	[/^song (-?\d+) is in no playlist that was learnt from$/, "노래 $1: 학습한 플레이리스트에 없습니다."],
	[/^tag '(.*)' is in no playlist that was learnt from$/, "태그 ‘$1’: 학습한 플레이리스트에 없습니다."],
	[/^tag '(.*)' is in no playlist that was learnt from; '(.*)' is spelt most like it and taken instead$/, "태그 ‘$1’: 학습한 플레이리스트에 없어서, 철자가 가장 비슷한 ‘$2’ 태그를 썼습니다."],
];
export function noteText(note) {
	const form = language === "ko" && noteForms.find(([pattern]) => pattern.test(note));
	return form ? note.replace(...form) : note;
}
