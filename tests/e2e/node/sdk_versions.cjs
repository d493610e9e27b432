// Drives versions and aliases with the stock JavaScript SDK v3; exits non-zero at the first surprise.
const assert = require('node:assert/strict');
const lambda = require('@aws-sdk/client-lambda');

const client = new lambda.LambdaClient({
  endpoint: process.env.HEARTH_URL, region: 'us-east-1', maxAttempts: 1,
  credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
});
const FunctionName = 'FromJs';
// send('PublishVersion', {...}) of this function.
const send = (operation, input = {}) =>
  client.send(new lambda[`${operation}Command`]({ FunctionName, ...input }));
const call = async (Qualifier) => {
  const answer = await send('Invoke', { Qualifier, Payload: '{}' });
  return [answer.ExecutedVersion, JSON.parse(Buffer.from(answer.Payload)).text];
};

(async () => {
  const made = await send('CreateFunction', {
    Runtime: 'python3.12', Handler: 'app.handler', Publish: true,
    Role: 'arn:aws:iam::000000000000:role/lambda',
    Code: { ZipFile: Buffer.from(process.env.CODE_V1, 'base64') },
  });
  assert.equal(made.Version, '1');
  const code = { ZipFile: Buffer.from(process.env.CODE_V2, 'base64') };
  await send('UpdateFunctionCode', code);
  const two = await send('PublishVersion', { Description: 'two' });
  assert.equal(two.Version, '2');
  assert.equal(two.Description, 'two');
  await lambda.waitUntilPublishedVersionActive(
    { client, maxWaitTime: 10 }, { FunctionName, Qualifier: '2' });
  assert.deepEqual((await send('ListVersionsByFunction')).Versions.map((v) => v.Version),
    ['$LATEST', '1', '2']);
  assert.deepEqual(await call('1'), ['1', 'one']);

  const alias = await send('CreateAlias', { Name: 'PROD', FunctionVersion: '1' });
  assert.equal(alias.FunctionVersion, '1');
  assert.deepEqual(await call('PROD'), ['1', 'one']);
  const shifted = await send('UpdateAlias', {
    Name: 'PROD', RoutingConfig: { AdditionalVersionWeights: { 2: 1 } }, RevisionId: alias.RevisionId,
  });
  assert.deepEqual(shifted.RoutingConfig, { AdditionalVersionWeights: { 2: 1 } });
  assert.deepEqual(await call('PROD'), ['2', 'two']);
  assert.deepEqual(await send('GetAlias', { Name: 'PROD' }).then((a) => a.RevisionId),
    shifted.RevisionId);
  assert.equal((await send('ListAliases', { FunctionVersion: '1' })).Aliases.length, 1);

  for (const [operation, input, name] of [
    ['UpdateAlias', { Name: 'PROD', RevisionId: 'stale' }, 'PreconditionFailedException'],
    ['CreateAlias', { Name: 'PROD', FunctionVersion: '1' }, 'ResourceConflictException'],
    ['CreateAlias', { Name: 'NEXT', FunctionVersion: '9' }, 'ResourceNotFoundException'],
    ['CreateAlias', { Name: '12', FunctionVersion: '1' }, 'ValidationException'],
    ['GetAlias', { Name: 'NEXT' }, 'ResourceNotFoundException'],
    ['DeleteFunction', { Qualifier: '2' }, 'ResourceConflictException'],
    ['DeleteFunction', { Qualifier: '$LATEST' }, 'InvalidParameterValueException'],
    ['PublishVersion', { CodeSha256: 'other' }, 'InvalidParameterValueException'],
    ['PutProvisionedConcurrencyConfig', { Qualifier: '$LATEST', ProvisionedConcurrentExecutions: 1 },
      'InvalidParameterValueException'],
    ['GetProvisionedConcurrencyConfig', { Qualifier: '1' },
      'ProvisionedConcurrencyConfigNotFoundException'],
  ]) {
    await assert.rejects(send(operation, input), { name }, `${operation} ${JSON.stringify(input)}`);
  }
  await send('DeleteAlias', { Name: 'PROD' });
  await send('DeleteFunction', { Qualifier: '2' });
  await assert.rejects(call('2'), { name: 'ResourceNotFoundException' });
  console.log('all operations passed');
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
