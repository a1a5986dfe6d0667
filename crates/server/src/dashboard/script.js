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
// What an element of a part is in the part that takes its place.
const twin = (element, part, fresh) => {
  const all = (it) => [...it.querySelectorAll(element.localName)];
  const has = (name) => (it) => it.hasAttribute(name) && it.getAttribute(name) === element.getAttribute(name);
  const others = all(fresh);
  return others.find(has("id")) ?? others.find(has("href")) ?? others[all(part).indexOf(element)];
};
// Puts a part in the place of an older one; whoever is in it by keyboard, or has unfolded it, stays so.
const swap = (part, fresh) => {
  const at = part.contains(document.activeElement) ? document.activeElement : null;
  const next = at && twin(at, part, fresh);
  for (const open of part.querySelectorAll("details[open]")) {
    const other = twin(open, part, fresh);
    if (other) other.open = true;
  }
  part.replaceWith(fresh);
  next?.focus({ preventScroll: true });
};
// Renews a part of the page while it says that something is under way.
let last = document.querySelector("[data-live]")?.outerHTML;
const follow = () => setTimeout(async () => {
  const part = document.querySelector("[data-live]");
  if (!part) return;
  try {
    const answer = await fetch(location.href, { headers: { "X-Renewal": "1" } });
    if (answer.redirected) return location.reload();
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById(part.id);
    if (answer.ok && fresh && fresh.outerHTML !== last) {
      last = fresh.outerHTML;
      swap(part, fresh);
    }
  } catch {
    // The server is away: the next try may find it.
  }
  follow();
}, 3000);
follow();
