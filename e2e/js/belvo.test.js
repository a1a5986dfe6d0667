// The official Node.js SDK, unchanged, against a real server and its simulated operator.
//
// Reads VINCULO_E2E_URL and VINCULO_E2E_KEYS: a server, and keys of its sandbox as `vinculo keys
// create` prints them. VINCULO_E2E_CROWD_URL and _KEYS are those of a workspace whose links are more
// than fit on a page; VINCULO_E2E_CROWD says how many.

'use strict';

const assert = require('node:assert/strict');
const { before, test } = require('node:test');
const Client = require('belvo').default;

const URL = process.env.VINCULO_E2E_URL;
const KEYS = JSON.parse(process.env.VINCULO_E2E_KEYS);
const CROWD_URL = process.env.VINCULO_E2E_CROWD_URL;
const CROWD_KEYS = JSON.parse(process.env.VINCULO_E2E_CROWD_KEYS);
const CROWD = Number(process.env.VINCULO_E2E_CROWD);

const INSTITUTION = 'pila_co_employment';
const ONE_EMPLOYER = '1999000001';
const TWO_EMPLOYERS = '1999000002';
const UNKNOWN = '1999000404';
const NOBODY = '00000000-0000-4000-8000-000000000000';
const LINK_KEYS = [
  'id', 'institution', 'access_mode', 'status', 'refresh_rate', 'created_by', 'last_accessed_at',
  'external_id', 'created_at', 'institution_user_id', 'credentials_storage', 'stale_in',
  'fetch_resources',
];

let client;
let link;

async function connected(keys, url = URL) {
  const client = new Client(keys.secret_id, keys.secret_password, url);
  await client.connect();
  return client;
}

function single(externalId, document = ONE_EMPLOYER) {
  return client.links.register(INSTITUTION, document, undefined, {
    accessMode: 'single', externalId,
  });
}

function employments(params, limit = 100) {
  return client.session.list('api/co/employments/', limit, params);
}

// Whatever is thrown must be the SDK's own error, with the body it was sent.
async function refused(promise, statusCode, code, field) {
  await assert.rejects(promise, (error) => {
    assert.equal(error.statusCode, statusCode);
    assert.equal(error.detail.length, 1);
    const [{ request_id: requestId, message, ...rest }] = error.detail;
    assert.match(requestId, /^[0-9a-f]{32}$/);
    assert.notEqual(message, '');
    assert.deepEqual(rest, field === undefined ? { code } : { code, field });
    return true;
  });
}

before(async () => {
  client = await connected(KEYS);
  link = await single('js-two-employers', TWO_EMPLOYERS);
});

test('keys that are wrong do not log in', async () => {
  for (const keys of [{ ...KEYS, secret_password: 'wrong' }, { ...KEYS, secret_id: NOBODY }]) {
    await assert.rejects(connected(keys), /Login failed/);
  }
});

test('a base address may end with a slash', async () => {
  const other = await connected(KEYS, `${URL}/`);
  assert.equal((await other.links.detail(link.id)).id, link.id);
});

test('the institution is listed and detailed', async () => {
  const [listed, ...others] = await client.institutions.list({ filters: { name: INSTITUTION } });
  assert.deepEqual(others, []);
  assert.equal(listed.name, INSTITUTION);
  assert.deepEqual(listed.resources, ['EMPLOYMENTS', 'OWNERS']);
  assert.deepEqual(await client.institutions.detail(listed.id), listed);
  await refused(client.institutions.detail(1), 404, 'not_found');
});

test('a registered link has every key', () => {
  assert.deepEqual(Object.keys(link), LINK_KEYS);
  assert.equal(link.institution, INSTITUTION);
  assert.equal(link.access_mode, 'single');
  assert.equal(link.refresh_rate, null);
  assert.equal(link.status, 'valid');
  assert.equal(link.external_id, 'js-two-employers');
});

test('a link without options is recurrent', async () => {
  const recurrent = await client.links.register(INSTITUTION, ONE_EMPLOYER, 'ignored');
  assert.equal(recurrent.access_mode, 'recurrent');
  assert.equal(recurrent.refresh_rate, '7d');
});

test('links are listed by filters and read one by one', async () => {
  assert.deepEqual(await client.links.detail(link.id), link);
  const other = await single('js-listed');
  const listed = async (filters) => client.links.list({ filters });
  assert.deepEqual(await listed({ external_id: 'js-listed' }), [other]);
  assert.deepEqual(await listed({ id__in: [link.id, other.id] }), [other, link]);
  assert.deepEqual(await listed({ id__in: [link.id, other.id], access_mode: 'recurrent' }), []);
  assert.deepEqual(
    await client.links.list({ limit: 1, filters: { id__in: [link.id, other.id] } }),
    [other],
  );
  await refused(client.links.detail(NOBODY), 404, 'not_found');
});

test('a limit above a thousand goes on to the next page', async () => {
  const crowded = await connected(CROWD_KEYS, CROWD_URL);
  const links = await crowded.links.list({ limit: CROWD + 500 });
  assert.ok(CROWD > 1000);
  assert.equal(new Set(links.map(({ id }) => id)).size, CROWD);
});

test('a limit below the size of a page cuts the list', async () => {
  const crowded = await connected(CROWD_KEYS, CROWD_URL);
  assert.equal((await crowded.links.list({ limit: 7 })).length, 7);
  assert.equal((await crowded.links.list({ limit: 7, filters: { page_size: 3 } })).length, 7);
});

test('a link changes its mode', async () => {
  const changing = await single('js-changing');
  const recurrent = await client.links.patch(changing.id, { accessMode: 'recurrent' });
  assert.deepEqual([recurrent.access_mode, recurrent.refresh_rate], ['recurrent', '7d']);
  assert.deepEqual(await client.links.patch(changing.id), recurrent);
  const back = await client.links.patch(changing.id, { accessMode: 'single' });
  assert.deepEqual([back.access_mode, back.refresh_rate], ['single', null]);
  await refused(
    client.links.patch(changing.id, { accessMode: 'sometimes' }),
    400, 'invalid_choice', 'access_mode',
  );
  await refused(client.links.patch(NOBODY, { accessMode: 'single' }), 404, 'not_found');
});

test('new credentials keep a link valid', async () => {
  const updated = await client.links.update(link.id, { password: 'ignored', token: '123456' });
  assert.deepEqual(Object.keys(updated), LINK_KEYS);
  assert.deepEqual([updated.id, updated.status], [link.id, 'valid']);
  assert.ok(updated.last_accessed_at > link.last_accessed_at);
  await refused(client.links.update(NOBODY, { password: 'ignored' }), 404, 'not_found');
});

test('employments are retrieved and listed through the session', async () => {
  const retrieved = await client.session.post('api/co/employments/', { link: link.id });
  assert.equal(retrieved.length, 2);
  const listed = await employments({ link: link.id });
  const byId = (one, other) => (one.id < other.id ? -1 : 1);
  assert.deepEqual([...listed].sort(byId), [...retrieved].sort(byId));
  assert.equal((await employments({ link: link.id }, 1)).length, 1);
  assert.deepEqual(await employments({ link: NOBODY }), []);
  for (const employment of listed) {
    assert.deepEqual(await client.session.get('api/co/employments/', employment.id), employment);
  }
  assert.equal(await client.session.delete('api/co/employments/', listed[0].id), true);
  assert.equal(await client.session.delete('api/co/employments/', listed[0].id), false);
  assert.deepEqual(await employments({ link: link.id }), [listed[1]]);
});

test('a list that lacks its link fails with the answer of the server', async () => {
  // Inside a list the SDK lets the HTTP client's own error through.
  await assert.rejects(employments({}), ({ response: { status, data: [item] } }) => {
    assert.deepEqual([status, item.code, item.field], [400, 'required', 'link']);
    return true;
  });
});

test('owners are retrieved, listed, read and deleted', async () => {
  const owned = await single('js-owned');
  const [unsaved] = await client.owners.retrieve(owned.id, { saveData: false });
  assert.deepEqual(unsaved.document_id, { document_type: 'CC', document_number: ONE_EMPLOYER });
  assert.deepEqual(await client.owners.list({ filters: { link: owned.id } }), []);
  const [saved, ...others] = await client.owners.retrieve(owned.id, { saveData: true, token: '1' });
  assert.deepEqual(others, []);
  assert.deepEqual(await client.owners.list({ filters: { link: owned.id } }), [saved]);
  assert.deepEqual(await client.owners.detail(saved.id), saved);
  assert.equal(await client.owners.delete(saved.id), true);
  assert.equal(await client.owners.delete(saved.id), false);
  await refused(client.owners.detail(saved.id), 404, 'not_found');
  await refused(client.owners.retrieve(NOBODY), 400, 'does_not_exist', 'link');
});

test('no session is open that could be resumed', async () => {
  const session = '0123456789abcdef0123456789abcdef';
  for (const resource of [client.links, client.owners]) {
    await refused(resource.resume(session, '123456', link.id), 400, 'session_expired');
    await refused(resource.resume(session, '123456', NOBODY), 404, 'not_found');
    await refused(resource.resume(undefined, '123456', link.id), 400, 'required', 'session');
  }
});

test('tokens for a widget are made from the keys, and from the header alone', async () => {
  const scopes = 'read_institutions,write_links,read_links';
  for (const tokens of [
    await client.widgetToken.create(),
    await client.widgetToken.create({ link: link.id, scopes, widget: { theme: [] } }),
    await client.links.token(link.id, scopes),
  ]) {
    assert.deepEqual(Object.keys(tokens).sort(), ['access', 'refresh']);
    assert.match(tokens.access, /^[\w-]+\.[\w-]+\.[\w-]+$/);
  }
  await refused(client.links.token(link.id, 'everything'), 400, 'invalid_choice', 'scopes');
});

test('a person nobody knows and an institution that is not there are refused', async () => {
  await refused(single('js-unknown', UNKNOWN), 400, 'login_error');
  await refused(
    client.links.register('nobody_co_employment', ONE_EMPLOYER, ''),
    400, 'does_not_exist', 'institution',
  );
  await refused(client.links.register(INSTITUTION), 400, 'required', 'username');
});

test('a link is deleted once', async () => {
  const gone = await single('js-gone');
  await client.session.post('api/co/employments/', { link: gone.id });
  assert.equal(await client.links.delete(gone.id), true);
  assert.equal(await client.links.delete(gone.id), false);
  await refused(client.links.detail(gone.id), 404, 'not_found');
  assert.deepEqual(await employments({ link: gone.id }), []);
});
