"use strict";
// While the source is being asked: looks again, and moves on when the page is another one.
const look = async () => {
  const answer = await fetch(location.href, { credentials: "same-origin" }).catch(() => null);
  if (answer && !(await answer.text()).includes("data-waits")) location.reload();
  else setTimeout(look, 1500);
};
if (document.querySelector("[data-waits]")) setTimeout(look, 1500);
// A phone shows digits for documents whose numbers have nothing else.
const kind = document.getElementById("document_type");
if (kind) {
  const pad = () => {
    document.getElementById("document_number").inputMode = ["CC", "TI"].includes(kind.value) ? "numeric" : "text";
  };
  kind.addEventListener("change", pad);
  pad();
}
