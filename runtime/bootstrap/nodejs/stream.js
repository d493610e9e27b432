// awslambda.streamifyResponse: the handler writes to a stream, whose pieces go to the caller as they
// come. What the caller does not take, the handler's writes wait for.
//
// Names and symbols are those of AWS's own runtime, as libraries look for them.
'use strict';

const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming');
const HIGH_WATER_MARK = Symbol.for('aws.lambda.runtime.handler.streaming.highWaterMark');
const HTTP_TYPE = 'application/vnd.awslambda.http-integration-response';
const PRELUDE_END = 8;      // NULs.
const MAX_PIECE = 65536;    // runtime/channel.h

function installStreaming() {
  globalThis.awslambda = {
    streamifyResponse(handler, options) {
      handler[STREAMING] = 'response';
      if (typeof options?.highWaterMark === 'number') handler[HIGH_WATER_MARK] = options.highWaterMark;
      return handler;
    },
    HttpResponseStream: {
      from(stream, metadata) {
        stream.setContentType(HTTP_TYPE);
        const prelude = JSON.stringify(metadata);
        // Before whatever is written first, or the end.
        stream._onBeforeFirstWrite = (write) => {
          write(Buffer.from(prelude));
          write(Buffer.alloc(PRELUDE_END));
        };
        return stream;
      },
    },
  };
}

const isBytes = (value) => typeof value === 'string' || value instanceof Uint8Array;

// `link` is where the answer goes: begin(type), piece(bytes, taken), end(), fail(error), and
// finished, after which nothing more is sent.
function makeStream(link, highWaterMark) {
  const { Writable } = require('node:stream');
  let type = 'application/octet-stream';
  let begun = false;
  const begin = () => {
    if (begun) return;
    begun = true;
    link.begin(type);
    if (stream._onBeforeFirstWrite) stream._onBeforeFirstWrite((bytes) => link.piece(bytes));
  };
  const stream = new Writable({
    ...(highWaterMark === undefined ? {} : { highWaterMark }),
    writev(chunks, taken) {
      if (link.finished()) return taken();
      begin();
      const bytes = chunks.length === 1 ? chunks[0].chunk
        : Buffer.concat(chunks.map(({ chunk }) => chunk));
      let at = 0;
      const next = () => {
        if (link.finished()) return taken();
        const piece = bytes.subarray(at, at + MAX_PIECE);
        at += piece.length;
        link.piece(piece, at < bytes.length ? next : () => taken());
      };
      next();
    },
    final(done) {
      if (!link.finished()) {
        begin();
        link.end();
      }
      done();
    },
  });
  // As AWS's stream, it takes what JSON can say.
  const { write } = stream;
  stream.write = (value, ...rest) =>
    write.call(stream, isBytes(value) ? value : JSON.stringify(value), ...rest);
  stream.setContentType = (value) => {
    if (begun) {
      const error = new Error('Cannot set content-type, too late.');
      error.name = 'Runtime.InvalidStreamingOperation';
      throw error;
    }
    type = value;
  };
  stream.on('error', (error) => link.fail(error));
  return stream;
}

function runStreaming(handler, event, context, link) {
  const stream = makeStream(link, handler[HIGH_WATER_MARK]);
  const fail = (error) => {
    link.fail(error === undefined || error === null ? new Error(String(error)) : error);
    stream.destroy();
  };
  try {
    const result = handler(event, stream, context);
    if (typeof result?.then !== 'function') {
      fail('Streaming does not support non-async handlers.');
    } else {
      result.then((value) => {
        if (value !== undefined) console.warn('Streaming handlers ignore return values.');
      }, fail);
    }
  } catch (error) {
    fail(error);
  }
  // Where nothing keeps the process at work any more, what is written is all.
  return () => stream.end();
}

module.exports = {
  installStreaming, runStreaming, isStreaming: (handler) => handler[STREAMING] === 'response',
};
