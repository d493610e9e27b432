// Lambda's console: "<time>\t<request id>\tLEVEL\tmessage", written at once.
'use strict';

const fs = require('node:fs');
const { format } = require('node:util');

let requestId = 'undefined';

// The pipe may be full: the host reads it, so the write is tried again until it is taken.
function writeAll(text) {
  let rest = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(fs.writeSync(1, rest));
    } catch (error) {
      if (error.code !== 'EAGAIN') return;
    }
  }
}

function patchConsole() {
  const patch = (level) => (...values) => {
    // Newlines inside an event are carriage returns on AWS's text format; one call, one event.
    writeAll(`${new Date().toISOString()}\t${requestId}\t${level}\t` +
      `${format(...values).replace(/\n/g, '\r')}\n`);
  };
  console.log = patch('INFO');
  console.info = patch('INFO');
  console.debug = patch('DEBUG');
  console.warn = patch('WARN');
  console.error = patch('ERROR');
  console.trace = patch('TRACE');
}

module.exports = { patchConsole, setRequestId: (id) => { requestId = id; } };
