// The page's only program: asks, shows what is being written, and offers what to do with it.
// Texts are only ever set as text (textContent), and the page's policy allows nothing else.
"use strict";

const $ = (id) => document.getElementById(id);
const told = document.body.dataset;
const language = document.documentElement.lang;

// What is shown: the phrase, what was written for earlier requests, what was written for the last
// one, and how that was asked for.
let story = { phrase: "", earlier: "", last: "", asked: null, result: null };
let writing = null; // the AbortController of the request under way

// --- asking ------------------------------------------------------------------------------------

function options() {
  return {
    language,
    style: $("style").value || null,
    sentences: $("sentences").valueAsNumber,
    temperature: $("temperature").valueAsNumber,
  };
}

function begin() {
  if (!$("form").reportValidity()) return;
  // A keyboard on the screen would hide the text.
  if (matchMedia("(pointer: coarse)").matches) document.activeElement.blur();
  const asked = { ...options(), text: $("phrase").value, goes_on: false };
  write({ phrase: "", earlier: "", last: "", asked, result: null });
}

function goOn() {
  const text = story.phrase + story.earlier + story.last;
  // The end is enough to go on from.
  const asked = { ...options(), text: text.slice(-4000), goes_on: true };
  write({ ...story, earlier: story.earlier + story.last, last: "", asked, result: null });
}

function again() {
  write({ ...story, last: "", asked: { ...story.asked, ...options() }, result: null });
}

async function write(next) {
  if (writing) return;
  const before = story;
  const control = (writing = new AbortController());
  story = next;
  busy(true);
  try {
    const response = await post("write", next.asked, control.signal);
    if (!response.ok) throw new Refusal();
    for await (const line of lines(response.body)) receive(line);
    if (!story.result) throw new Error("cut off");
    status(told.done);
  } catch (error) {
    status(problem(error));
    // What can be read stays; where nothing was written, what was there before comes back.
    if (!story.last && before.phrase) story = before;
  } finally {
    writing = null;
    show();
    busy(false);
  }
}

function receive(line) {
  if (line.is === "note") status(line.text);
  if (line.is === "failed") throw new Refusal(line.notice);
  if (line.is === "text") {
    story.phrase ||= line.phrase;
    story.last += line.more;
    status(told.writing);
    if ($("answer").hidden) {
      show();
      bringIntoView($("answer"));
    }
  }
  if (line.is === "done") {
    story.phrase ||= line.phrase;
    story.last = line.continuation;
    story.result = line;
    $("spoken").textContent = line.continuation;
  }
  show();
}

class Refusal extends Error {}

function problem(error) {
  if (error.name === "AbortError") return told.stopped;
  if (error instanceof Refusal) return error.message || told.refused;
  return told.lost;
}

function post(path, body, signal) {
  const headers = { "Content-Type": "application/json" };
  return fetch(path, { method: "POST", headers, body: JSON.stringify(body), signal });
}

// The answer is a line of JSON for each thing that happens; empty lines only keep it alive.
async function* lines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const found = (rest + value).split("\n");
    rest = found.pop();
    for (const line of found) if (line) yield JSON.parse(line);
  }
}

// --- showing -----------------------------------------------------------------------------------

function status(text) {
  if ($("status").textContent !== text) $("status").textContent = text;
}

function show() {
  const result = story.result;
  $("answer").hidden = !story.phrase;
  $("given").textContent = story.phrase;
  $("written").textContent = story.earlier + story.last;
  // Of the letters only J and Q reach below their line, where the next one stands.
  $("text").classList.toggle("tall", /^[«¡¿—]*[^JQ\P{L}]/iu.test(story.phrase));
  $("notices").textContent = result ? result.notices.join(" ") : "";
  $("how").textContent = result
    ? told.how.replace("{seed}", result.seed).replace("{checkpoint}", result.checkpoint)
    : "";
  $("card").hidden = !result;
}

// What begins in the lower half of the screen has no room there.
function bringIntoView(part) {
  if (part.getBoundingClientRect().top > innerHeight / 2) part.scrollIntoView();
}

// Buttons come and go; whoever has the focus on one that goes finds it on the one that comes.
function busy(on) {
  const inside = document.activeElement;
  const loose = [document.body, $("write"), $("stop")].includes(inside);
  const follow = loose || $("actions").contains(inside);
  $("answer").setAttribute("aria-busy", on);
  $("answer").classList.toggle("writing", on);
  $("stop").hidden = !on;
  $("write").disabled = on;
  $("actions").hidden = on || !story.phrase;
  if (on) {
    status(told.writing);
    hidePicture();
    $("spoken").textContent = "";
    show();
  }
  const following = on ? $("stop") : story.phrase ? $("continue") : $("write");
  if (follow) following.focus({ preventScroll: true });
}

// --- what can be done with it ------------------------------------------------------------------

async function copy() {
  const text = story.phrase + story.earlier + story.last;
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
  } else {
    // Without TLS there is no clipboard but this old one.
    getSelection().selectAllChildren($("text"));
    document.execCommand("copy");
  }
  status(told.copied);
}

async function draw() {
  const { phrase, earlier, last, result } = story;
  const { style, seed, checkpoint } = result;
  const asked = { language, phrase, continuation: earlier + last, style, seed, checkpoint };
  status(told.drawing);
  $("card").disabled = true;
  try {
    const response = await post("card", asked);
    if (response.status === 429) throw new Refusal(await response.text());
    if (!response.ok) throw new Refusal();
    showPicture(await response.blob(), phrase + earlier + last);
    status(told.drawn);
  } catch (error) {
    status(problem(error));
  } finally {
    $("card").disabled = false;
    $("card").focus();
  }
}

function showPicture(blob, text) {
  hidePicture();
  const address = URL.createObjectURL(blob);
  $("picture").src = $("save").href = address;
  $("picture").alt = text;
  $("figure").hidden = false;
  const file = new File([blob], "litteragpt.png", { type: blob.type });
  $("share").hidden = !navigator.canShare?.({ files: [file] });
  $("share").onclick = () => navigator.share({ files: [file] }).catch(() => {});
  $("picture").decode().then(() => bringIntoView($("figure")));
}

function hidePicture() {
  if (!$("figure").hidden) URL.revokeObjectURL($("picture").src);
  $("figure").hidden = true;
}

function showTheme() {
  $("dark").setAttribute("aria-pressed", theme.dark);
}

function showDegrees() {
  const digits = { minimumFractionDigits: 2 };
  $("degrees").textContent = $("temperature").valueAsNumber.toLocaleString(language, digits);
}

// --- who calls what ----------------------------------------------------------------------------

$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  begin();
});
$("phrase").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  begin();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") writing?.abort();
});
$("stop").addEventListener("click", () => writing?.abort());
$("continue").addEventListener("click", goOn);
$("again").addEventListener("click", again);
$("copy").addEventListener("click", copy);
$("card").addEventListener("click", draw);
$("temperature").addEventListener("input", showDegrees);
$("dark").addEventListener("click", () => {
  theme.choose(theme.dark ? "light" : "dark");
  showTheme();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", showTheme);
showTheme();
showDegrees();
