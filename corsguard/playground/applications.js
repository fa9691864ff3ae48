// Applications side by side: pages in frames send every request of the table to each of them, and what they are given
// is next to what should happen.
import { ask, at, element, framed, prose } from "./parts.js";

const json = (method, content, more = {}) =>
  ({ method, body: JSON.stringify(content), ...more, headers: { "Content-Type": "application/json", ...more.headers } });

// Returns what fetches as a page of that origin does.
function from(url, is_sandboxed) {
  const page = framed(url, is_sandboxed);
  return async (address, { method = "GET", headers = {}, body = "", credentials = "same-origin" } = {}) => {
    const kind = body ? "json" : "none";
    const words = { call: "fetch", url: address, method, headers: Object.entries(headers), kind, body, credentials, redirect: "follow" };
    const got = await page(words);
    if (got.what === "error") throw Object.assign(new Error(`${address} failed`), { name: got.name });
    return { status: got.status, headers: new Headers(got.headers), json: () => JSON.parse(got.text) };
  };
}

// What fetches as the page does.
let send;

// What the page may know of an answer, in one line.
async function told(answer) {
  const response = await answer;
  return response.status === 204 ? "204" : `${response.status} ${response.json().text}`;
}

// Fetch: whatever the reason, a request that is refused rejects with a TypeError that says nothing.
const failure = ({ name }) => (name === "TypeError" ? "blocked" : `failed: ${name}`);
const outcome = (answer) => told(answer).catch(failure);

// That a request was blocked proves little, for the API might be down; so this page then reads the note.
async function read(happened, api) {
  return `${happened} there, ${(await send(`${api.origin}/notes/1`)).status} here`;
}
async function written(happened, api) {
  const note = await told(send(`${api.origin}/notes/1`));
  if (note === "200 Buy milk") return `${happened}; note unchanged`;
  // For the rows to come, and the next visitor.
  await send(`${api.origin}/notes/1`, json("PUT", { text: "Buy milk" }));
  return `${happened}; note changed`;
}

const groups = {
  "Reading": [
    {
      name: "Plain GET", code: "GET /notes/1", should: "200 Buy milk",
      why: "No preflight. `Access-Control-Allow-Origin` names this page's origin, so it may read the answer.",
      happens: (api) => told(send(`${api.origin}/notes/1`)),
    },
    {
      name: "Exposed header", code: "X-Word-Count", should: "X-Word-Count: 2",
      why: "`Access-Control-Expose-Headers` lists it.",
      happens: async (api) => `X-Word-Count: ${(await send(`${api.origin}/notes/1`)).headers.get("X-Word-Count")}`,
    },
    {
      name: "Header that is not exposed", code: "X-Served-By", should: "X-Served-By: null",
      why: "It is sent, but `Access-Control-Expose-Headers` does not list it.",
      happens: async (api) => `X-Served-By: ${(await send(`${api.origin}/notes/1`)).headers.get("X-Served-By")}`,
    },
  ],
  "Writing": [
    {
      name: "POST of JSON", code: "POST /notes", should: "201 Call Ada",
      why: "JSON needs a preflight. Its answer has `Content-Type` in `Access-Control-Allow-Headers`.",
      happens: async (api) => {
        const response = await send(`${api.origin}/notes`, json("POST", { text: "Call Ada" }));
        const { id, text } = await response.json();
        api.note = `${api.origin}/notes/${id}`;
        return `${response.status} ${text}`;
      },
    },
    {
      name: "PUT", code: "PUT /notes/…", should: "200 Call Grace",
      why: "The preflight's answer lists it in `Access-Control-Allow-Methods`.",
      happens: (api) => told(send(api.note, json("PUT", { text: "Call Grace" }))),
    },
    {
      name: "DELETE", code: "DELETE /notes/…", should: "204, then 404",
      why: "It is listed in `Access-Control-Allow-Methods`, too. Afterwards, the note does not exist.",
      happens: async (api) => `${await told(send(api.note, { method: "DELETE" }))}, then ${(await send(api.note)).status}`,
    },
    {
      name: "Custom request header", code: "X-Request-Id: 7f3a", should: "200 7f3a",
      why: "A preflight asks for it, and its answer has it in `Access-Control-Allow-Headers`.",
      happens: (api) => told(send(`${api.origin}/echo`, { headers: { "X-Request-Id": "7f3a" } })),
    },
  ],
  "Cookies": [
    {
      name: "Cookie, set and sent", code: 'credentials: "include"', should: "200 Welcome; then our cookie",
      why: "`Access-Control-Allow-Credentials: true` lets `Set-Cookie` work, and the cookie come back with the next request.",
      happens: async (api) => {
        const user = `ada-${Math.random().toString(36).slice(2)}`;
        const welcome = await told(send(`${api.origin}/login`, json("POST", { user }, { credentials: "include" })));
        const sent = await told(send(`${api.origin}/me`, { credentials: "include" }));
        return `${welcome}; then ${sent === `200 ${user}` ? "our cookie" : sent}`;
      },
    },
  ],
  "Errors that the page can read": [
    {
      name: "401", code: "GET /me", should: "401 Log in first",
      why: "Without `credentials` no cookie is sent. The answer has `Access-Control-Allow-Origin` like any other.",
      happens: (api) => told(send(`${api.origin}/me`)),
    },
    {
      name: "404", code: "GET /nowhere", should: "404 No such page",
      why: "This path does not exist. Because of `Access-Control-Allow-Origin`, the page can read the 404.",
      happens: (api) => told(send(`${api.origin}/nowhere`)),
    },
    {
      name: "500", code: "GET /broken", should: "500 Something broke",
      why: "An exception that nobody handles becomes an answer inside the guard, so it has `Access-Control-Allow-Origin`.",
      happens: (api) => told(send(`${api.origin}/broken`)),
    },
  ],
  "Refused": [
    {
      name: "Method", code: "PATCH /notes/1", should: "blocked; note unchanged",
      why: "The API serves it, but `Access-Control-Allow-Methods` does not list it, so the browser never sends it.",
      happens: async (api) => written(await outcome(send(`${api.origin}/notes/1`, json("PATCH", { text: "Sell milk" }))), api),
    },
    {
      name: "Request header", code: "X-Debug: 1", should: "blocked; note unchanged",
      why: "`Access-Control-Allow-Headers` does not list it, so the browser never sends the request.",
      happens: async (api) => {
        const options = json("PUT", { text: "Sell milk" }, { headers: { "X-Debug": "1" } });
        return written(await outcome(send(`${api.origin}/notes/1`, options)), api);
      },
    },
    {
      name: "Page of another origin reads", code: "GET /notes/1", should: "blocked there, 200 here",
      why: "This page again, from `{stranger}`. The answer has no `Access-Control-Allow-Origin`, so the browser hides it.",
      happens: async (api) => read(await outcome(api.stranger(`${api.origin}/notes/1`)), api),
    },
    {
      name: "Page of another origin writes", code: "PUT /notes/1", should: "blocked; note unchanged",
      why: "From `{stranger}`. Its preflight is answered with 403, so the `PUT` is never sent.",
      happens: async (api) => written(await outcome(api.stranger(`${api.origin}/notes/1`, json("PUT", { text: "Sell milk" }))), api),
    },
    {
      name: "Sandboxed frame reads", code: "GET /notes/1", should: "blocked there, 200 here",
      why: "A sandboxed frame sends `Origin: null`, even on this origin. Any site can have such a frame.",
      happens: async (api) => read(await outcome(api.sandbox(`${api.origin}/notes/1`)), api),
    },
  ],
};

// The page itself.

// For narrow screens, which have no room for the column headers.
const labelled = (label, cell) => (cell.dataset.label = label, cell);

function mark({ cell, sign, code, dot }, happened, agrees) {
  cell.className = `api ${agrees ? "agrees" : "disagrees"}`;
  dot.className = agrees ? "agrees" : "disagrees";
  sign.replaceChildren(agrees ? "✓" : "✗", element("span", { className: "unseen" }, agrees ? " agrees: " : " disagrees: "));
  code.textContent = happened;
}

async function run() {
  const shown = await ask("compare", {});
  send = from(shown.frames.page);
  const stranger = from(shown.frames.stranger);
  const sandbox = from(shown.frames.sandbox, true);
  const apis = Object.entries(shown.origins).map(([title, origin]) => ({ title, origin, stranger, sandbox, note: `${origin}/notes/none`, cells: [] }));
  at("here").textContent = shown.page;
  if (shown.environment) at("environment").textContent = `, in ${shown.environment}`;
  for (const [keyword, value] of Object.entries(shown.policy)) {
    const text = Array.isArray(value) ? `[${value.map((item) => `"${item}"`).join(", ")}]` : value === true ? "True" : value === false ? "False" : JSON.stringify(value);
    at("policy").append(element("b", {}, `${keyword} = `), `${text}\n`);
  }
  for (const { title, origin } of apis) {
    at("columns").append(element("th", { scope: "col" }, title, element("small", {}, origin.replace("http://", ""))));
  }
  const rows = Object.values(groups).flat();
  // What is else under the policy of this environment, for a row or for all of them.
  for (const row of rows) Object.assign(row, shown.differing[row.name] ?? shown.differing["*"]);
  for (const [title, members] of Object.entries(groups)) {
    const body = element("tbody", {}, element("tr", {}, element("th", { scope: "rowgroup", colSpan: 2 + apis.length }, title)));
    for (const row of members) {
      const why = element("p", {}, ...prose(row.why.replace("{stranger}", shown.stranger)));
      const line = element("tr", {}, element("th", { scope: "row" }, element("b", {}, row.name), " ", element("code", {}, row.code), why));
      line.append(labelled("Should happen", element("td", { className: "should" }, element("code", {}, row.should))));
      for (const api of apis) {
        const sign = element("span", { className: "sign" }, "·");
        const code = element("code", {});
        const cell = labelled(api.title, element("td", { className: "api" }, sign, code));
        const dot = at("dots").appendChild(element("i", {}));
        api.cells.push({ row, cell, sign, code, dot });
        line.append(cell);
      }
      body.append(line);
    }
    document.querySelector("table").append(body);
  }

  window.results = [];
  // Within one API in order, since a note is written before it is changed; all of them at the same time.
  await Promise.all(apis.map(async (api) => {
    for (const cell of api.cells) {
      const happened = await cell.row.happens(api).catch(failure);
      const agrees = happened === cell.row.should;
      mark(cell, happened, agrees);
      window.results.push({ row: cell.row.name, api: api.title, should: cell.row.should, happened, agrees });
    }
  }));

  const agreeing = rows.filter(({ name }) => window.results.every(({ row, agrees }) => row !== name || agrees)).length;
  at("headline").textContent = `${agreeing} of ${rows.length} rows agree`;
  at("count").textContent =
    `${window.results.length} answers from ${apis.length} APIs, each next to what the policy says should happen.`;
  document.documentElement.dataset.verdict = agreeing === rows.length ? "agree" : "disagree";
}

run().catch((error) => {
  at("headline").textContent = error.message;
});
