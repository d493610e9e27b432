// InvokeWithResponseStream by @aws-sdk/client-lambda: the function "Node" of test_streaming.py.
'use strict';

const assert = require('node:assert');
const { LambdaClient, InvokeWithResponseStreamCommand } = require('@aws-sdk/client-lambda');

const client = new LambdaClient({ endpoint: process.env.HEARTH_URL, maxAttempts: 1 });

async function stream(event) {
  const answer = await client.send(new InvokeWithResponseStreamCommand({
    FunctionName: 'Node', LogType: 'Tail', Payload: JSON.stringify(event),
  }));
  assert.strictEqual(answer.ExecutedVersion, '$LATEST');
  const pieces = [];
  let complete = null;
  for await (const message of answer.EventStream) {
    assert.strictEqual(complete, null);
    if (message.PayloadChunk) pieces.push(Buffer.from(message.PayloadChunk.Payload));
    else complete = message.InvokeComplete;
  }
  return { text: Buffer.concat(pieces).toString(), complete };
}

(async () => {
  let got = await stream({ pieces: ['one ', 'two'] });
  assert.strictEqual(got.text, 'one two');
  assert.strictEqual(got.complete.ErrorCode, undefined);
  assert.match(Buffer.from(got.complete.LogResult, 'base64').toString(), /REPORT RequestId/);
  got = await stream({ pieces: ['part'], throwLast: 'late' });
  assert.strictEqual(got.text, 'part');
  assert.strictEqual(got.complete.ErrorCode, 'Unhandled');
  assert.strictEqual(JSON.parse(got.complete.ErrorDetails).errorMessage, 'late');
  console.log('all operations passed');
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
