// What every example page needs: where to connect, a log, a badge, and staying connected.

// In the gallery a page stands one folder deep, beside the page with its source.
const folders = location.pathname.split("/").filter(Boolean);
for (const link of folders.length ? document.querySelectorAll("[data-gallery]") : []) {
  link.href = link.dataset.gallery.replace("{name}", folders.at(-1));
  link.hidden = false;
}

/** The WebSocket address of a path beside this page: wss where the page came by https. */
export function socketURL(path) {
  const url = new URL(path, location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

/**
 * Say in a badge how the connection is: connecting, open, closing, waiting, lost or closed.
 *
 * The seconds in "trying again in 12 s" count down by themselves until the badge says something else.
 */
export function showState(badge, state, text = state) {
  badge.dataset.state = state;
  const shown = countdowns.get(badge);
  if (shown?.text === text) return;
  clearInterval(shown?.timer);
  countdowns.delete(badge);
  const seconds = state === "waiting" && /^trying again in (\d+) s$/.exec(text)?.[1];
  if (seconds) countDown(badge, text, Number(seconds));
  else badge.textContent = text;
}

const countdowns = new WeakMap(); // by badge

// A screen reader hears the text once: the number that ticks is no news. On a narrow page the words
// in front of it give way to the button beside the badge, but only for the eye.
function countDown(badge, text, seconds) {
  const number = element("span", seconds);
  number.ariaLive = "off";
  const words = element("span", ""); // one, since the badge's own parts stand apart
  const leading = [["trying ", "first"], ["again ", "second"], ["in ", "third"]];
  words.append(...leading.map(([word, place]) => element("span", word, place)), number, " s");
  badge.replaceChildren(words);
  const endsAt = performance.now() + seconds * 1000;
  const timer = setInterval(() => {
    number.textContent = Math.max(1, Math.ceil((endsAt - performance.now()) / 1000));
    if (!number.isConnected) clearInterval(timer);
  }, 1000);
  countdowns.set(badge, { text, timer });
}

/** "1000 (normal closure)": a close event in words. */
export function describeClose(event) {
  const name = CLOSE_NAMES[event.code] ?? (event.code >= 4000 ? "the application's own" : "registered elsewhere");
  return `${event.code} (${name})${event.reason ? `: ${event.reason}` : ""}`;
}

const CLOSE_NAMES = {
  1000: "normal closure", 1001: "going away", 1002: "protocol error", 1003: "unsupported data",
  1005: "no code given", 1006: "lost without a close frame", 1007: "invalid payload", 1008: "policy violation",
  1009: "message too big", 1011: "internal error", 1012: "service restart", 1013: "try again later",
};

const MARKS = { in: ["↓", "received"], out: ["↑", "sent"], event: ["•", "event"], bad: ["!", "error"] };

/** A list that keeps its newest lines in sight, unless somebody is reading further up. */
export class Log {
  constructor(list, { lines = 500 } = {}) {
    this.list = list;
    this.lines = lines;
  }

  /** Add a line. What others have written is only ever set as text, never as HTML. */
  add(mark, text, kind = "", at = new Date()) {
    const [sign, meaning] = MARKS[mark];
    const line = document.createElement("li");
    line.dataset.mark = mark;
    line.append(clock(at), element("span", sign, "mark"), element("span", "", "text"));
    line.children[1].title = meaning;
    line.children[1].ariaHidden = "true";
    line.lastChild.append(element("span", `${meaning}: `, "unseen"));
    if (kind) line.lastChild.append(element("span", kind, "kind"));
    line.lastChild.append(text);
    appendInSight(this.list, line, this.lines);
  }

  clear() {
    showInSight(this.list, []);
  }
}

const waitingLines = new Map(); // by list: what is appended at the next frame, while there are many

/**
 * Append a child and scroll to it if the end was in sight, or always; the oldest make way.
 *
 * To know where the end is costs a layout of the list, so that is asked once a frame, however many come:
 * the first is there at once, those that follow closely are appended together.
 */
export function appendInSight(list, child, most = 500, isAlways = false) {
  const isBusy = waitingLines.has(list);
  if (!isBusy) {
    waitingLines.set(list, { children: [], isAlways: false });
    requestAnimationFrame(() => appendWaiting(list, most));
  }
  const waiting = waitingLines.get(list);
  waiting.children.push(child);
  waiting.isAlways ||= isAlways;
  if (waiting.children.length > most) waiting.children.shift(); // a tab that nobody looks at has no frames
  if (!isBusy) appendAll(list, waiting, most);
}

function appendWaiting(list, most) {
  const waiting = waitingLines.get(list);
  if (!waiting.children.length) return waitingLines.delete(list);
  appendAll(list, waiting, most);
  requestAnimationFrame(() => appendWaiting(list, most));
}

function appendAll(list, waiting, most) {
  const isAtEnd = waiting.isAlways || list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  list.append(...waiting.children);
  while (list.childElementCount > most) list.firstElementChild.remove();
  if (isAtEnd) list.scrollTop = list.scrollHeight;
  Object.assign(waiting, { children: [], isAlways: false });
}

/** Show these children instead of those that are there, or were about to be, and scroll to their end. */
export function showInSight(list, children) {
  if (waitingLines.has(list)) waitingLines.get(list).children = [];
  list.replaceChildren(...children);
  list.scrollTop = list.scrollHeight;
}

/** What somebody has said, as a line of a conversation. */
export function said(author, text, isMine = false) {
  const line = element("li", "", isMine ? "said mine" : "said");
  const head = element("header", "");
  head.append(element("strong", isMine ? "You" : author), clock());
  line.style.setProperty("--hue", colourOf(author));
  line.append(head, element("p", text));
  return line;
}

/** Make an element with a text and a class. */
export function element(tag, text, className = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

/** The time of day, its milliseconds apart so that a narrow page can leave them out. */
export function clock(now = new Date()) {
  const two = (number) => String(number).padStart(2, "0");
  const time = element("time", [now.getHours(), now.getMinutes(), now.getSeconds()].map(two).join(":"));
  time.append(element("span", `.${String(now.getMilliseconds()).padStart(3, "0")}`, "fraction"));
  return time;
}

/** The same colour for the same name, dark enough on light and light enough on dark. */
export function colourOf(name) {
  const hue = [...name].reduce((total, character) => (total * 31 + character.codePointAt(0)) % 360, 7);
  return `light-dark(hsl(${hue} 55% 29%), hsl(${hue} 60% 72%))`;
}

const FIRST_DELAY_SECONDS = 0.75;
const MOST_DELAY_SECONDS = 15;
const STABLE_SECONDS = 5;
const SILENCE_SECONDS = 15;
const ASK_SECONDS = 10;
const ALIVE = '{"type": "alive"}'; // what `parts/alive.py` says every few seconds

const waitingConnections = new Set();
const connectWaiting = () => [...waitingConnections].forEach((connect) => connect());
addEventListener("online", connectWaiting);
addEventListener("visibilitychange", () => document.hidden || connectWaiting());

/**
 * Stay connected: after a loss try again, each time a little later, never all pages at once.
 *
 * `changed(state, text, closeEvent)` hears of "connecting", "open" and "waiting", once each, and
 * after `stop(code, reason)` of "closing" and "closed". The close event brings the server's reason, if it gave
 * one. The delay starts anew only after a connection that lasted, so a server that accepts and falls over is
 * not hammered. Messages are JSON, or with `raw` what they are: text and ArrayBuffers.
 *
 * A line may die without a word, and a page sees no pings. So a connection on which nothing is heard for
 * `patience()` seconds is given up. The server has to say something more often than that; where it does not
 * speak unasked, `ask()` is called before, and sends what will be answered.
 *
 * Returns `send(value)`, which says whether it could, `retry()`, `stop()` and `socket()`.
 */
export function stayConnected(path, { opened = () => {}, received, changed, raw = false, protocols = [], patience = () => SILENCE_SECONDS, ask = () => {} }) {
  let socket = null;
  let timer = 0;
  let delay = FIRST_DELAY_SECONDS;
  let isStopped = false;
  let hasEnded = false;

  function connect() {
    clearTimeout(timer);
    waitingConnections.delete(connect);
    hasEnded = false;
    changed("connecting", "connecting");
    let openedAt = Infinity;
    const mine = socket = new WebSocket(socketURL(path), protocols);
    const isOpen = () => mine.readyState === WebSocket.OPEN;
    const bearable = () => isOpen() ? patience() : Math.max(patience(), SILENCE_SECONDS); // a handshake takes its time
    const silence = watchSilence(bearable, () => isOpen() && ask(), (seconds) => {
      ended(new CloseEvent("close", { code: 1006, reason: `nothing heard for ${seconds} s` }));
    });
    mine.binaryType = "arraybuffer";
    mine.onopen = () => {
      openedAt = performance.now();
      silence.heard();
      changed("open", "connected");
      opened();
    };
    mine.onmessage = ({ data }) => {
      silence.heard();
      if (data !== ALIVE) received(raw ? data : JSON.parse(data));
    };
    mine.onclose = ended;

    function ended(event) {
      silence.end();
      mine.onopen = mine.onmessage = mine.onclose = null;
      mine.close(); // of a dead line the browser would wait for the close frame
      hasEnded = true;
      if (isStopped) return changed("closed", "closed", event);
      if (performance.now() - openedAt > STABLE_SECONDS * 1000) delay = FIRST_DELAY_SECONDS;
      const seconds = delay * (0.5 + Math.random() / 2);
      delay = Math.min(delay * 2, MOST_DELAY_SECONDS);
      timer = setTimeout(connect, seconds * 1000);
      waitingConnections.add(connect);
      changed("waiting", `trying again in ${Math.ceil(seconds)} s`, event);
    }
  }

  connect();
  return {
    send(value) {
      const isOpen = socket.readyState === WebSocket.OPEN;
      if (isOpen) socket.send(raw ? value : JSON.stringify(value));
      return isOpen;
    },
    socket: () => socket,
    retry: () => waitingConnections.has(connect) && connect(),
    stop(code = 1000, reason = "") {
      socket.close(code, reason); // throws for a code that a page may not send
      isStopped = true;
      clearTimeout(timer);
      waitingConnections.delete(connect);
      changed(hasEnded ? "closed" : "closing", hasEnded ? "closed" : "closing");
    },
  };
}

// A page that stood still itself, as in a laptop that slept, first hears what has come meanwhile: so
// silence has to be found twice.
function watchSilence(patience, ask, giveUp) {
  let heardAt = performance.now();
  let hasAsked = false;
  let wasSilent = false;
  const timer = setInterval(() => {
    const seconds = (performance.now() - heardAt) / 1000;
    const isSilent = seconds > patience();
    if (isSilent && wasSilent) return giveUp(Math.floor(seconds));
    wasSilent = isSilent;
    if (hasAsked || seconds < ASK_SECONDS) return;
    hasAsked = true;
    ask();
  }, 1000);
  return {
    heard() {
      heardAt = performance.now();
      hasAsked = wasSilent = false;
    },
    end: () => clearInterval(timer),
  };
}
