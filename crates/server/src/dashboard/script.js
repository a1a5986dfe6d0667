"use strict";
// A button that copies what stands in the element it names.
for (const button of document.querySelectorAll("button[data-copies]")) {
  const source = document.getElementById(button.dataset.copies);
  if (!source || !navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(source.textContent);
    button.textContent = button.dataset.done;
  });
}
// Renews a part of the page while it says that something is under way.
const follow = () => setTimeout(async () => {
  const part = document.querySelector("[data-live]");
  if (!part) return;
  try {
    const answer = await fetch(location.href, { headers: { "X-Renewal": "1" } });
    if (answer.redirected) return location.reload();
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById(part.id);
    if (answer.ok && fresh) part.replaceWith(fresh);
  } catch {
    // The server is away: the next try may find it.
  }
  follow();
}, 3000);
follow();
