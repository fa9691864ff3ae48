// The desk: what one writes here goes to the server, which judges; what it answers is shown. No text becomes HTML but
// the diagrams, which the server has drawn and escaped.
import { ask, at, element, framed, prose } from "./parts.js";

const form = at("request");
const FIELDS = ["page", "call", "path", "method", "credentials", "redirect", "kind", "headers", "body"];
let first = {};
let run = null;
// Which judgement is the last one that was asked for: an older one comes too late.
let judging = 0;
let waiting;

localStorage.setItem("corsguard-playground", location.pathname.split("/")[1]);

// What is made.

function button(text, onclick, more) {
  return element("button", { type: "button", textContent: text, onclick, ...more });
}

function say(text) {
  at("status").textContent = text;
}

async function copied(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    say(`${what} copied.`);
  } catch {
    say("This browser does not let the page copy. Select the text instead.");
  }
}

function copyable(title, text) {
  return element(
    "details",
    { className: "conversion", name: "copies" },
    element("summary", { textContent: title }),
    button("Copy", () => copied(text, title), { className: "copy", ariaLabel: `Copy ${title}` }),
    element("pre", { textContent: text, tabIndex: 0 }),
  );
}

// The state, which a link holds whole: never the token.

function state() {
  const request = Object.fromEntries(FIELDS.map((name) => [name, form.elements[name].value]));
  return { policy: at("policy").value, environment: at("environment").value, request };
}

function encoded(value) {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join("")).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function decoded(text) {
  try {
    const bytes = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
    const value = JSON.parse(new TextDecoder().decode(bytes));
    return typeof value.policy === "string" && typeof value.request === "object" ? value : null;
  } catch {
    return null;
  }
}

function remember() {
  history.replaceState(null, "", `#${encoded(state())}`);
}

function takeState({ policy, environment, request }) {
  const sample = first.samples.find(({ text }) => text === policy);
  if (sample) takeSample(sample);
  at("policy").value = policy;
  takeRequest(request);
  return judge(environment);
}

// The policy.

async function judge(environment = at("environment").value) {
  const number = (judging += 1);
  fit();
  remember();
  let told;
  try {
    told = await ask("judge", { policy: at("policy").value, environment });
  } catch (error) {
    say(error.message);
    return;
  }
  if (number !== judging) return;
  showProblems(told.problems);
  showEnvironments(told.environments, environment);
  at("conversions").replaceChildren(
    ...(told.conversions.length
      ? told.conversions.map(({ title, text, is_refused }) => copyable(is_refused ? `${title}: cannot say this` : title, text))
      : [element("p", { className: "quiet", textContent: "Fix the policy first." })]),
  );
}

function fit() {
  at("policy").rows = Math.max(8, at("policy").value.split("\n").length + 1);
}

function showProblems(problems) {
  const errors = problems.filter(({ level }) => level === "error").length;
  const count = (number, what) => `${number} ${what}${number === 1 ? "" : "s"}`;
  at("judged").textContent = problems.length ? `${count(errors, "error")}, ${count(problems.length - errors, "warning")}.` : "No errors, no warnings.";
  const marks = new Map(problems.toReversed().map(({ line, level }) => [line, level]));
  const lines = at("policy").value.split("\n");
  at("lines").replaceChildren(...lines.map((_, i) => element("li", { className: marks.get(i + 1) ?? "" }, element("span", { textContent: i + 1 }))));
  at("policy").ariaInvalid = errors > 0 ? "true" : "false";
  at("problems").replaceChildren(
    ...problems.map(({ level, line, code, message, fix, corrections }) =>
      element(
        "li",
        { className: level },
        element(
          "p",
          {},
          line ? button(`Line ${line}`, () => goTo(line), { ariaLabel: `Go to line ${line}` }) : null,
          ` ${level === "error" ? "Error" : "Warning"} ${code}: `,
          ...prose(message),
        ),
        // What has to be written by hand is shown all the same.
        corrections.every(({ otherwise }) => otherwise) ? element("p", { className: "fix", textContent: `Fix: ${fix}` }) : null,
        element(
          "div",
          { className: "row" },
          ...corrections.map(({ does, text, otherwise }) =>
            button(otherwise ? capitalized(does) : `Fix: ${does}`, () => takePolicy(text, `Fixed: ${code}. Ctrl+Z undoes it.`), { className: "fix" }),
          ),
        ),
      ),
    ),
  );
}

// What a button would write was made of a text that is no longer there.
function outdate() {
  for (const fix of at("problems").querySelectorAll("button.fix")) fix.disabled = true;
}

function capitalized(text) {
  return text[0].toUpperCase() + text.slice(1);
}

function goTo(line) {
  const before = at("policy").value.split("\n").slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
  at("policy").focus();
  at("policy").setSelectionRange(before, before + at("policy").value.split("\n")[line - 1].length);
}

function takePolicy(text, told) {
  const policy = at("policy");
  policy.focus();
  policy.select();
  // What is written as if it were typed can be undone with Ctrl+Z.
  if (!document.execCommand("insertText", false, text)) policy.value = text;
  policy.setSelectionRange(0, 0);
  clearTimeout(waiting);
  outdate();
  say(told);
  return judge();
}

function showEnvironments(names, chosen) {
  at("of-environment").hidden = names.length === 0;
  at("environment").replaceChildren(...names.map((name) => element("option", { value: name, textContent: name, selected: name === chosen })));
}

// The request.

function takeRequest(request) {
  for (const name of FIELDS) if (typeof request[name] === "string") form.elements[name].value = request[name];
  showRequest();
}

function showRequest() {
  const said = state().request;
  for (const label of form.querySelectorAll("[data-for]")) label.hidden = !label.dataset.for.split(" ").includes(said.call);
  at("of-body").hidden = said.call === "websocket" || said.kind === "none";
  at("code").textContent = inJavaScript(said);
}

function inJavaScript({ call, path, method, headers, kind, body, credentials, redirect }) {
  const url = JSON.stringify(first.server + path);
  if (call === "websocket") return `new WebSocket(${url.replace("http", "ws")})`;
  const lines = headers.split("\n").map((line) => line.split(/:(.*)/s)).filter(([name]) => name.trim());
  const pairs = lines.map(([name, value]) => [name.trim(), (value ?? "").trim()]);
  if (kind === "json" && !pairs.some(([name]) => name.toLowerCase() === "content-type")) pairs.push(["Content-Type", "application/json"]);
  const content = kind === "none" ? null : kind === "file" ? "formWithFile" : JSON.stringify(body);
  if (call === "upload") {
    return [
      "const request = new XMLHttpRequest();",
      `request.open(${JSON.stringify(method)}, ${url});`,
      credentials === "include" ? "request.withCredentials = true;" : "",
      ...pairs.map(([name, value]) => `request.setRequestHeader(${JSON.stringify(name)}, ${JSON.stringify(value)});`),
      'request.upload.addEventListener("progress", show);',
      `request.send(${content ?? ""});`,
    ].filter(Boolean).join("\n");
  }
  const options = [
    method === "GET" ? "" : `method: ${JSON.stringify(method)}`,
    pairs.length ? `headers: ${inBraces(pairs.map((pair) => pair.map((text) => JSON.stringify(text)).join(": ")))}` : "",
    content === null ? "" : `body: ${content}`,
    credentials === "same-origin" ? "" : `credentials: "${credentials}"`,
    redirect === "follow" ? "" : `redirect: "${redirect}"`,
  ].filter(Boolean);
  return options.length ? `fetch(${url}, {\n${options.map((option) => `  ${option},\n`).join("")}})` : `fetch(${url})`;
}

function inBraces(lines) {
  return lines.length > 1 ? `{\n${lines.map((line) => `    ${line},\n`).join("")}  }` : `{ ${lines.join("")} }`;
}

// The run: the model has played it already; a frame of the right origin sends it once more.

async function send(call, said) {
  at("run").disabled = true;
  say("Running.");
  at("result").ariaBusy = "true";
  try {
    run = { ...run, ...(await ask(call, said)) };
    const got = run.frame ? await sentBy(run) : null;
    const seen = got && (await ask("seen", { run: run.run, got, browser: navigator.userAgent }));
    showResult(run, seen, got);
    // Where all stands one below the other, the result would not be seen.
    if (at("result").getBoundingClientRect().top > innerHeight - 100) at("result-title").scrollIntoView();
    say(`${(seen ?? run).verdict}${seen ? ` ${agreement(seen)}` : ""}`);
  } catch (error) {
    say("There is no result. The reason is under What happened.");
    at("result").replaceChildren(element("p", { className: "bad", textContent: error.message }));
  } finally {
    at("run").disabled = false;
    at("result").ariaBusy = "false";
  }
}

function sentBy({ frame, is_sandboxed, send: words }) {
  at("stage").replaceChildren();
  return framed(frame, is_sandboxed)(words);
}

function agreement({ differences }) {
  if (!differences.length) return "Your browser and the model agree.";
  return differences.every(({ why }) => why) ? "Your browser and the model differ for a known reason." : "Your browser and the model do not agree.";
}

// What happened.

function engine() {
  if (navigator.userAgent.includes("Firefox/")) return "Firefox";
  return navigator.userAgent.includes("Chrome/") ? "Chromium" : "Safari";
}

function showResult(played, seen, got) {
  at("again").hidden = !played.frame;
  at("result").replaceChildren(
    ...outcome(played, seen),
    ...deciding(seen ?? played),
    ...changes(played.story),
    ...(seen ? differing(seen) : []),
    ...given(got),
    ...consoles(played),
    drawn((seen ?? played).diagram),
    ...story(played.story),
    element("h3", { textContent: "Use it elsewhere" }),
    copyable("As a test", played.test),
    ...(played.curl ? [copyable("As curl", played.curl)] : []),
    ...(seen ? [element("details", { className: "conversion" }, element("summary", { textContent: "The model's diagram" }), drawn(played.diagram))] : []),
  );
}

function outcome(played, seen) {
  const { readable, verdict, happened } = seen ?? played;
  return [
    element(
      "div",
      { className: `outcome ${readable ? "good" : "bad"}` },
      element("strong", { textContent: verdict }),
      ...happened.map((text) => element("p", { textContent: text })),
      element("p", { className: "agreement quiet", textContent: seen ? agreement(seen) : "This is the model's answer." }),
    ),
    ...(seen ? [] : [element("p", { className: "warning", textContent: `Not run in your browser. ${played.why}` })]),
  ];
}

// The lines on the wire that decided, never folded away.
function deciding({ decided }) {
  return decided.map(({ title, sent, answered }) =>
    element(
      "dl",
      { className: "decided" },
      element("dt", { textContent: `The browser sends ${title}` }),
      ...sent.map((line) => element("dd", { textContent: line })),
      element("dt", { textContent: "The server answers" }),
      ...answered.map((line) => element("dd", { textContent: line })),
    ),
  );
}

function differing({ differences, case: text }) {
  if (!differences.length) return [];
  return [
    element("ul", {}, ...differences.map(({ about, browser, model }) => element("li", { textContent: `${about}. Your browser: ${browser}. The model: ${model}.` }))),
    ...new Set(differences.map(({ why }) => why).filter(Boolean)),
    copyable("The case, as text to report", text),
  ];
}

function consoles({ console: lines }) {
  if (!lines[engine()] && !lines.Chromium) return [];
  const own = lines[engine()] ? engine() : "Chromium";
  const others = Object.entries(lines).filter(([name, line]) => name !== own && line);
  return [
    element("h3", { textContent: "In the console" }),
    element("pre", { className: "bad", textContent: lines[own], tabIndex: 0 }),
    element("details", {}, element("summary", { textContent: "Other browsers" }), ...others.map(([name, line]) => element("div", {}, element("p", { className: "named", textContent: name }), element("pre", { textContent: line })))),
  ];
}

function drawn(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content.firstElementChild;
}

function given(got) {
  if (got?.what !== "response" || got.status === 0) return [];
  const lines = [...got.headers.map(([name, value]) => `${name}: ${value}`), "", got.text];
  return [element("h3", { textContent: "What the page can read" }), element("pre", { textContent: lines.join("\n"), tabIndex: 0 })];
}

function story({ verdict, steps, notes }) {
  return [
    element("h3", { textContent: "Step by step" }),
    element("p", { textContent: verdict }),
    element("ul", { className: "steps" }, ...steps.map(({ of, name, passed, reason }) => element("li", { className: passed ? "" : "no" }, element("span", { className: "unseen", textContent: passed ? "Passed: " : "Failed: " }), element("strong", { textContent: `${name}, ${of}: ` }), reason))),
    ...notes.map((text) => element("p", { className: "quiet", textContent: text })),
  ];
}

function changes({ edits, corrected, page }) {
  return [
    ...(edits.length || page.length ? [element("h3", { textContent: "What to change" })] : []),
    ...edits.map(({ place, lines, problems }) =>
      element(
        "div",
        { className: "edit" },
        element("p", { textContent: place }),
        element("pre", { textContent: lines.join("\n") }),
        ...problems.map((text) => element("p", { className: "warning", textContent: text })),
      ),
    ),
    ...(corrected === null ? [] : [button("Change the policy and run", async () => {
      await takePolicy(corrected, "Changed.");
      await start();
    }, { className: "main" })]),
    ...page.map((line) => element("div", { className: "edit" }, element("p", { textContent: edits.length ? "Or change the page" : "The page" }), element("pre", { textContent: line }))),
  ];
}

function start() {
  return send("run", state());
}

// What begins it all.

function takeSample(sample) {
  at("sample").value = sample.title;
  at("sample-shows").replaceChildren(...prose(sample.shows));
  const { page, path } = form.elements;
  if (page.value !== "null") page.value = sample.page;
  const bare = first.samples.reduce((text, { base }) => (base && text.startsWith(`${base}/`) ? text.slice(base.length) : text), path.value);
  path.value = sample.base + bare;
  showRequest();
}

function takeReady({ title, shows, request }) {
  const sample = first.samples.find((one) => one.title === at("sample").value);
  takeRequest({ page: sample.page, ...request, path: sample.base + request.path });
  at("ready-shows").replaceChildren(...prose(shows));
  for (const one of at("ready").children) one.ariaPressed = String(one.textContent === title);
  remember();
}

async function begin() {
  first = await ask("start", {});
  at("compare").hidden = !first.compares;
  at("pages").append(...first.pages.map((page) => element("option", { value: page })));
  at("ready").append(...first.ready.map((ready) => button(ready.title, () => takeReady(ready), { ariaPressed: "false" })));
  at("sample").append(...first.samples.map(({ title }) => element("option", { value: title, textContent: title })));
  at("sample").addEventListener("change", () => {
    const sample = first.samples.find(({ title }) => title === at("sample").value);
    takeSample(sample);
    return takePolicy(sample.text, `${sample.title}: ${sample.shows}`);
  });
  at("policy").addEventListener("input", () => {
    fit();
    outdate();
    clearTimeout(waiting);
    waiting = setTimeout(judge, 150);
  });
  at("environment").addEventListener("change", () => judge());
  form.addEventListener("input", () => {
    showRequest();
    remember();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    return start();
  });
  at("again").addEventListener("click", () => send("again", { run: run.run }));
  at("link").addEventListener("click", () => copied(`${location.origin}/#${encoded(state())}`, "Link"));
  addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      start();
    }
  });
  addEventListener("hashchange", () => {
    const held = decoded(location.hash.slice(1));
    if (held) takeState(held);
  });
  const held = decoded(location.hash.slice(1));
  takeSample(first.samples[0]);
  takeReady(first.ready[0]);
  if (held) await takeState(held);
  else {
    at("policy").value = first.samples[0].text;
    await judge();
  }
  document.documentElement.dataset.ready = "";
}

begin().catch((error) => say(error.message));
