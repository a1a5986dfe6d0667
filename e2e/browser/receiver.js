// A customer's webhook endpoint: keeps what it is sent.

'use strict';

const { EventEmitter, once } = require('node:events');
const http = require('node:http');

class Receiver extends EventEmitter {
  static async start(answer = { status: 200, body: '' }) {
    const made = new Receiver();
    made.received = [];
    made.answer = answer;
    made.server = http.createServer(async (request, response) => {
      let body = '';
      for await (const part of request) body += part;
      made.received.push({ authorization: request.headers.authorization, ...JSON.parse(body) });
      response.writeHead(made.answer.status).end(made.answer.body);
      made.emit('received');
    });
    made.server.listen(0, '127.0.0.1');
    await once(made.server, 'listening');
    made.url = `http://127.0.0.1:${made.server.address().port}/hook`;
    return made;
  }

  // The first `number` webhooks.
  async first(number) {
    while (this.received.length < number) await once(this, 'received');
    return this.received.slice(0, number);
  }

  async stop() {
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }
}

module.exports = { Receiver };
