// An installation of vinculo in a folder of its own, and what an API client asks of it.

'use strict';

const assert = require('node:assert/strict');
const { execFileSync, spawn } = require('node:child_process');
const { once } = require('node:events');
const {
  mkdtempSync, readFileSync, readdirSync, rmSync,
} = require('node:fs');
const { tmpdir } = require('node:os');
const path = require('node:path');
const readline = require('node:readline');

const BINARY = process.env.VINCULO_E2E_BINARY;

class Installation {
  // Starts a server that nobody can sign in to yet.
  static async start() {
    const made = new Installation();
    made.folder = mkdtempSync(path.join(tmpdir(), 'vinculo-browser-'));
    made.environment = {
      PATH: process.env.PATH, HOME: made.folder, VINCULO_WEBHOOK_ALLOW_PRIVATE: 'true',
    };
    made.server = spawn(BINARY, made.arguments('serve', '--listen', '127.0.0.1:0'), {
      env: made.environment, cwd: made.folder, stdio: ['ignore', 'pipe', 'inherit'],
    });
    made.ended = once(made.server, 'exit');
    // The last thing that is said is where the first user is set up.
    for await (const line of readline.createInterface({ input: made.server.stdout })) {
      if (line.startsWith('listening on ')) made.url = line.slice('listening on '.length);
      if (line.includes('/dashboard/welcome/')) {
        made.welcome = line.trim();
        made.server.stdout.resume();
        return made;
      }
    }
    throw new Error('the server ended before it was ready');
  }

  arguments(...command) {
    return [...command, '--data-dir', path.join(this.folder, 'data')];
  }

  // What a command prints.
  command(...command) {
    return execFileSync(BINARY, command, { env: this.environment, cwd: this.folder });
  }

  // The JSON that a command on the installation prints.
  run(...command) {
    return JSON.parse(this.command(...this.arguments(...command, '--json')));
  }

  // The first planilla of the made-up country, as text.
  planilla() {
    const folder = path.join(this.folder, 'planillas');
    this.command('operator', 'export', '--months', '3', '--payers', '3', '--out', folder);
    const [first] = readdirSync(folder).sort();
    return readFileSync(path.join(folder, first), 'latin1');
  }

  // A function that asks the API with new keys: the JSON of an answer that must be of this status.
  client(environment) {
    const keys = this.run('keys', 'create', '--environment', environment, '--name', 'e2e');
    const basic = Buffer.from(`${keys.secret_id}:${keys.secret_password}`).toString('base64');
    return async (method, address, body, status = 200) => {
      const answer = await fetch(this.url + address, {
        method,
        headers: { Authorization: `Basic ${basic}`, 'Content-Type': 'application/json' },
        body: Buffer.isBuffer(body) ? body : body && JSON.stringify(body),
      });
      const text = await answer.text();
      assert.equal(answer.status, status, `${method} ${address}: ${text}`);
      return JSON.parse(text);
    };
  }

  async stop() {
    this.server.kill('SIGTERM');
    const [status] = await this.ended;
    rmSync(this.folder, { recursive: true });
    assert.equal(status, 0, 'the server did not end well');
  }
}

module.exports = { Installation };
