// A link has no token. A browser that has opened this playground before knows it. Any other browser shows what to do.
"use strict";

(async () => {
  const token = localStorage.getItem("corsguard-playground");
  const answer = token && (await fetch(`/${token}/`).catch(() => undefined));
  if (answer?.ok) {
    location.replace(`/${token}/${location.hash}`);
  } else {
    document.getElementById("told").textContent =
      "Open the address that the terminal shows where corsguard playground runs. Then open this link again.";
  }
})();
