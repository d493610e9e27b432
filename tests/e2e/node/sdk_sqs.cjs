// Drives queues of both kinds with the stock JavaScript SDK v3, which checks the MD5 of every body and
// attribute that it sends and receives; exits non-zero at the first surprise.
const assert = require('node:assert/strict');
const sqs = require('@aws-sdk/client-sqs');

const client = new sqs.SQSClient({
  endpoint: process.env.HEARTH_URL, region: 'us-east-1', maxAttempts: 1,
  credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
});
const send = (operation, input = {}) => client.send(new sqs[`${operation}Command`](input));
const refused = (operation, input, name) =>
  assert.rejects(send(operation, input), (error) => error.name === name, `${operation}: ${name}`);

const MessageAttributes = {
  text: { DataType: 'String', StringValue: 'a&b<c>\r\n\u00e4\u20ac\u{1f600}' },
  labelled: { DataType: 'String.label', StringValue: 'x' },
  number: { DataType: 'Number', StringValue: '-1.5e3' },
  integer: { DataType: 'Number.int', StringValue: '42' },
  bytes: { DataType: 'Binary', BinaryValue: Uint8Array.from({ length: 256 }, (_, i) => i) },
  image: { DataType: 'Binary.png', BinaryValue: Uint8Array.of(0, 255) },
};
const MessageSystemAttributes = {
  AWSTraceHeader: { DataType: 'String', StringValue: 'Root=1-5759e988-bd862e3fe1be46a994272793' },
};
const BODIES = ['plain', '{"json":[1,"\u20ac"]}', ' \t\r\n<&>"\u{1f600}', 'x'.repeat(200000)];

async function life(name, attributes, ofKind) {
  const { QueueUrl } = await send('CreateQueue', { QueueName: name, Attributes: attributes });
  assert.equal((await send('GetQueueUrl', { QueueName: name })).QueueUrl, QueueUrl);
  const sent = new Map();
  for (const MessageBody of BODIES) {
    const answer = await send('SendMessage', {
      QueueUrl, MessageBody, MessageAttributes, MessageSystemAttributes, ...ofKind(sent.size) });
    assert.equal(answer.SequenceNumber !== undefined, name.endsWith('.fifo'));
    sent.set(answer.MessageId, MessageBody);
  }
  const batch = await send('SendMessageBatch', {
    QueueUrl,
    Entries: BODIES.map((MessageBody, i) => ({
      Id: `e${i}`, MessageBody, MessageAttributes, ...ofKind(100 + i) })),
  });
  assert.equal(batch.Successful.length, BODIES.length);
  assert.equal((batch.Failed ?? []).length, 0);
  for (const each of batch.Successful) sent.set(each.MessageId, BODIES[Number(each.Id.slice(1))]);

  const handles = [];
  while (handles.length < sent.size) {
    const { Messages } = await send('ReceiveMessage', {
      QueueUrl, MaxNumberOfMessages: 3, MessageAttributeNames: ['All'],
      MessageSystemAttributeNames: ['All'], WaitTimeSeconds: 5 });
    assert.ok(Messages, `${handles.length} of ${sent.size} came`);
    for (const message of Messages) {
      assert.equal(message.Body, sent.get(message.MessageId));
      assert.deepEqual(message.MessageAttributes, MessageAttributes);
      assert.equal(message.Attributes.ApproximateReceiveCount, '1');
      handles.push(message.ReceiptHandle);
    }
    // A group gives its next when these are gone.
    const gone = await send('DeleteMessageBatch', {
      QueueUrl,
      Entries: Messages.map((each, i) => ({ Id: `${i}`, ReceiptHandle: each.ReceiptHandle })) });
    assert.equal(gone.Successful.length, Messages.length);
  }
  // Some attributes have an MD5 of their own, none has none.
  await send('SendMessage', { QueueUrl, MessageBody: 'some', MessageAttributes, ...ofKind(200) });
  const some = await send('ReceiveMessage', { QueueUrl, MessageAttributeNames: ['text', 'by*'] });
  assert.deepEqual(Object.keys(some.Messages[0].MessageAttributes).sort(), ['bytes', 'text']);
  const ReceiptHandle = some.Messages[0].ReceiptHandle;
  await send('ChangeMessageVisibility', { QueueUrl, ReceiptHandle, VisibilityTimeout: 0 });
  await refused('ChangeMessageVisibility', { QueueUrl, ReceiptHandle, VisibilityTimeout: 9 },
    'MessageNotInflight');
  const none = await send('ReceiveMessage', { QueueUrl, WaitTimeSeconds: 5 });
  assert.equal(none.Messages[0].MessageAttributes, undefined);
  await send('DeleteMessage', { QueueUrl, ReceiptHandle: none.Messages[0].ReceiptHandle });
  assert.equal((await send('ReceiveMessage', { QueueUrl })).Messages, undefined);
  const counts = await send('GetQueueAttributes', { QueueUrl, AttributeNames: ['All'] });
  assert.equal(counts.Attributes.ApproximateNumberOfMessages, '0');

  await refused('SendMessageBatch', { QueueUrl, Entries: [] }, 'EmptyBatchRequest');
  await refused('DeleteMessage', { QueueUrl, ReceiptHandle: 'none' }, 'ReceiptHandleIsInvalid');
  await send('TagQueue', { QueueUrl, Tags: { a: 'b' } });
  assert.deepEqual((await send('ListQueueTags', { QueueUrl })).Tags, { a: 'b' });
  await send('PurgeQueue', { QueueUrl });
  await refused('PurgeQueue', { QueueUrl }, 'PurgeQueueInProgress');
  await send('DeleteQueue', { QueueUrl });
  await assert.rejects(send('SendMessage', { QueueUrl, MessageBody: 'x', ...ofKind(300) }),
    (error) => error instanceof sqs.QueueDoesNotExist);
  await refused('CreateQueue', { QueueName: name, Attributes: attributes }, 'QueueDeletedRecently');
}

(async () => {
  await life('js', { VisibilityTimeout: '30' }, () => ({}));
  await life('js.fifo', { FifoQueue: 'true' }, (i) => ({
    MessageGroupId: `g${i % 2}`, MessageDeduplicationId: `d${i}` }));
  console.log('all operations passed');
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
