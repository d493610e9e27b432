// awslambda.streamifyResponse: the handler writes to a stream; here its bytes are one answer.
'use strict';

const marked = new WeakSet();

function installStreaming() {
  globalThis.awslambda = {
    streamifyResponse(handler) {
      marked.add(handler);
      return handler;
    },
    HttpResponseStream: {
      from(stream, metadata) {
        stream.setContentType('application/vnd.awslambda.http-integration-response');
        stream.write(JSON.stringify(metadata));
        stream.write(Buffer.alloc(8));  // The prelude ends with eight NULs.
        return stream;
      },
    },
  };
}

function runStreaming(handler, event, context, done) {
  const { Writable } = require('node:stream');
  const pieces = [];
  let type = 'application/octet-stream';
  const stream = new Writable({
    write(piece, _encoding, taken) {
      pieces.push(piece);
      taken();
    },
  });
  stream.setContentType = (value) => { type = value; };
  stream.on('finish', () => done(null, Buffer.concat(pieces), type));
  stream.on('error', (error) => done(error));
  Promise.resolve()
    .then(() => handler(event, stream, context))
    .catch((error) => done(error === undefined ? new Error('undefined') : error));
}

module.exports = { installStreaming, runStreaming, isStreaming: (handler) => marked.has(handler) };
