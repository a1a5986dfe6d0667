// Every page with nothing, with everything, with errors and with names that are too long: axe with all
// of its rules in light and dark, on a desk and on a phone; nothing wider than the window; what the
// page's policy forbids does not happen. A picture of each is kept in e2e/screenshots.

'use strict';

const assert = require('node:assert/strict');
const { createHmac } = require('node:crypto');
const { readFileSync, readdirSync } = require('node:fs');
const path = require('node:path');
const { after, before, test } = require('node:test');
const {
  CONSENT, LONGEST, headed, launch, newcomer, openConsent, reloaded, stays,
} = require('./browser');
const { Installation } = require('./installation');
const { THEMES, faults, look, lookInside, looked } = require('./look');
const { Receiver } = require('./receiver');

const TEMPLATES = path.join(__dirname, '..', '..', 'crates', 'server', 'templates');
const PASSWORD = 'una frase bastante larga';
const OWNER = 'persona-ejemplo-con-una-direccion-muy-larga-que-no-cabe@ejemplo-de-empresa.example.com';
// Nothing in it lets a browser begin a new line.
const LONG = 'Persona_Ejemplo_De_La_Santisima_Trinidad_'.repeat(6);
// Of two links.
const SHARED = 'COHORT_32_User_6790023X5';
// Of all pages together.
const STATES = 74;
// Another site.
const ELSEWHERE = 'https://app.example.com';

let browser;
let installation;
let page;
let sandbox;
let production;
const receivers = {};

before(async () => {
  [browser, installation] = [await launch(), await Installation.start()];
  receivers.good = await Receiver.start({ status: 200, body: LONG.repeat(3) });
  receivers.bad = await Receiver.start({ status: 500, body: `<h1>${LONG}</h1>` });
  receivers.gone = await Receiver.start({ status: 410, body: 'gone' });
});

after(async () => {
  await browser.close();
  for (const receiver of Object.values(receivers)) await receiver.stop();
  await installation.stop();
});

const part = (name, run) => test(name, { timeout: LONGEST }, run);

const button = (name) => page.getByRole('button', { name, exact: true });
const field = (label) => page.getByLabel(label, { exact: true });
const visit = (address) => page.goto(`/dashboard/${address}`);

part('who is not signed in', async () => {
  page = await newcomer(browser, installation);
  await page.goto(installation.welcome);
  await look(page, 'welcome', 'first');
  await field('E-mail').fill(OWNER);
  await field('Password').fill(PASSWORD);
  await field('Password again').fill(`${PASSWORD}!`);
  await button('Set password').click();
  await page.getByRole('alert').waitFor();
  await look(page, 'welcome', 'wrong');
  await field('Password').fill(PASSWORD);
  await field('Password again').fill(PASSWORD);
  await button('Set password').click();
  await headed(page, 'Home');


  await page.context().clearCookies();
  await visit('sign-in');
  await look(page, 'sign_in', 'empty');
  await signIn('not what it was');
  await page.getByRole('alert').waitFor();
  await look(page, 'sign_in', 'wrong');
  await signIn(PASSWORD);
  await headed(page, 'Home');

  await page.goto(installation.welcome);
  await look(page, 'error', 'unknown');
  await visit('sandbox/links/00000000-0000-4000-8000-000000000000');
  await headed(page, 'Not found');
  await look(page, 'error_inside', 'missing');
  await visit('sandbox/keys');
  await field('Name').fill(LONG);
  await page.context().clearCookies({ name: 'vinculo_session' });
  await button('Generate API key').click();
  await headed(page, 'Sign in');
  await look(page, 'sign_in', 'over');
  await signIn(PASSWORD);
  await headed(page, 'Your form is still here');
  await look(page, 'kept', 'form');
});

async function signIn(password) {
  await field('E-mail').fill(OWNER);
  await field('Password').fill(password);
  await button('Sign in').click();
}

part('an empty workspace', async () => {
  for (const name of [
    'home', 'links', 'imports', 'cohorts', 'keys', 'webhooks', 'deliveries', 'settings', 'account',
  ]) {
    await visit(`sandbox${name === 'home' ? '' : `/${name}`}`);
    await look(page, name, 'empty');
  }
  await visit('sandbox/audit?actor=person');
  await look(page, 'audit', 'empty');
});

part('keys', async () => {
  await visit('sandbox/keys');
  await field('Name').fill(LONG);
  for (const scope of ['read', 'write']) await field(scope).uncheck();
  await field('Allowed networks').fill('nowhere 10.0.0.0/8');
  await field('Ends').fill('2020-01-31');
  await button('Generate API key').click();
  await page.getByRole('alert').waitFor();
  await look(page, 'keys', 'wrong');
  await page.locator('summary', { hasText: 'Narrower scopes' }).click();
  for (const scope of ['links:read', 'links:write', 'employments:read', 'owners:read', 'manage']) {
    await field(scope).check();
  }
  await field('Allowed networks').fill('127.0.0.1 10.0.0.0/8 2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff');
  await field('Ends').fill('');
  await button('Generate API key').click();
  await headed(page, 'Key generated');
  await look(page, 'key_made', 'new');
  await page.getByRole('link', { name: 'Back' }).click();
  await headed(page, 'API keys');
  await page.locator('summary', { hasText: 'Rotate' }).click();
  await button('Rotate').click();
  await headed(page, 'New password');
  await look(page, 'key_made', 'rotated');
  [sandbox, production] = ['sandbox', 'production'].map((it) => installation.client(it));
  await visit('sandbox/keys');
  await look(page, 'keys', 'filled');
  await lookInside(page, 'keys', 'unfolded');
});

part('webhooks', async () => {
  await visit('sandbox/webhooks');
  await field('URL').fill(`ftp://${LONG}.example.com`);
  await field('LINK').check();
  await button('Create webhook').click();
  await page.getByRole('alert').waitFor();
  await look(page, 'webhooks', 'wrong');
  await field('URL').fill(`${receivers.good.url}?${LONG}`);
  await field('LINK').uncheck();
  await button('Create webhook').click();
  await headed(page, 'Webhook created');
  await look(page, 'webhook_made', 'new');
  for (const { url } of [receivers.bad, receivers.gone]) {
    await sandbox('POST', '/manage/v1/webhook-endpoints/', { url }, 201);
  }
  await visit('sandbox/webhooks');
  await page.getByRole('link', { name: receivers.good.url }).click();
  await look(page, 'webhook', 'new');
  await button('Send test event').click();
  await page.getByText('The test event is on its way.').waitFor();
  await look(page, 'webhook', 'tested');
});

part('links', async () => {
  await sandbox('PATCH', '/manage/v1/settings/', { accept_unknown_people: true });
  for (const [username, externalId] of [
    ['1999000017', LONG], ['1999000018', SHARED], ['1999000404', SHARED],
  ]) {
    await sandbox('POST', '/api/links/', {
      institution: 'pila_co_employment', username, external_id: externalId,
      fetch_resources: ['EMPLOYMENTS', 'OWNERS'],
    }, 201);
  }
  // And the test event.
  await receivers.good.first(1 + 2 * 3);
  await visit('sandbox/links');
  await look(page, 'links', 'filled');
  await visit('sandbox/links?status=token_required');
  await look(page, 'links', 'filtered');
  await search('1999000001');
  await headed(page, 'What was found');
  await look(page, 'links', 'none');
  await search(SHARED, 'external_id');
  await headed(page, 'What was found');
  await look(page, 'links', 'found');
  await search('1999000017');
  await read('three');
  await page.getByText('The same numbers as a table').click();
  await look(page, 'link', 'table');
  await search('1999000018');
  await read('long');
  await search('1999000404');
  await read('nothing');
  await lookInside(page, 'link', 'unfolded');
  await page.getByRole('link', { name: 'Delete link' }).click();
  await headed(page, 'Delete link');
  await look(page, 'link_delete', 'asked');
});

part('a cohort', async () => {
  const rows = ['document,external_id', `1999000001,${LONG}`, '1999000404,', '12,'];
  await sandbox('POST', '/manage/v1/cohorts/', Buffer.from(rows.join('\n')), 202);
  await visit('sandbox/cohorts');
  await reloaded(page, '.tag.finished');
  await look(page, 'cohorts', 'filled');
  await page.locator('tbody a').click();
  await headed(page, 'Cohort');
  await look(page, 'cohort', 'finished');
});

part('settings', async () => {
  await visit('sandbox/settings');
  await page.locator('[name=lender_name]').fill(LONG.slice(0, 200));
  await page.locator('[name=consent_months]').fill(LONG);
  await button('Save settings').click();
  await page.getByRole('alert').waitFor();
  await look(page, 'settings', 'wrong');
});

part('a second factor', async () => {
  await visit('sandbox/account');
  await field('Password').fill(PASSWORD);
  await button('Turn on').click();
  await headed(page, 'Second factor');
  await look(page, 'account_begun', 'new');
  await field('Six-digit code').fill('no');
  await button('Confirm').click();
  await page.getByRole('alert').waitFor();
  await look(page, 'account_begun', 'wrong');
  const secret = (await page.locator('#secret').textContent()).replaceAll(' ', '');
  await field('Six-digit code').fill(oneTimeCode(secret));
  await button('Confirm').click();
  await headed(page, 'Second factor on');
  await look(page, 'account_made', 'new');
  await visit('sandbox/account');
  await look(page, 'account', 'on');
});

// What an authenticator shows now for a secret (RFC 6238).
function oneTimeCode(secret) {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...secret].map((one) => letters.indexOf(one).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
  const hash = createHmac('sha1', key).update(counter).digest();
  const number = hash.readUInt32BE(hash.at(-1) & 0xf) & 0x7fff_ffff;
  return String(number % 1_000_000).padStart(6, '0');
}

// Reads the one link that a search has found.
async function read(state) {
  await page.getByRole('heading', { level: 1, name: /^Link [0-9a-f]{8}$/ }).waitFor();
  await look(page, 'link', state);
}

async function search(value, by = 'document') {
  await visit('sandbox/links');
  await field('Search by').selectOption(by);
  await field('Value').fill(value);
  await button('Search').click();
}

part('deliveries', async () => {
  // The receiver that is gone was told so by its first event.
  await visit('sandbox/webhooks');
  await page.getByRole('link', { name: receivers.gone.url }).click();
  await reloaded(page, '.tag.failed');
  await look(page, 'webhook', 'disabled');
  await visit('sandbox/webhooks');
  await look(page, 'webhooks', 'filled');
  await page.getByRole('link', { name: receivers.good.url }).click();
  await lookInside(page, 'webhook', 'unfolded');
  await field('URL').fill('ftp://example.com/hook');
  await button('Save').click();
  await page.getByRole('alert').waitFor();
  await look(page, 'webhook', 'wrong');
  await page.locator('summary', { hasText: 'New secret' }).click();
  await button('Rotate').click();
  await headed(page, 'New secret');
  await look(page, 'webhook_made', 'rotated');

  await visit('sandbox/deliveries');
  await look(page, 'deliveries', 'filled');
  await visit('sandbox/deliveries?status=pending');
  await reloaded(page, 'tbody a');
  await page.locator('tbody a').first().click();
  await reloaded(page, 'tbody pre');
  await look(page, 'delivery', 'failing');
  await visit('sandbox/deliveries?status=delivered');
  await page.locator('tbody a').first().click();
  await button('Send again').click();
  await page.getByText('The delivery is on its way again.').waitFor();
  await look(page, 'delivery', 'replayed');
});

part('a workspace that is full', async () => {
  await visit('sandbox');
  await look(page, 'home', 'filled');
  await visit('sandbox/audit');
  await look(page, 'audit', 'filled');
});

part('production, from planillas', async () => {
  const planilla = installation.planilla();
  const send = (name, body) => (
    production('POST', `/manage/v1/imports/?name=${name}`, Buffer.from(body, 'latin1'), 202));
  const employer = 'EMPRESA FICTICIA 000000 S.A.S.'.padEnd(200);
  await send(`${LONG}.txt`, planilla.replace(employer, LONG.slice(0, 200)));
  await send('con_errores.txt', planilla.replace('0200001CC1995', '0200007XX1995'));
  await visit('production');
  await reloaded(page, '.tag.accepted');
  await reloaded(page, '.tag.refused');
  await look(page, 'home', 'production');
  const link = await production('POST', '/api/links/', {
    institution: 'pila_co_employment', username: '1995000000', fetch_resources: ['EMPLOYMENTS', 'OWNERS'],
  }, 201);
  await visit(`production/links/${link.id}`);
  await reloaded(page, 'figure');
  await look(page, 'link', 'production');
  await page.getByRole('link', { name: 'Where every month comes from' }).first().click();
  await page.waitForURL('**/provenance/**');
  await look(page, 'provenance', 'planilla');
  await visit('production/imports');
  await look(page, 'imports', 'filled');
  await page.getByRole('link', { name: 'con_errores.txt' }).click();
  await look(page, 'import', 'refused');
  await visit('production/imports');
  await page.getByRole('link', { name: `${LONG}.txt` }).click();
  await look(page, 'import', 'accepted');
});

part('somebody who may not see people', async () => {
  const auditor = await newcomer(browser, installation);
  const { link } = installation.run('users', 'create', 'auditor@example.com', '--role', 'auditor');
  await auditor.goto(new URL(link, installation.url).pathname);
  await look(auditor, 'welcome', 'named');
  await auditor.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await auditor.getByLabel('Password again', { exact: true }).fill(PASSWORD);
  await auditor.getByRole('button', { name: 'Set password' }).click();
  await headed(auditor, 'Home');
  await look(auditor, 'home', 'auditor');
  await auditor.goto('/dashboard/sandbox/links');
  await look(auditor, 'error', 'denied');
  await auditor.goto('/dashboard/sandbox/webhooks');
  await look(auditor, 'webhooks', 'auditor');
  await auditor.locator('[name=form]').first().evaluate((input) => { input.value = 'old'; });
  await auditor.getByRole('button', { name: 'Español' }).click();
  await headed(auditor, 'There is a problem');
  await look(auditor, 'error', 'stale');
  await auditor.leave();
});

part('the consent page', async () => {
  const guest = await newcomer(browser, installation, { locale: 'es-CO', elsewhere: [ELSEWHERE] });
  const press = (name) => guest.getByRole('button', { name }).click();
  const answer = async (number) => {
    await guest.getByLabel('Número de documento').fill(number);
    await guest.getByLabel(/^Autorizo a/).check();
    await press('Autorizar y continuar');
  };

  await openConsent(guest, sandbox, {});
  await look(guest, 'connect_form', 'empty');
  await press('Autorizar y continuar');
  await guest.getByRole('alert').waitFor();
  await look(guest, 'connect_form', 'wrong');
  await answer('1999000503');
  await guest.getByText('La fuente de los datos no responde').waitFor();
  await look(guest, 'connect_form', 'down');
  await answer('1999000001');
  await headed(guest, 'Listo');
  await look(guest, 'connect_end', 'done');

  await openConsent(guest, sandbox, {});
  // Nobody waits as long as this one takes.
  await answer('1999000504');
  await headed(guest, 'Consultando…');
  await stays(guest, CONSENT, () => look(guest, 'connect_wait', 'asking'));

  await openConsent(guest, sandbox, {});
  await press('No autorizo');
  await headed(guest, 'No autorizaste');
  await look(guest, 'connect_end', 'left');
  await guest.goto('/connect/?access_token=nothing');
  await look(guest, 'connect_end', 'unknown');

  await openConsent(guest, production, {});
  await look(guest, 'connect_end', 'not_ready');
  await production('PATCH', '/manage/v1/settings/', {
    lender_name: LONG.slice(0, 200), lender_contact: `${LONG.slice(0, 180)}@example.com`,
    consent_purpose: LONG.repeat(2), consent_months: 60,
  });
  await openConsent(guest, production, {
    widget: {
      branding: {
        company_name: LONG.slice(0, 100), company_logo: `${ELSEWHERE}/logo.svg`,
        company_terms_url: `${ELSEWHERE}/terms`, company_terms_version: '3',
      },
    },
  });
  await look(guest, 'connect_form', 'long');
  await guest.leave();
});

part('the first stop of the Tab key leads past the navigation', async () => {
  await visit('sandbox/keys');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.waitForURL('**#main');
  await page.keyboard.press('Tab');
  assert.ok(await page.evaluate(() => document.activeElement.closest('main') !== null));
});

part('everything was looked at, and nothing is wrong', async () => {
  await page.leave();
  assert.deepEqual(faults, []);
  const all = readdirSync(TEMPLATES).filter((file) => {
    return readFileSync(path.join(TEMPLATES, file), 'utf8').startsWith('{% extends');
  });
  const seen = new Set(looked.map(([name]) => `${name}.html`));
  assert.deepEqual(all.filter((file) => !seen.has(file)), [], 'pages that nobody has looked at');
  assert.equal(looked.length, STATES * THEMES.length);
});
