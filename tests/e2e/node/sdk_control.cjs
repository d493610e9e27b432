// Drives what surrounds a function (its share of the account's concurrency, tags, policies) with the stock JavaScript SDK v3; exits
// non-zero at the first surprise.
const assert = require('node:assert/strict');
const lambda = require('@aws-sdk/client-lambda');

const client = new lambda.LambdaClient({
  endpoint: process.env.HEARTH_URL, region: 'us-east-1', maxAttempts: 1,
  credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
});
const FunctionName = 'FromJs';
// send('PutFunctionConcurrency', {...}) of this function.
const send = (operation, input = {}) =>
  client.send(new lambda[`${operation}Command`]({ FunctionName, ...input }));
const refused = (operation, input, name) =>
  assert.rejects(send(operation, input), (error) => error.name === name, `${operation}: ${name}`);

(async () => {
  await send('CreateFunction', {
    Runtime: 'python3.12', Handler: 'app.handler', Role: 'arn:aws:iam::000000000000:role/lambda',
    Code: { ZipFile: Buffer.from(process.env.CODE_V1, 'base64') },
  });

  const put = await send('PutFunctionConcurrency', { ReservedConcurrentExecutions: 0 });
  assert.equal(put.ReservedConcurrentExecutions, 0);
  assert.equal((await send('GetFunctionConcurrency')).ReservedConcurrentExecutions, 0);
  await assert.rejects(send('Invoke', { Payload: '{}' }), (error) =>
    error instanceof lambda.TooManyRequestsException && error.message === 'Rate Exceeded.' &&
    error.Reason === 'ReservedFunctionConcurrentInvocationLimitExceeded' &&
    error.$metadata.httpStatusCode === 429);
  await refused('PutFunctionConcurrency', { ReservedConcurrentExecutions: 901 },
    'InvalidParameterValueException');
  await refused('PutFunctionConcurrency', { FunctionName: 'None', ReservedConcurrentExecutions: 1 },
    'ResourceNotFoundException');
  await send('DeleteFunctionConcurrency');
  assert.equal((await send('Invoke', { Payload: '{}' })).StatusCode, 200);
  const settings = await send('GetAccountSettings');
  assert.equal(settings.AccountLimit.ConcurrentExecutions, 1000);
  assert.equal(settings.AccountUsage.FunctionCount, 1);

  const Resource = 'arn:aws:lambda:us-east-1:000000000000:function:FromJs';
  await send('TagResource', { Resource, Tags: { a: '1', 'b c': '2' } });
  await send('UntagResource', { Resource, TagKeys: ['a'] });
  assert.deepEqual((await send('ListTags', { Resource })).Tags, { 'b c': '2' });
  await refused('TagResource', { Resource, Tags: { 'aws:x': '1' } },
    'InvalidParameterValueException');

  const permission = { StatementId: 'sns', Action: 'lambda:InvokeFunction',
    Principal: 'sns.amazonaws.com', SourceArn: 'arn:aws:sns:us-east-1:000000000000:topic' };
  const added = JSON.parse((await send('AddPermission', permission)).Statement);
  assert.deepEqual(added.Condition, { ArnLike: { 'AWS:SourceArn': permission.SourceArn } });
  const policy = await send('GetPolicy');
  assert.deepEqual(JSON.parse(policy.Policy).Statement, [added]);
  await refused('AddPermission', permission, 'ResourceConflictException');
  await refused('AddPermission', { ...permission, Qualifier: '$LATEST' },
    'InvalidParameterValueException');
  await refused('RemovePermission', { StatementId: 'sns', RevisionId: 'stale' },
    'PreconditionFailedException');
  await send('RemovePermission', { StatementId: 'sns', RevisionId: policy.RevisionId });
  await refused('GetPolicy', {}, 'ResourceNotFoundException');

  await send('PutFunctionRecursionConfig', { RecursiveLoop: 'Allow' });
  assert.equal((await send('GetFunctionRecursionConfig')).RecursiveLoop, 'Allow');
  await send('PutRuntimeManagementConfig', { UpdateRuntimeOn: 'FunctionUpdate' });
  assert.equal((await send('GetRuntimeManagementConfig')).UpdateRuntimeOn, 'FunctionUpdate');
  assert.equal((await send('GetFunctionCodeSigningConfig')).CodeSigningConfigArn, undefined);

  console.log('all operations passed');
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
