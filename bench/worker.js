// The floor's Node worker: JSON in, JSON out, over the frames of bench/worker.h. It blocks: an event
// loop between read and write would only cost.
'use strict';
const { readSync, writeSync } = require('node:fs');

let buffer = Buffer.allocUnsafeSlow(1 << 16);

function readFrame() {
  let have = 0;
  let end = 4;
  while (have < end) {
    const got = readSync(3, buffer, have, buffer.length - have, null);
    if (got === 0) process.exit(0);
    have += got;
    if (have < 4) continue;
    end = 4 + buffer.readUInt32LE(0);
    if (end > buffer.length) {
      const larger = Buffer.allocUnsafeSlow(end);
      buffer.copy(larger, 0, 0, have);
      buffer = larger;
    }
  }
  return buffer.utf8Slice(4, end);
}

function writeFrame(text) {
  // No character of a string takes more than three bytes of UTF-8.
  const room = 4 + 3 * text.length;
  if (room > buffer.length) buffer = Buffer.allocUnsafeSlow(room);
  const size = buffer.utf8Write(text, 4);
  buffer.writeUInt32LE(size, 0);
  for (let at = 0; at < 4 + size;) at += writeSync(4, buffer, at, 4 + size - at);
}

for (;;) writeFrame(JSON.stringify(JSON.parse(readFrame())));
