// Two ways of using a page. A journey is told once, and walked with either.

'use strict';

const assert = require('node:assert/strict');

// The first: some pages link to what the navigation has too.
const link = (page, name) => page.getByRole('link', { name, exact: true }).first();
const button = (page, name) => page.getByRole('button', { name, exact: true });
const field = (page, label) => page.getByLabel(label, { exact: true });
const summary = (page, name) => page.locator('summary').filter({ hasText: name });

// Chooses a file, however its dialog is opened.
async function chosen(page, file, opening) {
  const [chooser] = await Promise.all([page.waitForEvent('filechooser'), opening]);
  await chooser.setFiles(file);
}

const mouse = {
  follow: (page, name) => link(page, name).click(),
  press: (page, name) => button(page, name).click(),
  unfold: (page, name) => summary(page, name).click(),
  write: (page, label, text) => field(page, label).fill(text),
  choose: (page, label, option) => field(page, label).selectOption(option),
  tick: (page, label) => field(page, label).check(),
  attach: (page, label, file) => chosen(page, file, field(page, label).click()),
};

// More stops than any page has.
const STOPS = 200;

// Goes on with the Tab key until an element has the focus. Whoever does that has to see where they
// are: every stop is marked, and inside the window.
async function reach(page, locator) {
  await locator.waitFor();
  // Until then there is no style.
  await page.waitForLoadState();
  for (let stop = 0; stop < STOPS; stop += 1) {
    await page.keyboard.press('Tab');
    const { seen, what } = await page.evaluate(() => {
      const { activeElement: at, body } = document;
      const { outlineStyle, outlineWidth } = getComputedStyle(at);
      const { top, left, bottom, right } = at.getBoundingClientRect();
      const inside = bottom > 0 && right > 0 && top < innerHeight && left < innerWidth;
      const marked = outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2;
      return { seen: at === body || (inside && marked), what: at.outerHTML.slice(0, 200) };
    });
    assert.ok(seen, `one cannot see that this has the focus: ${what}`);
    if (await locator.evaluate((element) => element === document.activeElement)) return;
  }
  assert.fail(`the Tab key does not lead to ${locator}`);
}

async function keyed(page, locator, ...keys) {
  await reach(page, locator);
  for (const key of keys) await page.keyboard.press(key);
}

const keyboard = {
  follow: (page, name) => keyed(page, link(page, name), 'Enter'),
  press: (page, name) => keyed(page, button(page, name), 'Enter'),
  unfold: (page, name) => keyed(page, summary(page, name), 'Enter'),
  tick: (page, label) => keyed(page, field(page, label), 'Space'),
  attach: (page, label, file) => chosen(page, file, keyed(page, field(page, label), 'Enter')),
  write: async (page, label, text) => {
    await keyed(page, field(page, label), 'ControlOrMeta+a');
    await page.keyboard.type(text);
  },
  // What is typed into a list chooses what begins so.
  choose: async (page, label, option) => {
    await reach(page, field(page, label));
    await page.keyboard.type(option.label);
  },
};

module.exports = { keyboard, mouse };
