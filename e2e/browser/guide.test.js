// The guide of the README, walked in the dashboard: by mouse, without scripts, by keyboard alone.

'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');
const { LONGEST, headed, launch, newcomer, reloaded } = require('./browser');
const { keyboard, mouse } = require('./hands');
const { Installation } = require('./installation');
const { picture } = require('./look');
const { Receiver } = require('./receiver');

const EMAIL = 'persona@example.com';
const PASSWORD = 'una frase bastante larga';

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

const WAYS = [
  ['by mouse', mouse, { permissions: ['clipboard-read', 'clipboard-write'] }],
  ['without scripts', mouse, { javaScriptEnabled: false }],
  ['by keyboard alone', keyboard, {}],
];
for (const [way, hands, options] of WAYS) {
  test(`the guide ${way}`, { timeout: LONGEST }, () => guide(hands, options));
}

async function guide(hands, options) {
  const [installation, receiver] = [await Installation.start(), await Receiver.start()];
  const page = await newcomer(browser, installation, options);
  try {
    await firstRun(page, hands, installation);
    const keys = await key(page, hands, options);
    await picture(page, 'guide-key');
    await webhook(page, hands, receiver);
    const link = await createLink(installation, keys);
    const deliveries = await bothArrive(page, hands, receiver, link);
    await replay(page, hands, receiver, deliveries);
    await picture(page, 'guide-delivery');
    await employments(page, hands, link);
    await picture(page, 'guide-link');
    await comeBack(page, hands);
    await page.leave();
  } finally {
    await receiver.stop();
    await installation.stop();
  }
}

async function firstRun(page, hands, { url, welcome }) {
  await page.goto(welcome);
  await hands.write(page, 'E-mail', EMAIL);
  await hands.write(page, 'Password', PASSWORD);
  await hands.write(page, 'Password again', PASSWORD);
  await hands.press(page, 'Set password');
  await headed(page, 'Home');
  assert.equal(page.url(), `${url}/dashboard/sandbox`);
}

// Generates a key; what the page says to call the API with.
async function key(page, hands, { javaScriptEnabled = true, permissions }) {
  await hands.follow(page, 'Make an API key');
  await hands.write(page, 'Name', 'my program');
  await hands.press(page, 'Generate API key');
  await headed(page, 'Key generated');
  const curl = await page.locator('#curl').textContent();
  const copy = page.getByRole('button', { name: 'Copy' });
  await page.waitForLoadState();
  assert.equal(await copy.count(), javaScriptEnabled ? 3 : 0);
  if (permissions) {
    await copy.last().click();
    await page.getByRole('button', { name: 'Copied' }).waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), curl);
  }
  return curl;
}

async function webhook(page, hands, receiver) {
  await hands.follow(page, 'Webhooks');
  await hands.write(page, 'URL', receiver.url);
  await hands.write(page, 'Authorization', 'my-token');
  await hands.press(page, 'Create webhook');
  await headed(page, 'Webhook created');
  assert.match(await page.locator('#secret').textContent(), /^whsec_/);
}

// Sends the request of a line for curl.
async function createLink(installation, curl) {
  const [, keys, address] = curl.match(/^curl -u '(.*?)' (\S+)/);
  const [, body] = curl.match(/-d '(.*?)'/s);
  assert.equal(address, `${installation.url}/api/links/`);
  const answer = await fetch(address, {
    method: 'POST',
    headers: {
      Authorization: `Basic ${Buffer.from(keys).toString('base64')}`,
      'Content-Type': 'application/json',
    },
    body,
  });
  assert.equal(answer.status, 201);
  return answer.json();
}

async function bothArrive(page, hands, receiver, link) {
  const arrived = await receiver.first(2);
  const told = (it) => [it.authorization, it.link_id, it.webhook_code, it.webhook_type];
  assert.deepEqual(
    arrived.map(told).sort(),
    ['EMPLOYMENTS', 'OWNERS'].map((type) => ['Bearer my-token', link.id, 'historical_update', type]),
  );
  await hands.follow(page, 'Deliveries');
  await headed(page, 'Deliveries');
  await reloaded(page, 'tr:nth-child(2) .tag.delivered');
  await reloaded(page, 'tr:nth-child(1) .tag.delivered');
  return arrived;
}

async function replay(page, hands, receiver, sent) {
  const [id] = await page.locator('tbody a').allTextContents();
  await hands.follow(page, id);
  await hands.press(page, 'Send again');
  await page.getByText('The delivery is on its way again.').waitFor();
  const [, , again] = await receiver.first(3);
  assert.ok(sent.some((first) => JSON.stringify(first) === JSON.stringify(again)), 'not the same');
  for (const row of [1, 2]) await reloaded(page, `tbody tr:nth-child(${row}):has(:text-is("200"))`);
  assert.equal(await page.locator('tbody tr').getByText('200', { exact: true }).count(), 2);
}

async function employments(page, hands, link) {
  await hands.follow(page, 'Links');
  await hands.choose(page, 'Search by', { label: 'Cédula' });
  await hands.write(page, 'Value', '1999000002');
  await hands.press(page, 'Search');
  await headed(page, `Link ${link.id.slice(0, 8)}`);
  assert.ok(page.url().endsWith(`/links/${link.id}`), 'the only one is shown at once');
  const months = page.locator('figure tbody tr');
  assert.equal(await months.first().isVisible(), false);
  await hands.unfold(page, 'The same numbers as a table');
  await months.first().waitFor();
  assert.equal(await page.locator('.employment').count(), 2);
  assert.equal(await page.locator('.legend .swatch[class*=pay-]').count(), 2);
}

async function comeBack(page, hands) {
  await hands.press(page, 'Sign out');
  await headed(page, 'Sign in');
  await hands.write(page, 'E-mail', EMAIL);
  await hands.write(page, 'Password', 'not what it was');
  await hands.press(page, 'Sign in');
  await page.getByText('E-mail, password and code do not belong together.').waitFor();
  await hands.write(page, 'Password', PASSWORD);
  await hands.press(page, 'Sign in');
  await headed(page, 'Home');
  assert.equal(await page.locator('.sum dd').first().textContent(), '1');
}
