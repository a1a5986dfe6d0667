// The consent page on a phone: by touch, without scripts, by keyboard alone.

'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');
const {
  CONSENT, LONGEST, PHONE, headed, launch, newcomer, openConsent, stays,
} = require('./browser');
const { keyboard, mouse } = require('./hands');
const { Installation } = require('./installation');
const { picture } = require('./look');

const LENDER = 'https://app.example.com';
const STATEMENT = /^Autorizo a /;
const WAYS = [
  ['by touch', mouse, {}],
  ['without scripts', mouse, { javaScriptEnabled: false }],
  ['by keyboard alone', keyboard, {}],
];

let browser;
let installation;
let client;
before(async () => {
  [browser, installation] = [await launch(), await Installation.start()];
  client = installation.client('sandbox');
});
after(async () => {
  await browser.close();
  await installation.stop();
});

for (const [way, hands, options] of WAYS) {
  const [yes, no] = ['yes', 'no'].map((said) => `${said}-${way.replaceAll(' ', '-')}`);

  test(`a worker corrects the document and says yes, ${way}`, { timeout: LONGEST }, async () => {
    const before = await consents();
    const page = await opened(options, yes);
    await picture(page, 'consent');
    await hands.write(page, 'Número de documento', '1999000404');
    await hands.press(page, 'Autorizar y continuar');
    // The box is the person's to tick.
    await page.getByText(/^Marca la casilla si autorizas/).last().waitFor();
    assert.equal((await links(yes)).length, 0);

    await hands.tick(page, STATEMENT);
    await hands.press(page, 'Autorizar y continuar');
    await page.getByText(/^La PILA no tiene aportes con ese documento/).last().waitFor();

    // This one is slow: the page that waits is seen.
    await hands.write(page, 'Número de documento', '1.999.000.200');
    await hands.tick(page, STATEMENT);
    await stays(page, CONSENT, async () => {
      await hands.press(page, 'Autorizar y continuar');
      await headed(page, 'Consultando…');
    });
    await stays(page, `${LENDER}/**`, async () => {
      await headed(page, 'Listo');
      await page.getByRole('link', { name: 'Volver a Crédito Ejemplo', exact: true }).waitFor();
    });
    // The page goes on by itself after some seconds, maybe before the Tab key has come to the link.
    const went = page.waitForURL(`${LENDER}/ok?*`);
    await hands.follow(page, 'Volver a Crédito Ejemplo').catch((error) => {
      if (error.code === 'ERR_ASSERTION') throw error;
      return went.catch(() => { throw error; });
    });
    await went;

    const [link, ...others] = await links(yes);
    assert.deepEqual(others, []);
    const { searchParams } = new URL(page.url());
    assert.equal(searchParams.get('link'), link.id);
    const [{ method, language }, ...earlier] = await consents();
    assert.deepEqual([method, language], ['consent_page', 'es']);
    assert.deepEqual(earlier, before);
    await page.leave();
  });

  test(`a worker says no, and the page goes on by itself, ${way}`, { timeout: LONGEST }, async () => {
    const page = await opened(options, no);
    await hands.press(page, 'English');
    await stays(page, `${LENDER}/**`, async () => {
      await hands.press(page, 'I do not authorize');
      await headed(page, 'You did not authorize');
    });
    await page.waitForURL(`${LENDER}/no?*`);
    assert.equal(new URL(page.url()).searchParams.get('meta_data_step'), 'consent');
    assert.deepEqual(await links(no), []);
    await page.leave();
  });
}

// The page in Spanish, as a lender's application opens it.
async function opened(options, externalId) {
  const page = await newcomer(browser, installation, {
    viewport: PHONE, isMobile: true, hasTouch: true, locale: 'es-CO', elsewhere: [LENDER], ...options,
  });
  await openConsent(page, client, {
    external_id: externalId,
    widget: {
      callback_urls: { success: `${LENDER}/ok`, exit: `${LENDER}/no`, event: `${LENDER}/event` },
      branding: { company_name: 'Crédito Ejemplo' },
    },
  });
  assert.ok(!page.url().includes('access_token'));
  return page;
}

async function links(externalId) {
  const found = await client('GET', `/api/links/?external_id=${externalId}`);
  return found.results;
}

// Of the workspace, the newest first.
async function consents() {
  return (await client('GET', '/manage/v1/consents/?page_size=1000')).results;
}
