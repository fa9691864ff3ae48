// A page of some origin: it sends what the desk, and nobody else, asks it to send, and tells what it was given.
"use strict";

const desk = document.documentElement.dataset.desk;

addEventListener("message", async ({ origin, data, ports: [port] }) => {
  if (origin !== desk) return;
  if (data.session) await fetch(data.session, { mode: "no-cors", credentials: "include" }).catch(() => undefined);
  const send = { fetch: byFetch, upload: byUpload, websocket: byWebSocket }[data.call];
  port.postMessage(await send(data).catch((error) => ({ what: "error", name: error.name })));
});

function bodyOf({ kind, body }) {
  if (kind === "none") return undefined;
  if (kind !== "file") return body;
  const form = new FormData();
  form.append("file", new Blob([body], { type: "text/plain" }), "file.txt");
  return form;
}

async function byFetch(said) {
  const { url, method, headers, credentials, redirect } = said;
  const signal = AbortSignal.timeout(10_000);
  const response = await fetch(url, { method, headers, credentials, redirect, signal, body: bodyOf(said) });
  const { status, type } = response;
  return { what: "response", status, type, headers: [...response.headers], text: (await response.text()).slice(0, 2000) };
}

function byUpload(said) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open(said.method, said.url);
    request.withCredentials = said.credentials === "include";
    for (const [name, value] of said.headers) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", () => undefined);
    request.addEventListener("error", () => resolve({ what: "error" }));
    request.addEventListener("load", () => {
      const lines = request.getAllResponseHeaders().trim().split("\r\n").filter(Boolean);
      const headers = lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]);
      resolve({ what: "response", status: request.status, type: "", headers, text: request.responseText.slice(0, 2000) });
    });
    request.send(bodyOf(said));
  });
}

function byWebSocket({ url }) {
  return new Promise((resolve) => {
    const socket = new WebSocket(url);
    socket.addEventListener("open", () => {
      socket.close();
      resolve({ what: "open" });
    });
    socket.addEventListener("error", () => resolve({ what: "error" }));
  });
}
