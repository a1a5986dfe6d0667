"use strict";
// While the source is being asked: looks again, and moves on when the page is another one.
const look = async () => {
  const answer = await fetch(location.href, { credentials: "same-origin" }).catch(() => null);
  if (answer && !(await answer.text()).includes("data-waits")) location.reload();
  else setTimeout(look, 1500);
};
if (document.querySelector("[data-waits]")) setTimeout(look, 1500);
