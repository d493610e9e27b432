// Drives layers with the stock JavaScript SDK v3; exits non-zero at the first surprise.
const assert = require('node:assert/strict');
const lambda = require('@aws-sdk/client-lambda');

const client = new lambda.LambdaClient({
  endpoint: process.env.HEARTH_URL, region: 'us-east-1', maxAttempts: 1,
  credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
});
const LayerName = 'FromJs';
const send = (operation, input = {}) => client.send(new lambda[`${operation}Command`](input));
const zip = (name) => ({ ZipFile: Buffer.from(process.env[name], 'base64') });

(async () => {
  const made = await send('PublishLayerVersion', {
    LayerName, Content: zip('CODE_V1'), CompatibleRuntimes: ['nodejs22.x'], Description: 'js',
  });
  assert.equal(made.Version, 1);
  const Arn = made.LayerVersionArn;
  assert.equal((await send('GetLayerVersionByArn', { Arn })).Description, 'js');
  assert.equal((await send('GetLayerVersion', { LayerName: made.LayerArn, VersionNumber: 1 }))
    .Content.CodeSha256, made.Content.CodeSha256);
  assert.deepEqual((await send('ListLayerVersions', { LayerName })).LayerVersions
    .map((v) => v.Version), [1]);
  assert.ok((await send('ListLayers')).Layers.some((l) => l.LayerName === LayerName));

  const FunctionName = 'UsesJs';
  const uses = await send('CreateFunction', {
    FunctionName, Runtime: 'nodejs22.x', Handler: 'index.handler', Layers: [Arn],
    Role: 'arn:aws:iam::000000000000:role/lambda', Code: zip('CODE_V2'),
  });
  assert.deepEqual(uses.Layers.map((l) => l.Arn), [Arn]);
  const answer = await send('Invoke', { FunctionName, Payload: '{}' });
  assert.equal(Buffer.from(answer.Payload).toString(), '"shared"');

  const one = { LayerName, VersionNumber: 1 };
  await send('AddLayerVersionPermission',
    { ...one, StatementId: 's', Action: 'lambda:GetLayerVersion', Principal: '123456789012' });
  assert.match((await send('GetLayerVersionPolicy', one)).Policy, /"Sid":"s"/);
  await send('RemoveLayerVersionPermission', { ...one, StatementId: 's' });
  await send('DeleteLayerVersion', one);
  for (const [operation, input, name] of [
    ['GetLayerVersion', one, 'ResourceNotFoundException'],
    ['GetLayerVersion', { LayerName, VersionNumber: 0 }, 'InvalidParameterValueException'],
    ['PublishLayerVersion', { LayerName: 'a b', Content: zip('CODE_V1') }, 'ValidationException'],
    ['PublishLayerVersion', { LayerName, Content: {} }, 'InvalidParameterValueException'],
    ['UpdateFunctionConfiguration', { FunctionName, Layers: [`${made.LayerArn}:9`] },
      'InvalidParameterValueException'],
  ]) {
    await assert.rejects(send(operation, input), { name }, `${operation} ${JSON.stringify(input)}`);
  }
  console.log('all operations passed');
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
