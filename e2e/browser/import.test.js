// A planilla is uploaded with errors, mended, and uploaded again: by mouse, without scripts, by
// keyboard alone.

'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');
const { LONGEST, headed, launch, newcomer } = require('./browser');
const { keyboard, mouse } = require('./hands');
const { Installation } = require('./installation');
const { picture } = require('./look');

const PASSWORD = 'una frase bastante larga';
const WAYS = [
  ['by mouse', mouse, {}],
  ['without scripts', mouse, { javaScriptEnabled: false }],
  ['by keyboard alone', keyboard, {}],
];

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

for (const [way, hands, options] of WAYS) {
  test(`an import with errors, ${way}`, { timeout: LONGEST }, async () => {
    const installation = await Installation.start();
    const page = await newcomer(browser, installation, options);
    try {
      await page.goto(installation.welcome);
      await hands.write(page, 'E-mail', 'persona@example.com');
      await hands.write(page, 'Password', PASSWORD);
      await hands.write(page, 'Password again', PASSWORD);
      await hands.press(page, 'Set password');
      await headed(page, 'Home');
      await hands.follow(page, 'Production');
      await page.waitForURL('**/production');

      const planilla = installation.planilla();
      await upload(page, hands, 'con-errores.txt', planilla.replace('0200001CC1995', '0200001XX1995'));
      await page.locator('.tag.refused').waitFor();
      await page.waitForLoadState();
      const [line] = await page.locator('.finding h3').allTextContents();
      assert.match(line, /^Line 2 · Field 3 /);
      assert.equal(await page.locator('.finding mark').first().textContent(), 'XX');
      await picture(page, 'import');

      await upload(page, hands, 'corregida.txt', planilla);
      await page.locator('.tag.accepted').waitFor();
      await page.getByText('No findings.').waitFor();
      await page.leave();
    } finally {
      await installation.stop();
    }
  });
}

// The page of the import moves on by itself.
async function upload(page, hands, name, text) {
  await hands.follow(page, 'Planillas');
  await headed(page, 'Planillas');
  await page.waitForLoadState();
  // Open while there is nothing in the list.
  const form = page.getByLabel('File', { exact: true });
  if (!(await form.isVisible())) await hands.unfold(page, 'Upload planilla');
  await hands.attach(page, 'File', {
    name, mimeType: 'text/plain', buffer: Buffer.from(text, 'latin1'),
  });
  await hands.press(page, 'Upload');
  await headed(page, name);
  await page.waitForLoadState();
}
