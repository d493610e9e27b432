// Hearth's Node.js runtime: loads the handler, then serves one event after another from fd 3.
//
// The frames are those of runtime/channel.h. Formats of errors and logs are AWS's
// (aws-lambda-nodejs-runtime-interface-client), so that tools that read them go on working.
'use strict';

const net = require('node:net');
const { patchConsole, configureConsole, logError, setRequestId } = require('./console.js');
const { loadHandler } = require('./handler.js');
const { installStreaming, runStreaming, isStreaming } = require('./stream.js');

const READY = 2, INIT_ERROR = 3, RESPONSE = 4, ERROR = 5, LAST_ERROR = 6, PREPARE = 8;
const STREAM_BEGIN = 9, STREAM_PIECE = 10, STREAM_END = 11;
const REHEARSALS = 3;
const HEADER = 8;
const MAX_RESPONSE = 6 * 1024 * 1024 + 100;
const MAX_MESSAGE = 256 * 1024;  // Of an error over MAX_RESPONSE.

const events = new net.Socket({ fd: 3, readable: true, writable: false });
const answers = new net.Socket({ fd: 4, readable: false, writable: true });

function send(type, ...fields) {
  let length = 0;
  for (const field of fields) length += 4 + field.length;
  const frame = Buffer.allocUnsafe(HEADER + length);
  frame.writeUInt32LE(length, 0);
  frame.writeUInt32LE(type, 4);
  let at = HEADER;
  for (const field of fields) {
    frame.writeUInt32LE(field.length, at);
    field.copy(frame, at + 4);
    at += 4 + field.length;
  }
  return answers.write(frame);
}

// `taken` is called when the host has it: until then the function's own writes wait.
function sendPiece(bytes, taken) {
  const header = Buffer.alloc(HEADER);
  header.writeUInt32LE(bytes.length, 0);
  header[4] = STREAM_PIECE;
  answers.cork();
  answers.write(header);
  answers.write(bytes, taken);
  answers.uncork();
}

// AWS's error object for whatever was thrown.
function describe(error, type) {
  if (error instanceof Error || (error && error.stack && error.message !== undefined)) {
    return {
      errorType: type || error.name || 'Error',
      errorMessage: String(error.message),
      trace: String(error.stack || '').split('\n'),
    };
  }
  return { errorType: type || typeof error, errorMessage: String(error), trace: [] };
}

function errorFields(described) {
  let text = Buffer.from(JSON.stringify(described));
  if (text.length > MAX_RESPONSE) {
    // A frame over the limit would end the sandbox, and with it what the error was.
    const errorMessage = described.errorMessage.slice(0, MAX_MESSAGE);
    text = Buffer.from(JSON.stringify({ ...described, errorMessage, trace: [] }));
  }
  return [Buffer.from(String(described.errorType)), text];
}

// --- One call ------------------------------------------------------------------------------------

// The call that runs: {id, done}. `done` answers once; later answers of the same call are ignored.
let running = null;
// context.js, which reads the environment: required once that is the function's.
let makeContext = null;

function leave(call) {
  call.finished = true;
  running = null;
  events.ref();
}

function finish(call, error, result) {
  if (call.finished) return;
  leave(call);
  if (error === undefined || error === null) {
    let body;
    try {
      body = Buffer.from(JSON.stringify(result === undefined ? null : result) ?? 'null');
    } catch (problem) {
      error = new Error(`Unable to stringify response body: ${problem.message}`);
      error.name = 'Runtime.MarshalError';
    }
    if (body && body.length > MAX_RESPONSE) {
      error = new Error('Response payload size exceeded maximum allowed payload size ' +
        `(${MAX_RESPONSE} bytes).`);
      error.name = 'Function.ResponseSizeTooLarge';
    }
    if (!error) {
      send(RESPONSE, call.idBytes, Buffer.from('application/json'), body);
      return;
    }
  }
  const described = describe(error);
  logError('Invoke Error', {
    errorType: described.errorType, errorMessage: described.errorMessage, stack: described.trace,
  });
  send(ERROR, call.idBytes, ...errorFields(described));
}

// Where the answer of a streaming handler goes.
function linkOf(call) {
  return {
    begin: (type) => send(STREAM_BEGIN, call.idBytes, Buffer.from(type)),
    piece: sendPiece,
    finished: () => call.finished,
    end: () => {
      leave(call);
      send(STREAM_END);
    },
    fail: (error) => finish(call, error),
  };
}

function start(handler, fields) {
  const [idBytes, deadline, arn, trace, client, identity, tenant, payload] = fields;
  const call = { id: idBytes.toString(), idBytes, finished: false, pending: null };
  running = call;
  setRequestId(call.id);
  if (trace.length > 0) process.env._X_AMZN_TRACE_ID = trace.toString();
  const context = makeContext({
    id: call.id, deadline: Number(deadline.readBigInt64LE()), arn: arn.toString(),
    client, identity, tenant: tenant.toString(),
  });
  const answer = (error, result) => {
    if (call.finished || call.pending) return;
    if (error || !context.callbackWaitsForEmptyEventLoop) {
      finish(call, error || null, result);
    } else {
      call.pending = { result };  // Answered when the event loop is empty.
    }
  };
  context.done = answer;
  context.succeed = (result) => answer(null, result);
  context.fail = (error) => answer(error || new Error('context.fail() was called'));
  // While the handler works only its own handles keep the loop alive: an empty loop ends the call.
  events.unref();
  try {
    const event = JSON.parse(payload.toString());
    if (isStreaming(handler)) {
      call.pending = { end: runStreaming(handler, event, context, linkOf(call)) };
      return;
    }
    const result = handler(event, context, answer);
    if (result && typeof result.then === 'function') {
      result.then((value) => finish(call, null, value), (error) => {
        finish(call, error === undefined || error === null ? new Error(String(error)) : error);
      });
    }
  } catch (error) {
    finish(call, error === undefined || error === null ? new Error(String(error)) : error);
  }
}

process.on('beforeExit', () => {
  const call = running;
  if (!call) return;
  if (call.pending && call.pending.end) call.pending.end();
  else finish(call, null, call.pending ? call.pending.result : null);
});

// --- What nobody caught --------------------------------------------------------------------------

function dieOf(error, type, status) {
  const described = describe(error, type);
  logError(type === 'Runtime.UnhandledPromiseRejection' ? 'Unhandled Promise Rejection'
    : 'Uncaught Exception', described);
  const leave = () => process.exit(status);
  if (running) send(LAST_ERROR, running.idBytes, ...errorFields(described));
  else send(INIT_ERROR, ...errorFields(described));
  // The frame is on its way once the socket says so; a blocked host must not keep a broken process.
  answers.end(leave);
}

process.on('uncaughtException', (error) => dieOf(error, undefined, 129));
process.on('unhandledRejection', (reason) => {
  const message = reason instanceof Error ? reason : new Error(String(reason));
  const error = new Error(`${message.name}: ${message.message}`);
  error.stack = message.stack;
  dieOf(error, 'Runtime.UnhandledPromiseRejection', 128);
});

// --- Frames in -----------------------------------------------------------------------------------

// Calls `take` with the fields of one frame after another; `take` may be replaced meanwhile.
const frames = { take: null };

function listen() {
  let pieces = [];
  let have = 0;
  let wanted = HEADER;
  let known = false;
  events.on('data', (piece) => {
    pieces.push(piece);
    have += piece.length;
    while (have >= wanted) {
      const data = pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
      if (!known) {
        known = true;
        wanted = HEADER + data.readUInt32LE(0);
        pieces = [data];
        continue;
      }
      const frame = data.subarray(0, wanted);
      const rest = data.subarray(wanted);
      pieces = rest.length > 0 ? [rest] : [];
      have = rest.length;
      known = false;
      wanted = HEADER;
      const fields = [];
      for (let at = HEADER; at < frame.length;) {
        const size = frame.readUInt32LE(at);
        fields.push(frame.subarray(at + 4, at + 4 + size));
        at += 4 + size;
      }
      frames.take(fields, frame[4]);
    }
  });
  events.on('end', () => process.exit(0));
  events.on('error', () => process.exit(0));
}

async function load() {
  configureConsole(process.env);
  makeContext = require('./context.js').makeContext;
  let handler;
  try {
    handler = await loadHandler('/var/task', process.env._HANDLER || '');
  } catch (error) {
    const described = describe(error);
    logError('Uncaught Exception', {
      errorType: described.errorType, errorMessage: described.errorMessage, stack: described.trace,
    });
    send(INIT_ERROR, ...errorFields(described));
    answers.end(() => process.exit(1));
    return;
  }
  frames.take = (fields) => start(handler, fields);
  send(READY);
}

let rehearsal = null;  // The one under way.

// Loads and calls a function of nobody's: what the interpreter compiles and caches on first use is
// then there for the first call of somebody's.
async function rehearse() {
  // Nothing of it may be found again by load().
  const requireAnew = (name) => {
    const found = require(name);
    delete require.cache[require.resolve(name)];
    return found;
  };
  const empty = Buffer.alloc(0);
  for (let i = 0; i < REHEARSALS; ++i) {
    const context = requireAnew('./context.js').makeContext({
      id: 'rehearsal', deadline: 0, arn: '', client: empty, identity: empty, tenant: '',
    });
    const handler = await loadHandler(__dirname, 'rehearsal.handler');
    requireAnew('./rehearsal.js');
    JSON.stringify(await handler(JSON.parse('{"a": [1, 2.5, "b", null]}'), context));
  }
}

// A stem cell waits to be told whose code this is: its environment, in one LOAD frame.
function loadAsTold(fields, type) {
  if (type === PREPARE) {
    rehearsal = rehearse().catch(() => {}).then(() => { rehearsal = null; });
  } else if (rehearsal) {
    rehearsal.then(() => becomeFunction(fields));  // Its code would run in the midst of ours.
  } else {
    becomeFunction(fields);
  }
}

function becomeFunction([variables]) {
  const wanted = new Map();
  for (const variable of variables.toString().split('\0')) {
    const equals = variable.indexOf('=');
    wanted.set(variable.slice(0, equals), variable.slice(equals + 1));
  }
  const modules = process.env.NODE_PATH;
  for (const name of Object.keys(process.env)) if (!wanted.has(name)) delete process.env[name];
  // What has its value already is left alone: to set TZ, even to what it was, costs milliseconds,
  // as the time zone is looked for in all of the machine's.
  for (const [name, value] of wanted) if (process.env[name] !== value) process.env[name] = value;
  // It was read when the process began.
  if (process.env.NODE_PATH !== modules) require('node:module')._initPaths();
  process.chdir('/var/task');  // What was mounted there while we waited.
  load();
}

patchConsole();
installStreaming();
listen();
if (process.env.HEARTH_STEM_CELL) {
  frames.take = loadAsTold;
} else {
  load();
}
