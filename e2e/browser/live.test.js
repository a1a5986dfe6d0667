// A page that renews itself leaves whoever uses it by keyboard where they are.

'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');
const { LONGEST, headed, launch, newcomer, reloaded } = require('./browser');
const { Installation } = require('./installation');

const PASSWORD = 'una frase bastante larga';
// The operator is away twice when this one is asked about: minutes go by between.
const WAITS = '1999000503';

let browser;
let installation;

before(async () => { [browser, installation] = [await launch(), await Installation.start()]; });

after(async () => {
  await browser.close();
  await installation.stop();
});

test('what has the focus keeps it', { timeout: LONGEST }, async () => {
  const page = await newcomer(browser, installation);
  await page.goto(installation.welcome);
  for (const [name, text] of [
    ['E-mail', 'persona@example.com'], ['Password', PASSWORD], ['Password again', PASSWORD],
  ]) await page.getByLabel(name, { exact: true }).fill(text);
  await page.getByRole('button', { name: 'Set password' }).click();
  await headed(page, 'Home');
  const client = installation.client('sandbox');
  const rows = ['document', '1999000001', WAITS].join('\n');
  const { id } = await client('POST', '/manage/v1/cohorts/', Buffer.from(rows), 202);
  await page.goto(`/dashboard/sandbox/cohorts/${id}`);
  await reloaded(page, 'tbody a');
  const result = page.locator('[data-live] tbody a');
  const href = await result.getAttribute('href');
  await result.focus();
  const renewal = () => page.waitForResponse((it) => 'x-renewal' in it.request().headers());
  const focused = () => page.evaluate(() => document.activeElement.getAttribute('href'));
  // The second is asked for when the first has been shown.
  await renewal();
  await renewal();
  assert.equal(await focused(), href);
  await client('DELETE', `/manage/v1/cohorts/${id}/`);
  await page.locator('#cohort:not([data-live])').waitFor();
  assert.equal(await focused(), href, 'also when the part is another one');
  await page.leave();
});
