// Lambda's console, written at once: "<time>\t<request id>\tLEVEL\tmessage", or, where the function's
// log format is JSON, {"timestamp","level","requestId","message"}, of its level and above.
'use strict';

const fs = require('node:fs');
const { format } = require('node:util');

const LEVELS = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'];

let requestId;
let isJson = false;
let least = 0;  // Of LEVELS.

// Once the environment is the function's.
function configureConsole(environment) {
  isJson = (environment.AWS_LAMBDA_LOG_FORMAT || '').toUpperCase() === 'JSON';
  const level = (environment.AWS_LAMBDA_LOG_LEVEL || '').toUpperCase();
  least = isJson ? Math.max(0, LEVELS.indexOf(level)) : 0;
}

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

function withErrors(_name, value) {
  if (!(value instanceof Error)) return value;
  return {
    errorType: value.constructor?.name ?? 'UnknownError', errorMessage: value.message,
    stackTrace: typeof value.stack === 'string' ? value.stack.split('\n') : [], ...value,
  };
}

function jsonLine(level, values) {
  const line = { timestamp: new Date().toISOString(), level, requestId };
  if (values.length === 1) {
    try {
      const text = JSON.stringify({ ...line, message: values[0] }, withErrors);
      if (values[0] !== undefined) return text;
    } catch {
      // It refers to itself, or holds what JSON cannot say: shown as text.
    }
  }
  line.message = format(...values);
  const error = values.length > 1 && values.find((value) => value instanceof Error);
  return JSON.stringify(error ? { ...line, ...withErrors('', error) } : line);
}

function write(level, values) {
  if (LEVELS.indexOf(level) < least) return;
  // Newlines inside an event are carriage returns on AWS's text format; one call, one event.
  writeAll(isJson ? `${jsonLine(level, values)}\n`
    : `${new Date().toISOString()}\t${requestId}\t${level}\t` +
      `${format(...values).replace(/\n/g, '\r')}\n`);
}

function patchConsole() {
  const patch = (level) => (...values) => write(level, values);
  console.log = patch('INFO');
  console.info = patch('INFO');
  console.debug = patch('DEBUG');
  console.warn = patch('WARN');
  console.error = patch('ERROR');
  console.trace = patch('TRACE');
}

// What the runtime says of an error: {errorType, errorMessage, trace or stack}.
function logError(what, described) {
  if (!isJson) return write('ERROR', [what, `\t${JSON.stringify(described)}`]);
  const { errorType, errorMessage, stack, trace } = described;
  write('ERROR', [{ errorType, errorMessage, stackTrace: stack || trace || [] }]);
}

module.exports = {
  patchConsole, configureConsole, logError, setRequestId: (id) => { requestId = id; },
};
