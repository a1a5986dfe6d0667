// Looks at a page with axe, and takes its picture.

'use strict';

const path = require('node:path');
const axe = require('axe-core');
const { DESKTOP, PHONE } = require('./browser');

const PICTURES = path.join(__dirname, '..', 'screenshots');
// Text twice as large on a phone is as much as half of its width.
const NARROW = { width: 320, height: 640 };
const THEMES = [['light', DESKTOP], ['dark', PHONE]];

// What was looked at, [page, state, theme], and what is wrong there: one fault hides no other.
const looked = [];
const faults = [];

// The page of a template, in a state.
async function look(page, name, state) {
  await page.waitForLoadState();
  for (const [theme, size] of THEMES) {
    const what = `${name}-${state}-${theme}`;
    await page.emulateMedia({ colorScheme: theme });
    await page.setViewportSize(size);
    faults.push(...(await broken(page)).map((fault) => `${what}: ${fault}`));
    await picture(page, what);
    looked.push([name, state, theme]);
  }
  await page.setViewportSize(NARROW);
  const { scrollWidth, innerWidth } = await page.evaluate(() => ({
    scrollWidth: document.documentElement.scrollWidth, innerWidth,
  }));
  if (scrollWidth > innerWidth) faults.push(`${name}-${state} is ${scrollWidth} px wide`);
}

// Keeps a picture of a page.
async function picture(page, name) {
  await page.screenshot({ path: path.join(PICTURES, `${name}.png`), fullPage: true });
}

// The same with everything open that can be opened.
async function lookInside(page, name, state) {
  await page.locator('details').evaluateAll((all) => all.forEach((one) => { one.open = true; }));
  await look(page, name, state);
}

// Every rule that axe has, also those that it does not apply by itself.
async function broken(page) {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(async () => {
    const rules = window.axe.getRules().map(({ ruleId }) => [ruleId, { enabled: true }]);
    return window.axe.run({ rules: Object.fromEntries(rules) });
  });
  return violations.map(({ id, nodes }) => `${id} ${nodes.map(({ html }) => html).join(' ')}`);
}

module.exports = { THEMES, faults, look, lookInside, looked, picture };
