import test from 'ava';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ErrorRecord } from '../../../core/index.ts';
import { type ApiServer, type CallOptions, jsonBody, startApiServer } from '../../helpers/api-server.ts';

let server: ApiServer;

test.before(async () => {
  server = await startApiServer({ names: ['gateway.plant.example'] });
});

test.after.always(() => server.close());

const CHANGES: [string, CallOptions][] = [
  ['deployments', jsonBody({ name: 'a', app: 'label-reader', to: 'all' })],
  ['deployments/label-reader', { method: 'DELETE' }],
  ['deployments/label-reader/rollback', jsonBody({})],
  ['events/1/acknowledge', jsonBody({ by: 'anna' })],
  ['content/collect', { method: 'POST' }],
  ['nodes/gate-2/accept', jsonBody({})],
  ['rollouts/label-reader-2/pause', { method: 'POST' }],
  ['rollouts/label-reader-2/resume', { method: 'POST' }],
  ['infer?deployment=label-reader&kind=picture', { method: 'POST', body: 'x' }],
  [`blobs/sha256:${'0'.repeat(64)}`, { method: 'PUT', body: 'x' }],
  [`blobs/sha256:${'0'.repeat(64)}`, { method: 'HEAD' }],
  [`blobs/sha256:${'0'.repeat(64)}`, { method: 'GET' }],
  ['catalog', jsonBody({})],
];

test('changes nothing without the token', async (t) => {
  for (const [path, options] of CHANGES) {
    const answer = await server.call(`/api/v1/${path}`, options);
    t.is(answer.status, 401, path);
    t.is(answer.headers['www-authenticate'], 'Bearer', path);
    if (options.method !== 'HEAD') t.is(answer.json<ErrorRecord>().code, 'ERR_UNAUTHORIZED', path);
  }
  t.deepEqual(server.gateway.deployed, []);
  t.deepEqual(server.gateway.withdrawn, []);
  t.deepEqual(server.gateway.accepted, []);
});

test('changes nothing with a wrong token, however it is wrong', async (t) => {
  const right = server.api.token;
  const wrong = [
    '',
    'Bearer',
    'Bearer ',
    `Bearer ${right.slice(1)}`,
    `Bearer ${right}x`,
    `Basic ${right}`,
    right,
    `Bearer ${'x'.repeat(5000)}`,
  ];
  for (const authorization of wrong) {
    const answer = await server.call('/api/v1/rollouts/label-reader-2/pause', {
      method: 'POST',
      headers: { authorization },
    });
    t.is(answer.status, 401, authorization);
  }
  t.is(server.gateway.rolloutViews[0]?.state, 'rolling');
});

test('lets this machine read without a token, but not with a wrong one', async (t) => {
  t.is((await server.call('/api/v1/site')).status, 200);
  t.is((await server.call('/api/v1/site', { headers: { authorization: 'Bearer wrong' } })).status, 401);
});

test('asks for the token when a proxy passes a request on', async (t) => {
  for (const headers of [{ 'x-forwarded-for': '203.0.113.9' }, { via: '1.1 proxy' }] as Record<
    string,
    string
  >[]) {
    t.is((await server.call('/api/v1/nodes', { headers })).status, 401);
    t.is((await server.call('/api/v1/nodes', { headers, authorised: true })).status, 200);
  }
});

test('a page of another origin, in a browser on this machine, reads nothing and holds no stream', async (t) => {
  for (const [site, status] of [
    ['cross-site', 401],
    ['same-site', 401],
    ['same-origin', 200],
    ['none', 200],
  ] as const)
    t.is((await server.call('/api/v1/site', { headers: { 'sec-fetch-site': site } })).status, status, site);
  for (const path of ['/api/v1/events/stream', '/api/v1/changes/stream', '/metrics'])
    t.is((await server.call(path, { headers: { 'sec-fetch-site': 'cross-site' } })).status, 401, path);
});

test('does not answer for a name that it was not given', async (t) => {
  for (const host of [
    'evil.example',
    'evil.example:80',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'a b',
  ]) {
    for (const path of ['/', '/api/v1/site', '/nothing']) {
      const answer = await server.call(path, { headers: { host }, authorised: true });
      t.true([400, 403].includes(answer.status), `${host} ${path}: ${answer.status}`);
    }
  }
  t.is(
    (await server.call('/api/v1/site', { headers: { host: 'evil.example' } })).json<ErrorRecord>().code,
    'ERR_HOST_REFUSED',
  );
});

test('answers for addresses, localhost and the names that it was given', async (t) => {
  for (const host of [
    'localhost',
    'localhost:8470',
    '127.0.0.1',
    '[::1]:8470',
    '192.0.2.4:80',
    'gateway.plant.example',
    'Gateway.Plant.Example:8470',
  ])
    t.is((await server.call('/api/v1/site', { headers: { host } })).status, 200, host);
});

test('keeps its token in a file of 256 random bits that only the owner reads', async (t) => {
  t.regex(server.api.token, /^[A-Za-z0-9_-]{43}$/);
  t.is((await stat(join(server.dir, 'api.token'))).mode & 0o777, 0o600);
});
