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

// A text comes in leaps and is shown as fast as people read: so many characters a second, more of
// them where much waits. Somebody who wants to see no motion, or touches the text, has it at once.
const SLOWEST = 60, FASTEST = 90, MUCH = 240;
// A speaker's dash starts a new line; a dash within the sentence does not («—Vamos —dijo—»).
const SPEECH = /(?<=[.!?…»”)]) (?=—[¿¡«“]?\p{Lu})/gu;
const still = matchMedia("(prefers-reduced-motion: reduce)");
let revealed = 0; // characters of what was written that are shown, and parts of one
let hurried = false;
let frame = null, before = 0; // what draws next, and when it drew last

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
  const text = story.phrase + written();
  // The end is enough to go on from.
  const asked = { ...options(), text: text.slice(-4000), goes_on: true };
  write({ ...story, earlier: written(), last: "", asked, result: null });
}

function again() {
  write({ ...story, last: "", asked: { ...story.asked, ...options() }, result: null });
}

function surprise() {
  const others = told.surprises.split("|").filter((each) => each !== $("phrase").value);
  $("phrase").value = others[Math.floor(Math.random() * others.length)];
  begin();
}

async function write(next) {
  if (writing) return;
  const former = story;
  story = next;
  revealed = next.earlier.length;
  hurried = false;
  const error = await request(next.asked, receive, () => story.result);
  if (!error) {
    status(told.done);
    texts.add(story);
  }
  // What can be read stays; where nothing was written, what was there before comes back.
  if (error?.name === "AbortError") story.last = written().slice(story.earlier.length, revealed);
  const refused = error && !story.last;
  if (refused) {
    story = former;
    revealed = written().length;
  }
  show();
  busy(false);
  if (refused && fresh(next)) complain(problem(error));
  else if (error) $("status").scrollIntoView({ block: "nearest" });
}

// Whether a text begins with the phrase of the form, and not with an earlier text.
function fresh(story) {
  return !story.phrase;
}

// A refusal stands beside the button that was pressed; the text that is still there is an old one.
function complain(text) {
  status("");
  $("trouble").textContent = text;
  $("former").hidden = !story.phrase;
  $("answer").classList.toggle("former", Boolean(story.phrase));
  $("phrase").focus({ preventScroll: true });
  $("trouble").scrollIntoView({ block: "nearest" });
}

async function offer() {
  if (writing) return;
  const asked = { ...story.asked, ...options(), endings: true };
  let endings = null;
  const error = await request(asked, (line) => (endings = line.endings), () => endings);
  show();
  busy(false);
  if (error) $("status").scrollIntoView({ block: "nearest" });
  else showChoices(endings);
}

// Asks and hands over what comes, line by line; what went wrong, if anything did, or if it was not
// `complete` in the end.
async function request(asked, receive, complete) {
  const control = (writing = new AbortController());
  busy(true);
  try {
    const response = await post("write", asked, control.signal);
    if (!response.ok) throw new Refusal();
    for await (const line of lines(response.body)) {
      if (line.is === "note") status(line.text);
      else if (line.is === "failed") throw new Refusal(line.notice);
      else receive(line);
    }
    if (!complete()) throw new Error("cut off");
    return null;
  } catch (error) {
    status(problem(error));
    return error;
  } finally {
    writing = null;
  }
}

function receive(line) {
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

function written() {
  return story.earlier + story.last;
}

function show() {
  const result = story.result;
  $("answer").hidden = !story.phrase;
  reveal(0);
  showHistory();
  // Of the letters only J and Q reach below their line, where the next one stands.
  $("text").classList.toggle("tall", /^[«¡¿—]*[^JQ\P{L}]/iu.test(story.phrase));
  $("notices").textContent = result ? result.notices.join(" ") : "";
  $("how").textContent = result ? origin(result) : "";
  $("card").hidden = !result;
}

function origin(result) {
  return told.how.replace("{seed}", result.seed).replace("{checkpoint}", result.checkpoint);
}

// Shows as much of the text as is due after so many seconds, and sees to the rest.
function reveal(seconds) {
  const text = written(), waiting = text.length - revealed;
  const pace = SLOWEST + (FASTEST - SLOWEST) * Math.min(1, waiting / MUCH);
  if (still.matches || hurried) revealed = text.length;
  else revealed = Math.min(text.length, revealed + seconds * pace);
  const ready = revealed === text.length;
  const whole = story.phrase + text, given = story.phrase.length;
  compose($("given"), whole, 0, given);
  compose($("written"), whole, given, given + Math.floor(revealed));
  compose($("ahead"), whole, given + Math.floor(revealed), whole.length);
  $("text").tabIndex = ready ? -1 : 0;
  $("answer").classList.toggle("writing", !ready || (writing !== null && !story.result));
  if (ready || frame) return;
  before = performance.now();
  frame = requestAnimationFrame(drawNext);
}

// Puts characters `from` to `to` of a text into an element, with a new line for each speaker.
function compose(element, text, from, to) {
  const parts = [];
  let begun = from;
  for (const { index } of text.matchAll(SPEECH)) {
    if (index < from || index >= to) continue;
    parts.push(text.slice(begun, index + 1), document.createElement("br"));
    begun = index + 1;
  }
  element.replaceChildren(...parts, text.slice(begun, to));
}

function drawNext(now) {
  frame = null;
  reveal(Math.max(0, now - before) / 1000);
}

function hurry() {
  hurried = true;
  reveal(0);
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
  $("stop").hidden = !on;
  $("write").disabled = on;
  $("actions").hidden = on || !story.phrase;
  if (on) {
    status(told.writing);
    hidePicture();
    $("choices").hidden = true;
    $("spoken").textContent = "";
    $("trouble").textContent = "";
    $("former").hidden = true;
    $("answer").classList.remove("former");
    show();
  }
  const following = on ? $("stop") : story.phrase ? $("continue") : $("write");
  if (follow) following.focus({ preventScroll: true });
}

// --- what can be done with it ------------------------------------------------------------------

async function copy() {
  const text = story.phrase + written();
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

// An ending without its phrase: one that goes on within a word shows that it does.
function apart(ending) {
  const text = ending.continuation;
  return text.startsWith(" ") ? text.trimStart() : `…${text}`;
}

function showChoices(endings) {
  const items = [...$("choices").children];
  items.forEach((item, index) => {
    const [text, about, button] = item.children, ending = endings[index];
    text.textContent = apart(ending);
    about.textContent = [...ending.notices, origin(ending)].join(" ");
    button.onclick = () => choose(ending);
  });
  $("choices").hidden = false;
  $("spoken").textContent = endings.map((ending, n) => `${n + 1}: ${apart(ending)}`).join(" ");
  status(told.choose);
  bringIntoView($("choices"));
  if (document.activeElement === $("continue")) items[0].querySelector("button").focus();
}

function choose(ending) {
  story = { ...story, last: ending.continuation, result: ending };
  if (!story.earlier) story.phrase = ending.phrase;
  texts.add(story);
  hurried = true; // it has been read
  $("choices").hidden = true;
  hidePicture();
  show();
  status(told.kept);
  $("answer").scrollIntoView({ block: "nearest" });
  $("continue").focus({ preventScroll: true });
}

function showHistory() {
  const kept = texts.all;
  $("history").hidden = kept.length === 0;
  $("texts").replaceChildren(...kept.map(entry));
}

function entry(kept) {
  const item = document.createElement("li"), open = document.createElement("button");
  open.type = "button";
  open.lang = "es";
  open.textContent = kept.phrase + kept.earlier + kept.last;
  open.addEventListener("click", () => reopen(kept));
  item.append(open);
  return item;
}

function reopen(kept) {
  if (writing) return;
  story = kept;
  hurried = true;
  $("choices").hidden = true;
  hidePicture();
  $("trouble").textContent = "";
  $("former").hidden = true;
  $("answer").classList.remove("former");
  show();
  busy(false);
  status("");
  $("answer").scrollIntoView({ block: "nearest" });
  $("continue").focus({ preventScroll: true });
}

function forget() {
  texts.clear();
  showHistory();
  $("phrase").focus();
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
  if (event.key !== "Escape") return;
  if (writing) writing.abort();
  else hurry();
});
for (const chip of document.querySelectorAll(".chips button")) {
  chip.addEventListener("click", () => {
    $("phrase").value = chip.textContent;
    begin();
  });
}
$("surprise").addEventListener("click", surprise);
$("forget").addEventListener("click", forget);
$("stop").addEventListener("click", () => writing?.abort());
$("continue").addEventListener("click", goOn);
$("again").addEventListener("click", again);
$("endings").addEventListener("click", offer);
$("text").addEventListener("click", hurry);
$("text").addEventListener("keydown", (event) => {
  if (!["Tab", "Shift", "Control", "Alt", "Meta"].includes(event.key)) hurry();
});
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
showHistory();
// On a touch screen the keyboard would cover the page.
if (matchMedia("(pointer: fine)").matches) $("phrase").focus({ preventScroll: true });
