// What the views of the playground have in common: elements, calls to the server, and pages in frames.

const SECONDS_FOR_A_FRAME = 15;

export const at = (id) => document.getElementById(id);

export function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children.filter((child) => child !== null));
  return made;
}

// What is between backticks is code.
export function prose(text) {
  return text.split("`").map((part, i) => (i % 2 ? element("code", { textContent: part }) : part));
}

export async function ask(call, said) {
  const answer = await fetch(call, { method: "POST", body: JSON.stringify(said) });
  if (answer.status === 404) throw new Error("The playground was started again. Open the address that the terminal shows.");
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.error);
  return told;
}

// Returns what has a page at this URL send a request, and tells what it was given.
export function framed(url, is_sandboxed) {
  const made = element("iframe", { title: "The page that sends the request", src: url });
  if (is_sandboxed) made.sandbox = "allow-scripts";
  const loaded = new Promise((resolve) => (made.onload = resolve));
  at("stage").append(made);
  return (words) =>
    new Promise((resolve, reject) => {
      const { port1, port2 } = new MessageChannel();
      const late = setTimeout(() => {
        reject(new Error(`The page at ${url} did not answer in ${SECONDS_FOR_A_FRAME} seconds. Does this browser know the name?`));
      }, 1000 * SECONDS_FOR_A_FRAME);
      port1.onmessage = ({ data }) => {
        clearTimeout(late);
        resolve(data);
      };
      // A sandboxed page has no origin that could be named.
      loaded.then(() => made.contentWindow.postMessage(words, is_sandboxed ? "*" : new URL(url).origin, [port2]));
    });
}
