// Debian's Chromium, and what may not happen in it: a page that loads anything from elsewhere, breaks
// its own policy, or whose script fails.

'use strict';

const assert = require('node:assert/strict');
const { chromium } = require('playwright-core');

const DESKTOP = { width: 1440, height: 900 };
const PHONE = { width: 390, height: 844 };

// How long the machine may take over a step, and over a test, milliseconds; nothing waits this long
// unless something is broken.
const PATIENCE = 30_000;
// A consent that somebody is asked for.
const CONSENT = /\/connect\/[0-9a-f-]{36}/;
const LONGEST = 120_000;

async function launch() {
  return chromium.launch({
    executablePath: process.env.VINCULO_E2E_CHROMIUM,
    // Chromium has no sandbox for root.
    chromiumSandbox: process.getuid() !== 0,
    // Memory of its own kind is small in containers.
    args: ['--disable-dev-shm-usage'],
  });
}

const LOGO = '<svg xmlns="http://www.w3.org/2000/svg" width="120" height="40"><rect width="120" height="40" '
  + 'rx="8" fill="#0b57a8"/><circle cx="24" cy="20" r="10" fill="#fff"/></svg>';

// A page of a person who has not been here before. `elsewhere` are beginnings of addresses of other
// sites that it may go to: a logo, or a page without anything.
async function newcomer(browser, installation, { elsewhere = [], ...options } = {}) {
  const context = await browser.newContext({
    baseURL: installation.url, locale: 'en', viewport: DESKTOP, ...options,
  });
  context.setDefaultTimeout(PATIENCE);
  const faults = [];
  await context.route(
    (url) => url.origin !== installation.url,
    (route) => {
      const address = route.request().url();
      if (elsewhere.some((beginning) => address.startsWith(beginning))) {
        return route.fulfill(route.request().resourceType() === 'image'
          ? { contentType: 'image/svg+xml', body: LOGO }
          : { contentType: 'text/html', body: '<title>Elsewhere</title>' });
      }
      faults.push(`asked for ${address}`);
      return route.abort();
    },
  );
  const page = await context.newPage();
  page.on('pageerror', (error) => faults.push(`the script failed: ${error}`));
  page.on('console', (message) => {
    // Chromium also tells of pages with another status than 200, which are meant to have it.
    const told = message.text();
    if (message.type() !== 'error' || told.startsWith('Failed to load resource')) return;
    faults.push(`the console says ${told}`);
  });
  page.leave = async () => {
    assert.deepEqual(faults, []);
    await context.close();
  };
  return page;
}

// Looks at a page that goes on by itself, which waits until all was seen: what it asks for at `onward` is held. A
// request that a form's answer leads to is not.
async function stays(page, onward, look) {
  let seen;
  const all = new Promise((done) => { seen = done; });
  const hold = async (route) => {
    if (route.request().method() === 'GET') await all;
    await route.fallback();
  };
  await page.route(onward, hold);
  try {
    await look();
  } finally {
    seen();
    await page.unroute(onward, hold);
  }
}

async function headed(page, name) {
  await page.getByRole('heading', { level: 1, name, exact: true }).waitFor();
}

// Looks again until something is there; the test's own timeout ends it.
async function reloaded(page, selector) {
  await page.waitForLoadState();
  while ((await page.locator(selector).count()) === 0) await page.reload();
}

// Opens the consent page with a new token, as a lender's application does.
async function openConsent(page, client, fields) {
  const { access } = await client('POST', '/api/token/', {
    scopes: 'read_institutions,write_links,read_links',
    fetch_resources: ['EMPLOYMENTS', 'OWNERS'],
    ...fields,
  });
  await page.goto(`/connect/?access_token=${access}`);
}

module.exports = {
  CONSENT, DESKTOP, LONGEST, PHONE, headed, launch, newcomer, openConsent, reloaded, stays,
};
